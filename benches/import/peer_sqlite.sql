-- The same by hand for the sqlite3 shell: stage, then upsert. The runner puts the file's path where $FILE stands.
pragma synchronous = full;
create temp table staged(
  source text, source_id text, language text, email text, username text, first_name text, last_name text, title text,
  gender text, date_of_birth text, phone text, mobile text, company text, work_city text, position text, org_unit text,
  cost_center text, manager text);
.import --csv --skip 1 --schema temp "$FILE" staged
begin immediate;
insert into peer_users(source, source_id, language, email, username, first_name, last_name, title, gender,
    date_of_birth, phone, mobile, company, work_city, position, org_unit, cost_center, manager)
  select * from temp.staged where true
  on conflict (org_id, source, source_id, language) do update set
    email = excluded.email, username = excluded.username, first_name = excluded.first_name, last_name = excluded.last_name,
    title = excluded.title, gender = excluded.gender, date_of_birth = excluded.date_of_birth, phone = excluded.phone,
    mobile = excluded.mobile, company = excluded.company, work_city = excluded.work_city, position = excluded.position,
    org_unit = excluded.org_unit, cost_center = excluded.cost_center, manager = excluded.manager,
    updated_at = current_timestamp;
commit;
