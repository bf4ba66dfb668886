-- Times are UTC text as diesel writes it (`2026-11-21 08:00:00.5`, no trailing zeros), always bound and never made by
-- strftime: two spellings of one moment would not compare. JSON is text, with numbers and key order exact.

create table organizations (
    id         integer primary key autoincrement,
    uuid       text not null unique,
    name       text not null unique,
    created_at text not null,
    turn_at    text
);

create table api_keys (
    id           text primary key,
    org_id       integer not null references organizations (id) on delete restrict,
    name         text not null,
    scopes       text not null,
    secret_mac   blob not null,
    created_at   text not null,
    expires_at   text,
    revoked_at   text,
    last_used_at text
);
create index api_keys_organization on api_keys (org_id);

-- `autoincrement`: an id is never used twice.
create table imports (
    id                  integer primary key autoincrement,
    org_id              integer not null references organizations (id) on delete restrict,
    resource            text not null,
    surface             text not null,
    status              text not null
        check (status in ('receiving', 'queued', 'running', 'completed', 'partial', 'failed', 'canceled')),
    options             text not null,
    file_columns        text not null default '[]',
    blob                text,
    file_name           text,
    file_bytes          integer not null default 0 check (file_bytes >= 0),
    sha256              text not null default '',
    encoding            text not null default '',
    delimiter           integer not null default 44,
    total               integer not null default 0 check (total >= 0),
    created             integer not null default 0 check (created >= 0),
    updated             integer not null default 0 check (updated >= 0),
    unchanged           integer not null default 0 check (unchanged >= 0),
    failed              integer not null default 0 check (failed >= 0),
    skipped             integer not null default 0 check (skipped >= 0),
    warnings            integer not null default 0 check (warnings >= 0),
    checkpoint_record   integer not null default 0 check (checkpoint_record >= 0),
    checkpoint_byte     integer not null default 0 check (checkpoint_byte >= 0),
    checkpoint_line     integer not null default 0 check (checkpoint_line >= 0),
    lease               text,
    lease_until         text,
    crash_count         integer not null default 0 check (crash_count >= 0),
    cancel_requested_at text,
    idempotency_key     text,
    fingerprint         text,
    error_code          text,
    error_detail        text,
    tally               text not null default '[]',
    retry_of            integer,
    retention_seconds   integer not null default 0 check (retention_seconds >= 0),
    created_at          text not null,
    started_at          text,
    finished_at         text,
    expires_at          text,
    constraint imports_idempotency unique (org_id, idempotency_key),
    constraint imports_identity check (created + updated + unchanged + failed + skipped <= total),
    constraint imports_lease check ((status = 'running') = (lease is not null)),
    constraint imports_end check
        ((status in ('completed', 'partial', 'failed', 'canceled')) = (finished_at is not null))
);
create index imports_of_organization on imports (org_id, id);
create index imports_active on imports (org_id, resource, id) where status in ('queued', 'running');
-- At most one running import per organization and resource, whatever the claims race for.
create unique index imports_one_running on imports (org_id, resource) where status = 'running';
create index imports_receiving on imports (created_at) where status = 'receiving';
create index imports_expiry on imports (expires_at) where expires_at is not null;

create table import_failures (
    import_id integer not null references imports (id) on delete restrict,
    record    integer not null check (record > 0),
    line      integer not null check (line > 0),
    errors    text not null,
    cells     text not null,
    primary key (import_id, record)
);

-- No foreign key here, as in PostgreSQL: it would be checked once per imported row.
create table users (
    id                integer primary key autoincrement,
    org_id            integer not null,
    source            text not null,
    source_id         text not null,
    language          text not null,
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
    content_hash      blob,
    version           integer not null default 1,
    created_by_import integer,
    updated_by_import integer,
    created_at        text not null,
    updated_at        text not null,
    constraint users_key unique (org_id, source, source_id, language)
);

create table preview_users (
    id                integer primary key autoincrement,
    import_id         integer not null,
    source            text not null,
    source_id         text not null,
    language          text not null,
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
    content_hash      blob,
    version           integer not null default 1,
    created_by_import integer,
    updated_by_import integer,
    created_at        text not null,
    updated_at        text not null,
    constraint preview_users_key unique (import_id, source, source_id, language)
);
