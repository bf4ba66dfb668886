//! The alias table: what vendors, directories and people call our fields. Headers are compared after folding (letters and
//! digits only, lower case), so `E-Mail`, `email` and `E_MAIL` are one.

use crate::resource::Resource;
use crate::resource::clients::{ALIAS, ALIAS_PREFIX};

/// The field that a header stands for, if it is known.
pub(super) fn field_for(resource: Resource, header: &str) -> Option<String> {
    let folded = fold(header);
    let table = match resource {
        Resource::Users => USERS,
        Resource::Clients => CLIENTS,
        Resource::ReportTypes => REPORT_TYPES,
    };
    let found = table.iter().find(|(_, names)| names.contains(&folded.as_str()));
    found
        .map(|(field, _)| (*field).to_owned())
        .or_else(|| country_alias(header).filter(|name| resource.has_column(name)))
}

/// Letters and digits only, in lower case.
fn fold(header: &str) -> String {
    let letters = header.chars().filter(|c| c.is_alphanumeric());
    letters.flat_map(char::to_lowercase).collect()
}

/// `Alias: de` and the like as the field spells it.
fn country_alias(header: &str) -> Option<String> {
    let (word, country) = header.split_once(':')?;
    (fold(word) == ALIAS.name).then(|| format!("{ALIAS_PREFIX}{}", country.trim().to_ascii_uppercase()))
}

/// What a CSV of clients may call its columns; English as the vendor's document has it, and everyday German and French.
const CLIENTS: &[(&str, &[&str])] = &[
    (
        "name",
        &[
            "name",
            "clientname",
            "client",
            "customer",
            "customername",
            "company",
            "companyname",
            "firma",
            "kunde",
            "kundenname",
            "societe",
            "société",
        ],
    ),
    ("status", &["status", "state", "zustand", "statut"]),
    ("shared", &["shared", "isshared", "geteilt", "partage", "partagé"]),
    (
        "notes",
        &[
            "notes",
            "note",
            "comment",
            "comments",
            "remarks",
            "notiz",
            "notizen",
            "bemerkung",
            "remarques",
        ],
    ),
    (
        "client_organization",
        &[
            "clientorganization",
            "clientorganisation",
            "organization",
            "organisation",
        ],
    ),
    (
        "collective_account",
        &["collectiveaccount", "iscollectiveaccount", "sammelkonto"],
    ),
    ("alias", &["alias", "aliases", "othernames", "aliasnamen"]),
    ("country", &["country", "countrycode", "land", "landescode", "pays"]),
    (
        "pro",
        &[
            "pro",
            "proname",
            "producerresponsibilityorganization",
            "producerresponsibilityorganisation",
        ],
    ),
    ("report_type", &["reporttype", "reportingtype", "meldungsart"]),
    (
        "login",
        &["login", "loginname", "username", "benutzername", "identifiant"],
    ),
    (
        "password",
        &["password", "pass", "pwd", "passwort", "kennwort", "motdepasse"],
    ),
    (
        "registration_number",
        &[
            "registrationnumber",
            "registrationno",
            "regno",
            "regnumber",
            "registrierungsnummer",
            "registriernummer",
        ],
    ),
    (
        "interval",
        &["interval", "reportinginterval", "frequency", "intervall", "turnus"],
    ),
    (
        "extra_info",
        &["extrainfo", "extrainformation", "additionalinfo", "zusatzinfo"],
    ),
];

/// What a CSV of report types may call its columns.
const REPORT_TYPES: &[(&str, &[&str])] = &[
    ("country", &["country", "countrycode", "land", "landescode", "pays"]),
    (
        "pro",
        &[
            "pro",
            "proname",
            "producerresponsibilityorganization",
            "producerresponsibilityorganisation",
        ],
    ),
    ("report_type", &["reporttype", "reportingtype", "type", "meldungsart"]),
];

