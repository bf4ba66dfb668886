//! The body of a request as the document shows it; it is read member by member, strictly, by `schema` and `user`.
#![expect(dead_code, reason = "types that document a body which is read member by member")]

use serde_json::Value;
use utoipa::ToSchema;

/// Users to create or update.
#[derive(ToSchema)]
#[schema(as = PropellerUsers)]
pub struct BatchBody {
    /// At most 100,000.
    users: Vec<UserBody>,
}

/// A user; members that are not there leave what is stored alone.
#[derive(ToSchema)]
#[schema(as = PropellerUser)]
#[serde(rename_all = "camelCase")]
pub struct UserBody {
    /// The system it comes from.
    source: String,
    /// Its id there, number or text.
    source_id: Value,
    /// Where records have one for each language.
    language: Option<String>,
    /// Number or text.
    debtor_id: Option<Value>,
    /// Given name.
    first_name: Option<String>,
    /// Second given name.
    middle_name: Option<String>,
    /// Family name.
    last_name: Option<String>,
    /// All of them.
    full_name: Option<String>,
    /// Mr, Dr and the like.
    title: Option<String>,
    /// `YYYY-MM-DD` or `DD/MM/YYYY`.
    date_of_birth: Option<String>,
    /// `m`, `f` or `u`.
    gender: Option<String>,
    /// The name to log in with.
    login: Option<String>,
    /// Telephone.
    phone: Option<String>,
    /// Mobile telephone.
    mobile: Option<String>,
    /// E-mail address.
    email: Option<String>,
    /// Employer.
    company: Option<String>,
    /// Whose child it is.
    parent: Option<ParentBody>,
    /// VAT number.
    tax_number: Option<String>,
    /// Number at the chamber of commerce.
    coc_number: Option<String>,
    /// ISO 639-1.
    primary_language: Option<String>,
    /// Short name.
    abbreviation: Option<String>,
    /// Set by name; one without a value is removed.
    attributes: Option<Vec<AttributeBody>>,
    /// Created or updated by code.
    addresses: Option<Vec<AddressBody>>,
}

/// A parent, by our number or by its source id.
#[derive(ToSchema)]
#[schema(as = PropellerParent)]
#[serde(rename_all = "camelCase")]
pub struct ParentBody {
    /// Our number.
    id: Option<i64>,
    /// The system it comes from.
    source: Option<String>,
    /// Its id there, number or text.
    source_id: Option<Value>,
    /// Where records have one for each language.
    language: Option<String>,
}

/// An attribute.
#[derive(ToSchema)]
#[schema(as = PropellerAttribute)]
pub struct AttributeBody {
    /// Its name.
    name: String,
    /// Its class.
    class: Option<String>,
    /// Its type.
    r#type: Option<String>,
    /// Its value; without one it is removed.
    value: Option<String>,
}

/// An address; empty texts remove what they name.
#[derive(ToSchema)]
#[schema(as = PropellerAddress)]
#[serde(rename_all = "camelCase")]
pub struct AddressBody {
    /// By what it is found again: `delivery`, `invoice`, `home`, or any text where there is a type.
    code: Option<String>,
    /// `delivery`, `invoice` or `home`.
    r#type: Option<String>,
    /// Given name.
    first_name: Option<String>,
    /// Second given name.
    middle_name: Option<String>,
    /// Family name.
    last_name: Option<String>,
    /// `M`, `F` or `U`.
    gender: Option<String>,
    /// Company.
    company: Option<String>,
    /// Street.
    street: Option<String>,
    /// House number, number or text.
    number: Option<Value>,
    /// What follows the number.
    number_extension: Option<String>,
    /// Postal code.
    postal_code: Option<String>,
    /// City.
    city: Option<String>,
    /// Region.
    region: Option<String>,
    /// Country.
    country: Option<String>,
    /// Telephone.
    phone: Option<String>,
    /// Mobile telephone.
    mobile: Option<String>,
    /// E-mail address.
    email: Option<String>,
    /// Web address.
    url: Option<String>,
    /// `Y` for an intra-community delivery.
    icp: Option<String>,
    /// `Y` for the one that is taken first.
    is_default: Option<String>,
    /// Notes.
    notes: Option<String>,
}
