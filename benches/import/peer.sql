-- What a careful DBA writes by hand: stage the file, then upsert. No checks, no failed rows, no counts, no going on after a
-- crash; the first bad value ends it.   psql -v file=users.csv -f peer.sql
begin;
create temp table staged(
  source text, source_id text, language text, email text, username text, first_name text, last_name text, title text,
  gender text, date_of_birth date, phone text, mobile text, company text, work_city text, position text, org_unit text,
  cost_center text, manager text) on commit drop;
\set copy '\\copy staged from \'' :file '\' with (format csv, header)'
:copy
insert into peer_users(org_id, source, source_id, language, email, username, first_name, last_name, title, gender,
    date_of_birth, phone, mobile, company, work_city, position, org_unit, cost_center, manager)
  select distinct on (source, source_id, language) 1, staged.* from staged
  on conflict (org_id, source, source_id, language) do update set
    email = excluded.email, username = excluded.username, first_name = excluded.first_name, last_name = excluded.last_name,
    title = excluded.title, gender = excluded.gender, date_of_birth = excluded.date_of_birth, phone = excluded.phone,
    mobile = excluded.mobile, company = excluded.company, work_city = excluded.work_city, position = excluded.position,
    org_unit = excluded.org_unit, cost_center = excluded.cost_center, manager = excluded.manager, updated_at = now();
commit;
