-- Everything that screens read, they read as the role of 0010: also places, alarms, rejects, device alerts and the names
-- of people. What signing in needs (hashes, roles, preferences) is not theirs. They log in as that role: an owner that
-- takes it on could put it off again.

do $$
begin
    if not (select rolcanlogin from pg_roles where rolname = 'penstock_reader') then
        alter role penstock_reader login;
    end if;
end
$$;

do $$
declare
    of_tenant text;
begin
    foreach of_tenant in array array[
        'areas', 'sites', 'assets', 'pipes', 'alarm_rules', 'alarm_journal', 'alarm_states', 'rejects', 'device_alerts'
    ] loop
        execute format('grant select on %I to penstock_reader', of_tenant);
        execute format('alter table %I enable row level security', of_tenant);
        execute format(
            'create policy %I on %I for select to penstock_reader using (tenant = reading_tenant())',
            of_tenant || '_of_tenant', of_tenant
        );
    end loop;
end
$$;

-- Who did what: a name, no account.
grant select (id, tenant, full_name) on people to penstock_reader;
alter table people enable row level security;
create policy people_of_tenant on people for select to penstock_reader using (tenant = reading_tenant());

-- How far the spool is in the database, of no tenant.
grant select on spool_watermark to penstock_reader;

-- A month that is gone is shared by all tenants: whoever has a point of it sees the month and its files, and nobody the
-- numbers of points.
revoke select on samples_gone from penstock_reader;
grant select (first, next, archive) on samples_gone to penstock_reader;
alter table samples_gone enable row level security;
create policy samples_gone_of_tenant on samples_gone for select to penstock_reader using (
    points is null or exists (select from points where no = any (samples_gone.points))
);

-- Whether the samples of a point went with a month that is gone, asked without seeing whose else did. It runs as the
-- owner: no temporary table may take the place of what it reads.
create function went_with(month timestamptz, point int) returns boolean
language sql stable security definer set search_path = public, pg_temp as $$
    select points is null or point = any (points) from samples_gone where first = month
$$;

-- Under row-level security an index is used only for comparisons that are known to tell nothing of the rows they leave
-- out. Whether two boxes overlap does not; only a superuser may say so, and without it screens search all of a tenant.
do $$
begin
    alter function geometry_overlaps(geometry, geometry) leakproof;
exception
    when insufficient_privilege or undefined_function then null;
end
$$;
