//! What people call the columns of clients and of report types.

/// What a CSV of clients may call its columns; English as the vendor's document has it, and everyday German and French.
pub(super) const CLIENTS: &[(&str, &[&str])] = &[
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
pub(super) const REPORT_TYPES: &[(&str, &[&str])] = &[
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
