-- Times are UTC without a zone, JSON is text: both databases hold the same bytes, with numbers and key order exact.

create table organizations (
    id         bigint generated always as identity primary key,
    uuid       text not null unique,
    name       text not null unique,
    created_at timestamp not null,
    turn_at    timestamp
);
comment on column organizations.turn_at is 'when one of its imports was last claimed: who waited longest goes first';

create table api_keys (
    id           text primary key,
    org_id       bigint not null references organizations (id) on delete restrict,
    name         text not null,
    scopes       text not null,
    secret_mac   bytea not null,
    created_at   timestamp not null,
    expires_at   timestamp,
    revoked_at   timestamp,
    last_used_at timestamp
);
create index api_keys_organization on api_keys (org_id);
comment on column api_keys.scopes is 'JSON array of words';
comment on column api_keys.secret_mac is 'HMAC-SHA-256 of the secret, which is shown once and kept nowhere';

-- One row per import, rewritten by each batch: room in the page keeps those updates off the indexes.
create table imports (
    id                  bigint generated always as identity primary key,
    org_id              bigint not null references organizations (id) on delete restrict,
    resource            text not null,
    surface             text not null,
    status              text not null
        check (status in ('receiving', 'queued', 'running', 'completed', 'partial', 'failed', 'canceled')),
    options             text not null,
    file_columns        text not null default '[]',
    blob                text,
    file_name           text,
    file_bytes          bigint not null default 0 check (file_bytes >= 0),
    sha256              text not null default '',
    encoding            text not null default '',
    delimiter           integer not null default 44,
    total               bigint not null default 0 check (total >= 0),
    created             bigint not null default 0 check (created >= 0),
    updated             bigint not null default 0 check (updated >= 0),
    unchanged           bigint not null default 0 check (unchanged >= 0),
    failed              bigint not null default 0 check (failed >= 0),
    skipped             bigint not null default 0 check (skipped >= 0),
    warnings            bigint not null default 0 check (warnings >= 0),
    checkpoint_record   bigint not null default 0 check (checkpoint_record >= 0),
    checkpoint_byte     bigint not null default 0 check (checkpoint_byte >= 0),
    checkpoint_line     bigint not null default 0 check (checkpoint_line >= 0),
    lease               text,
    lease_until         timestamp,
    crash_count         integer not null default 0 check (crash_count >= 0),
    cancel_requested_at timestamp,
    idempotency_key     text,
    fingerprint         text,
    error_code          text,
    error_detail        text,
    tally               text not null default '[]',
    retry_of            bigint,
    retention_seconds   bigint not null default 0 check (retention_seconds >= 0),
    created_at          timestamp not null,
    started_at          timestamp,
    finished_at         timestamp,
    expires_at          timestamp,
    constraint imports_idempotency unique (org_id, idempotency_key),
    constraint imports_identity check (created + updated + unchanged + failed + skipped <= total),
    constraint imports_lease check ((status = 'running') = (lease is not null)),
    constraint imports_end check
        ((status in ('completed', 'partial', 'failed', 'canceled')) = (finished_at is not null))
) with (fillfactor = 50);
create index imports_of_organization on imports (org_id, id);
create index imports_active on imports (org_id, resource, id) where status in ('queued', 'running');
-- At most one running import per organization and resource, whatever the claims race for.
create unique index imports_one_running on imports (org_id, resource) where status = 'running';
create index imports_receiving on imports (created_at) where status = 'receiving';
create index imports_expiry on imports (expires_at) where expires_at is not null;
comment on column imports.options is 'JSON: everything that may differ between two imports of the same bytes';
comment on column imports.file_columns is 'JSON: the file''s headers in order, with what each fills';
comment on column imports.blob is 'key of the plain UTF-8 file in the blob store';
comment on column imports.checkpoint_record is 'records dealt with; the next one starts at checkpoint_byte of the blob';
comment on column imports.lease is 'token of the worker that may write; compared for equality, never by time';
comment on column imports.lease_until is 'running: when others may try; queued: not before';
comment on column imports.crash_count is 'claims since the last committed batch; three end the import';
comment on column imports.fingerprint is 'of options and body: what an Idempotency-Key must come with again';
comment on column imports.tally is 'JSON: errors by kind, with the first rows of each';
comment on column imports.retention_seconds is 'how long the import is kept once it is final';

create table import_failures (
    import_id bigint not null references imports (id) on delete restrict,
    record    bigint not null check (record > 0),
    line      bigint not null check (line > 0),
    errors    text not null,
    cells     text not null,
    primary key (import_id, record)
);
comment on table import_failures is 'refused rows, written in the transaction of their batch';
comment on column import_failures.record is '1 = first record after the header, blank lines counted';
comment on column import_failures.errors is 'JSON array, every error of the row';
comment on column import_failures.cells is 'JSON array, the cells as the file has them';

-- Keys compare byte by byte. No foreign key here: it would be checked once per imported row, and each row comes
-- through an import or an API key, which hold the reference.
create table users (
    id                bigint generated always as identity primary key,
    org_id            bigint not null,
    source            text collate "C" not null,
    source_id         text collate "C" not null,
    language          text collate "C" not null,
    email             text,
    username          text,
    first_name        text,
    middle_name       text,
    last_name         text,
    full_name         text,
    title             text,
    gender            text,
    date_of_birth     text,
    phone             text,
    mobile            text,
    company           text,
    tax_number        text,
    coc_number        text,
    debtor_id         text,
    primary_language  text,
    abbreviation      text,
    parent            text,
    region            text,
    groups            text,
    addresses         text,
    password_hash     text,
    attributes        text not null default '{}',
    content_hash      bytea,
    version           bigint not null default 1,
    created_by_import bigint,
    updated_by_import bigint,
    created_at        timestamp not null,
    updated_at        timestamp not null,
    constraint users_key unique (org_id, source, source_id, language) include (id, content_hash)
);
comment on column users.content_hash is 'of the last imported row; null once anything else wrote';
comment on column users.version is 'one more with each write; the ETag';

create table preview_users (
    id                bigint generated always as identity primary key,
    import_id         bigint not null,
    source            text collate "C" not null,
    source_id         text collate "C" not null,
    language          text collate "C" not null,
    email             text,
    username          text,
    first_name        text,
    middle_name       text,
    last_name         text,
    full_name         text,
    title             text,
    gender            text,
    date_of_birth     text,
    phone             text,
    mobile            text,
    company           text,
    tax_number        text,
    coc_number        text,
    debtor_id         text,
    primary_language  text,
    abbreviation      text,
    parent            text,
    region            text,
    groups            text,
    addresses         text,
    password_hash     text,
    attributes        text not null default '{}',
    content_hash      bytea,
    version           bigint not null default 1,
    created_by_import bigint,
    updated_by_import bigint,
    created_at        timestamp not null,
    updated_at        timestamp not null,
    constraint preview_users_key unique (import_id, source, source_id, language) include (id, content_hash)
);
comment on table preview_users is 'what a dry run would have written; gone when it ends';
