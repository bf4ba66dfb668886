//! Why a request is refused: one table of stable codes, and the RFC 9457 type that carries one to the client. Surfaces with an
//! envelope of their own translate it in their `error.rs`. The cause of a failure goes to the log, never in here.

use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

/// Every reason that this room knows, with its status, code and sentence. The door adds its own codes (`Problem::door`).
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $status:ident $code:literal $title:literal),+ $(,)?) => {
        /// A reason for a refusal.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Kind { $($(#[$doc])* #[doc = $title] $kind),+ }

        impl Kind {
            /// All of them, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$kind),+];

            /// Its HTTP status.
            pub fn status(self) -> StatusCode {
                match self { $(Self::$kind => StatusCode::$status),+ }
            }

            /// Its stable code.
            pub fn code(self) -> &'static str {
                match self { $(Self::$kind => $code),+ }
            }

            /// Its sentence.
            pub fn title(self) -> &'static str {
                match self { $(Self::$kind => $title),+ }
            }
        }
    };
}

kinds! {
    UnknownParameter = BAD_REQUEST "unknown-parameter" "A query parameter is not known here",
    InvalidParameter = BAD_REQUEST "invalid-parameter" "A query parameter or a part of the path has a value that cannot be used",
    RepeatedParameter = BAD_REQUEST "repeated-parameter" "A query parameter is given twice",
    InvalidCursor = BAD_REQUEST "invalid-cursor" "The cursor was not made for this list",
    InvalidHeader = BAD_REQUEST "invalid-header" "A header has a value that cannot be used",
    InvalidIdempotencyKey = BAD_REQUEST "invalid-idempotency-key" "The Idempotency-Key is not 1 to 255 printable ASCII characters",
    InvalidJson = BAD_REQUEST "invalid-json" "The body is not valid JSON",
    UnknownField = BAD_REQUEST "unknown-field" "A field is not known here",
    InvalidField = BAD_REQUEST "invalid-field" "A field has a value that cannot be used",
    ConflictingOption = BAD_REQUEST "conflicting-option" "An option is given twice with different values",
    RequiredField = BAD_REQUEST "required" "A field that must be there is missing",
    BodyTruncated = BAD_REQUEST "body-truncated" "The body ended before it was complete",
    BodyMalformed = BAD_REQUEST "body-malformed" "The body could not be read",
    MultipartMalformed = BAD_REQUEST "multipart-malformed" "The multipart body is not well-formed",
    MultipartBoundary = BAD_REQUEST "multipart-boundary" "The multipart boundary is missing, repeated or not 1 to 70 characters",
    PartHeaders = BAD_REQUEST "part-headers" "A part has no Content-Disposition with a name, or its headers are too large",
    PartUnknown = BAD_REQUEST "part-unknown" "A part is not one of those expected here",
    FilePartMissing = BAD_REQUEST "file-part-missing" "The part named file is missing",
    FilePartRepeated = BAD_REQUEST "file-part-repeated" "There is more than one part named file",
    OptionsPart = BAD_REQUEST "options-part" "The part named options must come once, before the part named file, and be at most 64 KiB",
    QuotaPassed = PAYMENT_REQUIRED "quota-passed" "There would be more persons than the organization may have",
    Unauthorized = UNAUTHORIZED "unauthorized" "A valid API key is needed",
    ScopeMissing = FORBIDDEN "scope-missing" "The API key does not have the scope for this",
    NotFound = NOT_FOUND "not-found" "There is nothing here",
    MethodNotAllowed = METHOD_NOT_ALLOWED "method-not-allowed" "The method is not one of those in Allow",
    BodyTimeout = REQUEST_TIMEOUT "body-timeout" "The body came too slowly",
    ImportRunning = CONFLICT "import-running" "The import is running; cancel it first",
    AlreadyExists = CONFLICT "already-exists" "Another record has this source, source_id and language",
    IdempotencyInFlight = CONFLICT "idempotency-in-flight" "The first request with this Idempotency-Key is still being answered",
    PreconditionFailed = PRECONDITION_FAILED "precondition-failed" "The record is not in the state that the request asks for",
    BodyTooLarge = PAYLOAD_TOO_LARGE "body-too-large" "The body is larger than the limit",
    UnsupportedMediaType = UNSUPPORTED_MEDIA_TYPE "unsupported-media-type" "The Content-Type is not one of those accepted here",
    UnsupportedCoding = UNSUPPORTED_MEDIA_TYPE "unsupported-content-encoding" "The Content-Encoding is not gzip or zstd",
    TooManyFailures = TOO_MANY_REQUESTS "too-many-failures" "Too many requests with a key that is not valid came from here, or with this key's id",
    InvalidRecord = UNPROCESSABLE_ENTITY "invalid-record" "The record breaks the rules of its fields",
    DigestMismatch = UNPROCESSABLE_ENTITY "digest-mismatch" "The body does not have the digest that its Content-Digest says",
    IdempotencyKeyReused = UNPROCESSABLE_ENTITY "idempotency-key-reused" "The Idempotency-Key was used before for another file or other options",
    Internal = INTERNAL_SERVER_ERROR "internal" "Something went wrong here; the log has the request id",
    UploadsBusy = SERVICE_UNAVAILABLE "uploads-busy" "Too many uploads are in flight",
    Draining = SERVICE_UNAVAILABLE "draining" "The service is stopping; another instance will take the request",
    Unavailable = SERVICE_UNAVAILABLE "unavailable" "A part of the service does not answer; the request can be sent again",
}

