//! A password in clear, between its seal and its caller.

use std::fmt;

/// What a list shows in place of a password; never taken as one.
pub use worker::resource::clients::HIDDEN;

/// A password in clear. Neither log nor error can show it by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(String);

impl Password {
    /// Takes a text as a password.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// For the caller whose password it is, and for the seal.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_not_shown_by_accident() {
        let password = Password::new("marked-secret".to_owned());
        assert_eq!(format!("{password:?}"), "Password(..)");
        assert_eq!(password.reveal(), "marked-secret");
    }
}
