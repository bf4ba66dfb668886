drop table preview_users;
drop table users;
drop table import_failures;
drop table imports;
drop table api_keys;
drop table organizations;