/// One fault inside a request, and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Fault {
    /// JSON pointer into the body.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pointer: Option<String>,
    /// Name of the query parameter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameter: Option<String>,
    /// Stable code.
    pub code: &'static str,
    /// What was expected, what was found, how to mend it.
    pub detail: String,
}

impl Fault {
    /// A fault in a query parameter.
    pub fn parameter(kind: Kind, name: &str, detail: impl Into<String>) -> Self {
        Self {
            pointer: None,
            parameter: Some(name.to_owned()),
            code: kind.code(),
            detail: detail.into(),
        }
    }

    /// A fault in a field of the body, named by the path of members that leads to it.
    pub fn field(kind: Kind, path: &[&str], detail: impl Into<String>) -> Self {
        Self {
            pointer: Some(pointer(path)),
            parameter: None,
            code: kind.code(),
            detail: detail.into(),
        }
    }
}

/// A JSON pointer (RFC 6901).
pub fn pointer(path: &[&str]) -> String {
    path.iter()
        .map(|part| format!("/{}", part.replace('~', "~0").replace('/', "~1")))
        .collect()
}

/// A refusal on its way to the client.
#[derive(Clone, Debug)]
pub struct Problem {
    /// HTTP status.
    pub status: StatusCode,
    /// Stable code.
    pub code: &'static str,
    /// The code's sentence.
    pub title: &'static str,
    /// What happened this time.
    pub detail: String,
    /// Every fault found, where there are several or they have a place.
    pub errors: Vec<Fault>,
    /// Where in the uploaded file, where the file is to blame.
    pub place: Option<Box<Place>>,
    /// Headers that belong to the answer, such as `Retry-After`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

/// Where in an uploaded file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Record, 1 = first after the header.
    pub record: Option<u64>,
    /// Offset in the plain text.
    pub byte: Option<u64>,
}

impl Problem {
    /// The plain form: the table's sentence says it all.
    pub fn new(kind: Kind) -> Self {
        Self {
            status: kind.status(),
            code: kind.code(),
            title: kind.title(),
            detail: format!("{}.", kind.title()),
            errors: Vec::new(),
            place: None,
            headers: Vec::new(),
        }
    }

    /// The same, with what happened this time.
    pub fn with(kind: Kind, detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
            ..Self::new(kind)
        }
    }

    /// Faults of a request; the first decides code and status. `None` when there are none.
    pub fn faults(errors: Vec<Fault>) -> Option<Self> {
        let first = errors.first()?;
        let kind = Kind::ALL
            .iter()
            .copied()
            .find(|kind| kind.code() == first.code)
            .unwrap_or(Kind::InvalidField);
        let detail = first.detail.clone();
        Some(Self {
            errors,
            ..Self::with(kind, detail)
        })
    }

    /// A single fault.
    pub fn fault(fault: Fault) -> Self {
        Self::faults(vec![fault]).unwrap_or_else(|| Self::new(Kind::InvalidField))
    }

    /// Adds a header.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Asks the client to come again after some seconds.
    pub fn retry_after(self, seconds: u32) -> Self {
        self.header(actix_web::http::header::RETRY_AFTER, HeaderValue::from(seconds))
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.status.as_u16(), self.code)
    }
}

/// The boundary turns a `Problem` into its surface's envelope; what this answers is never sent.
impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_codes() {
        let rows: Vec<String> = Kind::ALL
            .iter()
            .map(|kind| format!("{} {:28} {}", kind.status().as_u16(), kind.code(), kind.title()))
            .collect();
        insta::assert_snapshot!(rows.join("\n"));
    }

    #[test]
    fn codes_are_unique() {
        let mut codes: Vec<&str> = Kind::ALL.iter().map(|kind| kind.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Kind::ALL.len());
    }

    #[test]
    fn pointers_are_escaped() {
        assert_eq!(pointer(&["mapping", "a/b~c"]), "/mapping/a~1b~0c");
    }
}
