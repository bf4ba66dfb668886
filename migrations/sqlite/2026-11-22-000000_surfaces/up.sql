-- What the vendors' surfaces keep beyond users. No foreign keys to organizations, as on users: rows come through an import
-- or an API key, which hold the reference.

-- A call that waits for its rows runs beside whatever import is running, not behind it.
alter table imports add column synchronous boolean not null default false;
drop index imports_one_running;
create unique index imports_one_running on imports (org_id, resource) where status = 'running' and not synchronous;

alter table organizations add column person_quota integer check (person_quota >= 0);

-- Other names that a person is known by, for rows that come by any of them.
create table user_handles (
    org_id  integer not null,
    kind    text not null check (kind in ('email', 'phone', 'username')),
    value   text not null,
    user_id integer not null references users (id) on delete cascade,
    primary key (org_id, kind, value)
);
create index user_handles_of_user on user_handles (user_id);

create table preview_user_handles (
    import_id integer not null,
    kind      text not null check (kind in ('email', 'phone', 'username')),
    value     text not null,
    user_id   integer not null references preview_users (id) on delete cascade,
    primary key (import_id, kind, value)
);
create index preview_user_handles_of_user on preview_user_handles (user_id);

create table clients (
    id                  integer primary key autoincrement,
    org_id              integer not null,
    name                text not null,
    status              text,
    shared              text check (shared in ('true', 'false')),
    notes               text,
    client_organization text,
    collective_account  text check (collective_account in ('true', 'false')),
    attributes          text not null default '{}',
    content_hash        blob,
    version             integer not null default 1,
    created_by_import   integer,
    updated_by_import   integer,
    created_at          text not null,
    updated_at          text not null,
    constraint clients_key unique (org_id, name)
);

create table client_aliases (
    org_id    integer not null,
    client_id integer not null references clients (id) on delete cascade,
    country   text not null,
    alias     text not null,
    primary key (client_id, country, alias)
);

create table credentials (
    id                    integer primary key autoincrement,
    org_id                integer not null,
    client_id             integer not null references clients (id) on delete cascade,
    country               text not null,
    pro                   text not null,
    report_type           text not null,
    login                 text,
    password              text,
    seal_id               text not null unique,
    registration_number   text,
    notes                 text,
    interval              text,
    extra_info            text,
    collective_account_id integer references credentials (id) on delete set null,
    status                text not null default 'active',
    created_at            text not null,
    updated_at            text not null,
    constraint credentials_key unique (client_id, country, pro, report_type)
);
create index credentials_of_organization on credentials (org_id, country, report_type);
create index credentials_of_collective_account on credentials (collective_account_id)
    where collective_account_id is not null;

create table report_types (
    id                integer primary key autoincrement,
    org_id            integer not null,
    country           text not null,
    pro               text not null,
    report_type       text not null,
    attributes        text not null default '{}',
    content_hash      blob,
    version           integer not null default 1,
    created_by_import integer,
    updated_by_import integer,
    created_at        text not null,
    updated_at        text not null,
    constraint report_types_key unique (org_id, country, pro, report_type)
);

create table preview_clients (
    id                  integer primary key autoincrement,
    import_id           integer not null,
    name                text not null,
    status              text,
    shared              text,
    notes               text,
    client_organization text,
    collective_account  text,
    aliases             text,
    credentials         text,
    attributes          text not null default '{}',
    content_hash        blob,
    version             integer not null default 1,
    created_by_import   integer,
    updated_by_import   integer,
    created_at          text not null,
    updated_at          text not null,
    constraint preview_clients_key unique (import_id, name)
);

create table preview_report_types (
    id                integer primary key autoincrement,
    import_id         integer not null,
    country           text not null,
    pro               text not null,
    report_type       text not null,
    attributes        text not null default '{}',
    content_hash      blob,
    version           integer not null default 1,
    created_by_import integer,
    updated_by_import integer,
    created_at        text not null,
    updated_at        text not null,
    constraint preview_report_types_key unique (import_id, country, pro, report_type)
);

create table sealing_keys (
    id         integer primary key autoincrement,
    purpose    text not null check (purpose in ('seal', 'pepper')),
    wrapped    text not null,
    created_at text not null
);
