do $$
declare
    held text;
begin
    for held in select tablename from pg_policies where schemaname = current_schema() and policyname = 'of_organization' loop
        execute format('drop policy of_organization on %I', held);
        execute format('alter table %I disable row level security, no force row level security', held);
    end loop;
end $$;
