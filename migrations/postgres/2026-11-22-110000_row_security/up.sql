-- The second wall between organizations. Every query of this program names the organization it is about; should one ever
-- forget to, the database shows and takes only the rows of the one that the connection is bound to: `longshore.org` holds its
-- number, or `*` for what the house itself asks (keys, claims, sweep, rotation). Not set, or empty: no rows.
--
-- FORCE holds the owner of the tables too. COPY FROM is refused to whoever is held, so batches insert from arrays instead.
-- Superusers and roles with BYPASSRLS are never held; the program therefore works as the role longshore_app, which it makes
-- and takes at its start (src/store/row_security.rs). A role belongs to the cluster and not to this database, hence not here.
--
-- It is no wall against SQL that somebody else has written: whoever can send any statement can set `longshore.org` too.
do $$
declare
    -- In a subquery: asked once a statement and not once a row.
    house  constant text := '(select current_setting(''longshore.org'', true) = ''*'')';
    org    constant text := '(select nullif(nullif(current_setting(''longshore.org'', true), ''''), ''*'')::bigint)';
    -- Rows without an organization of their own are their import's, which is held by its own policy.
    import constant text := '(select i.id from imports i where i.id = import_id) is not null';
    held   text;
begin
    foreach held in array array[
        'organizations', 'api_keys', 'imports', 'users', 'user_handles', 'clients', 'client_aliases', 'credentials', 'report_types',
        'import_failures', 'preview_users', 'preview_user_handles', 'preview_clients', 'preview_report_types'
    ] loop
        execute format('alter table %I enable row level security, force row level security', held);
        execute format('create policy of_organization on %I using (%s or %s)', held, house, case
            when held = 'organizations' then 'id = ' || org
            when held = 'import_failures' or held like 'preview%' then import
            else 'org_id = ' || org
        end);
    end loop;
end $$;
