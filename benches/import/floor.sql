-- The floor: the file straight into the final table, which works once, on an empty one.   psql -v file=users.csv -f floor.sql
\set copy '\\copy peer_users(source, source_id, language, email, username, first_name, last_name, title, gender, date_of_birth, phone, mobile, company, work_city, position, org_unit, cost_center, manager) from \'' :file '\' with (format csv, header)'
:copy
