-- What the vendors' surfaces keep beyond users. No foreign keys to organizations, as on users: rows come through an import
-- or an API key, which hold the reference.

-- A call that waits for its rows runs beside whatever import is running, not behind it.
alter table imports add column synchronous boolean not null default false;
comment on column imports.synchronous is 'its caller waits for the rows: exempt from one at a time';
drop index imports_one_running;
create unique index imports_one_running on imports (org_id, resource) where status = 'running' and not synchronous;

alter table organizations add column person_quota bigint check (person_quota >= 0);
comment on column organizations.person_quota is 'most users that an import by handle may lead to; null = no limit';

-- Other names that a person is known by, for rows that come by any of them.
create table user_handles (
    org_id  bigint not null,
    kind    text not null check (kind in ('email', 'phone', 'username')),
    value   text collate "C" not null,
    user_id bigint not null references users (id) on delete cascade,
    primary key (org_id, kind, value)
);
create index user_handles_of_user on user_handles (user_id);

create table preview_user_handles (
    import_id bigint not null,
    kind      text not null check (kind in ('email', 'phone', 'username')),
    value     text collate "C" not null,
    user_id   bigint not null references preview_users (id) on delete cascade,
    primary key (import_id, kind, value)
);
create index preview_user_handles_of_user on preview_user_handles (user_id);
comment on table preview_user_handles is 'what a dry run would have written; gone with its users';

create table clients (
    id                  bigint generated always as identity primary key,
    org_id              bigint not null,
    name                text collate "C" not null,
    status              text,
    shared              text check (shared in ('true', 'false')),
    notes               text,
    client_organization text,
    collective_account  text check (collective_account in ('true', 'false')),
    attributes          text not null default '{}',
    content_hash        bytea,
    version             bigint not null default 1,
    created_by_import   bigint,
    updated_by_import   bigint,
    created_at          timestamp not null,
    updated_at          timestamp not null,
    constraint clients_key unique (org_id, name)
);
comment on column clients.status is 'null = active';
comment on column clients.content_hash is 'always null: a hash over a row with a password would let a dump be guessed at';
comment on column clients.version is 'one more with each write, also of its aliases and credentials';

create table client_aliases (
    org_id    bigint not null,
    client_id bigint not null references clients (id) on delete cascade,
    country   text not null,
    alias     text not null,
    primary key (client_id, country, alias)
);
comment on column client_aliases.country is 'two capital letters, one alias each; empty = known so everywhere, any number';

create table credentials (
    id                    bigint generated always as identity primary key,
    org_id                bigint not null,
    client_id             bigint not null references clients (id) on delete cascade,
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
    collective_account_id bigint references credentials (id) on delete set null,
    status                text not null default 'active',
    created_at            timestamp not null,
    updated_at            timestamp not null,
    constraint credentials_key unique (client_id, country, pro, report_type)
);
create index credentials_of_organization on credentials (org_id, country, report_type);
create index credentials_of_collective_account on credentials (collective_account_id)
    where collective_account_id is not null;
comment on column credentials.password is 'sealed; bound to the organization, seal_id and this column';
comment on column credentials.seal_id is 'names the row to the seal before it has an id, and for good';
comment on column credentials.collective_account_id is 'whose login and password are shown in place of its own';

create table report_types (
    id                bigint generated always as identity primary key,
    org_id            bigint not null,
    country           text collate "C" not null,
    pro               text collate "C" not null,
    report_type       text collate "C" not null,
    attributes        text not null default '{}',
    content_hash      bytea,
    version           bigint not null default 1,
    created_by_import bigint,
    updated_by_import bigint,
    created_at        timestamp not null,
    updated_at        timestamp not null,
    constraint report_types_key unique (org_id, country, pro, report_type)
);

create table preview_clients (
    id                  bigint generated always as identity primary key,
    import_id           bigint not null,
    name                text collate "C" not null,
    status              text,
    shared              text,
    notes               text,
    client_organization text,
    collective_account  text,
    aliases             text,
    credentials         text,
    attributes          text not null default '{}',
    content_hash        bytea,
    version             bigint not null default 1,
    created_by_import   bigint,
    updated_by_import   bigint,
    created_at          timestamp not null,
    updated_at          timestamp not null,
    constraint preview_clients_key unique (import_id, name)
);
comment on column preview_clients.credentials is 'JSON, sealed as a whole';

create table preview_report_types (
    id                bigint generated always as identity primary key,
    import_id         bigint not null,
    country           text collate "C" not null,
    pro               text collate "C" not null,
    report_type       text collate "C" not null,
    attributes        text not null default '{}',
    content_hash      bytea,
    version           bigint not null default 1,
    created_by_import bigint,
    updated_by_import bigint,
    created_at        timestamp not null,
    updated_at        timestamp not null,
    constraint preview_report_types_key unique (import_id, country, pro, report_type)
);

create table sealing_keys (
    id         bigint generated always as identity primary key,
    purpose    text not null check (purpose in ('seal', 'pepper')),
    wrapped    text not null,
    created_at timestamp not null
);
comment on table sealing_keys is 'each sealed under secret_key; of those that seal cells the newest seals, the others still open';
comment on column sealing_keys.purpose is 'seal: cells; pepper: the HMAC over API keys';
