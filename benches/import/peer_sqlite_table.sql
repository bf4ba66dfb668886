-- The same table for SQLite; the mode of the journal stays with the file.
pragma journal_mode = wal;
create table peer_users(
  id integer primary key,
  org_id integer not null default 1, source text not null, source_id text not null, language text not null,
  email text, username text, first_name text, last_name text, title text, gender text, date_of_birth text, phone text,
  mobile text, company text, work_city text, position text, org_unit text, cost_center text, manager text,
  created_at text not null default current_timestamp, updated_at text not null default current_timestamp,
  unique (org_id, source, source_id, language));
