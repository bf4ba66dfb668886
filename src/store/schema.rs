//! The tables as diesel sees them: one description for both databases, so that a query is written once.
//! Times are UTC, JSON is text, ids are 64 bits. Mirrors `migrations/`, which hold the keys, checks and indexes.

diesel::table! {
    organizations (id) {
        id -> BigInt,
        uuid -> Text,
        name -> Text,
        created_at -> Timestamp,
        turn_at -> Nullable<Timestamp>,
        person_quota -> Nullable<BigInt>,
    }
}

diesel::table! {
    api_keys (id) {
        id -> Text,
        org_id -> BigInt,
        name -> Text,
        scopes -> Text,
        secret_mac -> Binary,
        created_at -> Timestamp,
        expires_at -> Nullable<Timestamp>,
        revoked_at -> Nullable<Timestamp>,
        last_used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    imports (id) {
        id -> BigInt,
        org_id -> BigInt,
        resource -> Text,
        surface -> Text,
        status -> Text,
        options -> Text,
        file_columns -> Text,
        blob -> Nullable<Text>,
        file_name -> Nullable<Text>,
        file_bytes -> BigInt,
        sha256 -> Text,
        encoding -> Text,
        delimiter -> Integer,
        total -> BigInt,
        created -> BigInt,
        updated -> BigInt,
        unchanged -> BigInt,
        failed -> BigInt,
        skipped -> BigInt,
        warnings -> BigInt,
        checkpoint_record -> BigInt,
        checkpoint_byte -> BigInt,
        checkpoint_line -> BigInt,
        lease -> Nullable<Text>,
        lease_until -> Nullable<Timestamp>,
        crash_count -> Integer,
        cancel_requested_at -> Nullable<Timestamp>,
        idempotency_key -> Nullable<Text>,
        fingerprint -> Nullable<Text>,
        error_code -> Nullable<Text>,
        error_detail -> Nullable<Text>,
        tally -> Text,
        retry_of -> Nullable<BigInt>,
        retention_seconds -> BigInt,
        created_at -> Timestamp,
        started_at -> Nullable<Timestamp>,
        finished_at -> Nullable<Timestamp>,
        expires_at -> Nullable<Timestamp>,
        synchronous -> Bool,
        watched_lease -> Nullable<Text>,
    }
}

diesel::table! {
    import_failures (import_id, record) {
        import_id -> BigInt,
        record -> BigInt,
        line -> BigInt,
        errors -> Text,
        cells -> Text,
    }
}

/// `users` and `preview_users`, which differ in whose the rows are.
macro_rules! people {
    ($table:ident, $owner:ident) => {
        diesel::table! {
            $table (id) {
                id -> BigInt,
                $owner -> BigInt,
                source -> Text,
                source_id -> Text,
                language -> Text,
                email -> Nullable<Text>,
                username -> Nullable<Text>,
                first_name -> Nullable<Text>,
                middle_name -> Nullable<Text>,
                last_name -> Nullable<Text>,
                full_name -> Nullable<Text>,
                title -> Nullable<Text>,
                gender -> Nullable<Text>,
                date_of_birth -> Nullable<Text>,
                phone -> Nullable<Text>,
                mobile -> Nullable<Text>,
                company -> Nullable<Text>,
                tax_number -> Nullable<Text>,
                coc_number -> Nullable<Text>,
                debtor_id -> Nullable<Text>,
                primary_language -> Nullable<Text>,
                abbreviation -> Nullable<Text>,
                parent -> Nullable<Text>,
                region -> Nullable<Text>,
                groups -> Nullable<Text>,
                addresses -> Nullable<Text>,
                password_hash -> Nullable<Text>,
                attributes -> Text,
                content_hash -> Nullable<Binary>,
                version -> BigInt,
                created_by_import -> Nullable<BigInt>,
                updated_by_import -> Nullable<BigInt>,
                created_at -> Timestamp,
                updated_at -> Timestamp,
            }
        }
    };
}

people!(users, org_id);
people!(preview_users, import_id);

diesel::table! {
    user_handles (org_id, kind, value) {
        org_id -> BigInt,
        kind -> Text,
        value -> Text,
        user_id -> BigInt,
    }
}

diesel::table! {
    preview_user_handles (import_id, kind, value) {
        import_id -> BigInt,
        kind -> Text,
        value -> Text,
        user_id -> BigInt,
    }
}

/// `clients` and `preview_clients`, which differ in whose the rows are; what hangs on a client lies beside the one and in the other.
macro_rules! portfolio {
    ($table:ident, $owner:ident, [$($child:ident),*]) => {
        diesel::table! {
            $table (id) {
                id -> BigInt,
                $owner -> BigInt,
                name -> Text,
                status -> Nullable<Text>,
                shared -> Nullable<Text>,
                notes -> Nullable<Text>,
                client_organization -> Nullable<Text>,
                collective_account -> Nullable<Text>,
                $($child -> Nullable<Text>,)*
                attributes -> Text,
                content_hash -> Nullable<Binary>,
                version -> BigInt,
                created_by_import -> Nullable<BigInt>,
                updated_by_import -> Nullable<BigInt>,
                created_at -> Timestamp,
                updated_at -> Timestamp,
            }
        }
    };
}

portfolio!(clients, org_id, []);
portfolio!(preview_clients, import_id, [aliases, credentials]);

diesel::table! {
    client_aliases (client_id, country, alias) {
        org_id -> BigInt,
        client_id -> BigInt,
        country -> Text,
        alias -> Text,
    }
}

diesel::table! {
    credentials (id) {
        id -> BigInt,
        org_id -> BigInt,
        client_id -> BigInt,
        country -> Text,
        pro -> Text,
        report_type -> Text,
        login -> Nullable<Text>,
        password -> Nullable<Text>,
        seal_id -> Text,
        registration_number -> Nullable<Text>,
        notes -> Nullable<Text>,
        interval -> Nullable<Text>,
        extra_info -> Nullable<Text>,
        collective_account_id -> Nullable<BigInt>,
        status -> Text,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

/// `report_types` and `preview_report_types`, which differ in whose the rows are.
macro_rules! catalogue {
    ($table:ident, $owner:ident) => {
        diesel::table! {
            $table (id) {
                id -> BigInt,
                $owner -> BigInt,
                country -> Text,
                pro -> Text,
                report_type -> Text,
                attributes -> Text,
                content_hash -> Nullable<Binary>,
                version -> BigInt,
                created_by_import -> Nullable<BigInt>,
                updated_by_import -> Nullable<BigInt>,
                created_at -> Timestamp,
                updated_at -> Timestamp,
            }
        }
    };
}

catalogue!(report_types, org_id);
catalogue!(preview_report_types, import_id);

diesel::table! {
    sealing_keys (id) {
        id -> BigInt,
        purpose -> Text,
        wrapped -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    removed_blobs (blob) {
        blob -> Text,
        due -> Timestamp,
    }
}

diesel::joinable!(user_handles -> users (user_id));
diesel::joinable!(client_aliases -> clients (client_id));
diesel::joinable!(credentials -> clients (client_id));
diesel::allow_tables_to_appear_in_same_query!(users, user_handles);
diesel::allow_tables_to_appear_in_same_query!(clients, client_aliases, credentials);
diesel::joinable!(api_keys -> organizations (org_id));
diesel::joinable!(imports -> organizations (org_id));
diesel::joinable!(import_failures -> imports (import_id));
diesel::allow_tables_to_appear_in_same_query!(organizations, api_keys, imports, import_failures);