/// Field → folded headers. Sources: the five vendors' documents, SCIM 2.0 (RFC 7643), LDAP, everyday German, French,
/// Spanish and Dutch exports.
const USERS: &[(&str, &[&str])] = &[
    ("source", &["source", "sourcesystem", "quelle"]),
    (
        "source_id",
        &[
            "sourceid",
            "id",
            "uid",
            "userid",
            "externalid",
            "employeeid",
            "employeenumber",
            "personnelnumber",
            "personalnummer",
            "mitarbeiternummer",
            "matricule",
            "personeelsnummer",
            "externalidssourceid",
        ],
    ),
    ("language", &["language", "lang", "sprache", "langue", "idioma", "taal"]),
    (
        "email",
        &[
            "email",
            "emailaddress",
            "emailaddr",
            "mail",
            "mailaddress",
            "emailid",
            "workemail",
            "businessemail",
            "primaryemail",
            "emailsvalue",
            "emailstypeeqworkvalue",
            "emailsprimaryvalue",
            "emailadresse",
            "mailadresse",
            "adressemail",
            "courriel",
            "correo",
            "correoelectronico",
            "emailadres",
        ],
    ),
    (
        "username",
        &[
            "username",
            "login",
            "loginname",
            "logon",
            "useraccount",
            "accountname",
            "samaccountname",
            "userprincipalname",
            "benutzername",
            "benutzer",
            "anmeldename",
            "nomdutilisateur",
            "identifiant",
            "nombredeusuario",
            "gebruikersnaam",
        ],
    ),
    (
        "first_name",
        &[
            "firstname",
            "first",
            "firstnm",
            "givenname",
            "namegivenname",
            "forename",
            "vorname",
            "prenom",
            "prénom",
            "nombre",
            "voornaam",
        ],
    ),
    (
        "middle_name",
        &[
            "middlename",
            "middle",
            "namemiddlename",
            "zweitername",
            "deuxiemeprenom",
            "tussenvoegsel",
        ],
    ),
    (
        "last_name",
        &[
            "lastname",
            "last",
            "lastnm",
            "surname",
            "familyname",
            "namefamilyname",
            "sn",
            "nachname",
            "nomdefamille",
            "apellido",
            "apellidos",
            "achternaam",
        ],
    ),
    (
        "full_name",
        &[
            "fullname",
            "name",
            "displayname",
            "nameformatted",
            "cn",
            "nomcomplet",
            "nombrecompleto",
            "volledigenaam",
        ],
    ),
    (
        "title",
        &[
            "title",
            "titel",
            "salutation",
            "anrede",
            "prefix",
            "honorificprefix",
            "namehonorificprefix",
            "civilite",
            "civilité",
            "titulo",
            "aanhef",
        ],
    ),
    ("gender", &["gender", "sex", "geschlecht", "sexe", "sexo", "geslacht"]),
    (
        "date_of_birth",
        &[
            "dateofbirth",
            "dob",
            "birthdate",
            "birthday",
            "geburtsdatum",
            "geburtstag",
            "datedenaissance",
            "fechadenacimiento",
            "geboortedatum",
        ],
    ),
    (
        "phone",
        &[
            "phone",
            "phonenumber",
            "phoneid",
            "telephone",
            "telephonenumber",
            "tel",
            "workphone",
            "businessphone",
            "phonenumbersvalue",
            "phonenumberstypeeqworkvalue",
            "telefon",
            "telefonnummer",
            "téléphone",
            "telefono",
            "teléfono",
            "telefoon",
            "telefoonnummer",
        ],
    ),
    (
        "mobile",
        &[
            "mobile",
            "mobilephone",
            "mobilenumber",
            "cell",
            "cellphone",
            "phonenumberstypeeqmobilevalue",
            "mobil",
            "mobiltelefon",
            "mobilnummer",
            "handy",
            "handynummer",
            "portable",
            "movil",
            "móvil",
            "mobiel",
        ],
    ),
    (
        "company",
        &[
            "company",
            "companyname",
            "employer",
            "firma",
            "unternehmen",
            "entreprise",
            "societe",
            "société",
            "empresa",
            "bedrijf",
        ],
    ),
    (
        "tax_number",
        &[
            "taxnumber",
            "taxid",
            "vatnumber",
            "vatid",
            "ustid",
            "ustidnr",
            "steuernummer",
            "numerotva",
            "btwnummer",
        ],
    ),
    (
        "coc_number",
        &["cocnumber", "chamberofcommercenumber", "kvk", "kvknummer", "kvknumber"],
    ),
    (
        "debtor_id",
        &[
            "debtorid",
            "debtornumber",
            "debitor",
            "debitornummer",
            "debitorennummer",
            "debiteurnummer",
        ],
    ),
    ("primary_language", &["primarylanguage", "primarylang", "hauptsprache"]),
    (
        "abbreviation",
        &[
            "abbreviation",
            "initials",
            "abkuerzung",
            "abkürzung",
            "kuerzel",
            "kürzel",
            "afkorting",
        ],
    ),
    ("parent", &["parent", "parentid", "parentsourceid"]),
    ("region", &["region"]),
    (
        "groups",
        &["groups", "group", "gruppen", "gruppe", "groupes", "grupos", "groepen"],
    ),
    ("addresses", &["addresses"]),
    ("password_hash", &["passwordhash", "hashedpassword"]),
];
