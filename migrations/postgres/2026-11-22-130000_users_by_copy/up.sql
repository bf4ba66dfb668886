-- COPY is the fastest way to bring new users in, and PostgreSQL refuses it into any table whose rows a policy holds. So the rows
-- lie in `all_users`, and everything but COPY goes by way of `users`, of which that is the only partition: policies are asked
-- of the table that a statement names. Under longshore_app nothing can be done to `all_users` but to insert into it (the grant is
-- in src/store/row_security.rs), and a trigger holds each new row to the organization the connection is bound to.
--
-- A sequence in place of the identity column: an identity belongs to the table that is named, and rows come by both names.

create function refuse_other_organizations() returns trigger language plpgsql as $$ begin
    -- Whom no policy holds, no trigger need hold: a superuser, who restores a dump.
    if row_security_active('users') then
        raise insufficient_privilege using message = format('a row of organization %s, and longshore.org is "%s"',
            new.org_id, current_setting('longshore.org', true));
    end if;
    return null;
end $$;

alter table user_handles drop constraint user_handles_user_id_fkey;
alter table users no force row level security, disable row level security;
drop policy of_organization on users;
alter table users rename to all_users;
alter table all_users rename constraint users_pkey to all_users_pkey;
alter table all_users rename constraint users_key to all_users_key;
alter table all_users alter id drop identity;
create sequence all_users_id owned by all_users.id;
select setval('all_users_id', greatest(max(id), 0) + 1, false) from all_users;
alter table all_users alter id set default nextval('all_users_id');

create table users (like all_users including defaults including comments) partition by list (org_id);
alter table users add constraint users_key
    unique (org_id, source, source_id, language) include (id, content_hash);
alter table users attach partition all_users default;
alter table users enable row level security, force row level security;
create policy of_organization on users using (
    (select current_setting('longshore.org', true) = '*')
    or org_id = (select nullif(nullif(current_setting('longshore.org', true), ''), '*')::bigint));
alter table user_handles add constraint user_handles_user_id_fkey
    foreign key (user_id) references all_users (id) on delete cascade;
comment on table all_users is 'where the rows of users lie; only COPY names it';

-- A row that is as it should be costs a comparison and no call.
create trigger of_organization after insert on all_users for each row
    when (coalesce(current_setting('longshore.org', true), '') not in ('*', new.org_id::text))
    execute function refuse_other_organizations();

-- What the role could do to the table under its old name.
do $$ begin
    if exists (select from pg_roles where rolname = 'longshore_app') then
        revoke all on all_users from longshore_app;
    end if;
end $$;
