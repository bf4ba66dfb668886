//! Who may do what: tenancy, keys, headers, what a thief of the database or of the logs would find.
