-- The table that a careful DBA would make for these files. Its organization has a default, so that a bare COPY fills it too.
create table peer_users(
  id bigint generated always as identity primary key,
  org_id bigint not null default 1, source text not null, source_id text not null, language text not null,
  email text, username text, first_name text, last_name text, title text, gender text, date_of_birth date, phone text,
  mobile text, company text, work_city text, position text, org_unit text, cost_center text, manager text,
  created_at timestamptz not null default now(), updated_at timestamptz not null default now(),
  unique (org_id, source, source_id, language));
