alter table user_handles drop constraint user_handles_user_id_fkey;
alter table users detach partition all_users;
drop table users;
drop trigger of_organization on all_users;
drop function refuse_other_organizations();
alter table all_users alter id drop default;
drop sequence all_users_id;
alter table all_users rename to users;
alter table users rename constraint all_users_pkey to users_pkey;
alter table users rename constraint all_users_key to users_key;
alter table users alter id add generated always as identity;
select setval(pg_get_serial_sequence('users', 'id'), greatest(max(id), 0) + 1, false) from users;
comment on table users is null;
alter table user_handles add constraint user_handles_user_id_fkey
    foreign key (user_id) references users (id) on delete cascade;
alter table users enable row level security, force row level security;
create policy of_organization on users using (
    (select current_setting('longshore.org', true) = '*')
    or org_id = (select nullif(nullif(current_setting('longshore.org', true), ''), '*')::bigint));
