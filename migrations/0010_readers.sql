-- Screens read the historian as a role of their own, which sees the points of one tenant (the setting penstock.tenant)
-- and has no rights on partitions, where no policy holds. The writer owns the tables and is bound by none: COPY does not
-- work under row-level security.

do $$
begin
    if not exists (select from pg_roles where rolname = 'penstock_reader') then
        create role penstock_reader nologin;
    end if;
exception
    -- Another database of the same server was a moment earlier.
    when duplicate_object or unique_violation then null;
end
$$;

grant select on points, samples, rollups_minute, rollups_hour, rollups_day, rollups_due, samples_gone to penstock_reader;

create function reading_tenant() returns uuid
language sql stable as $$
    select nullif(current_setting('penstock.tenant', true), '')::uuid
$$;

alter table points enable row level security;
create policy points_of_tenant on points for select to penstock_reader using (tenant = reading_tenant());

do $$
declare
    of_points text;
begin
    foreach of_points in array array['samples', 'rollups_minute', 'rollups_hour', 'rollups_day', 'rollups_due'] loop
        execute format('alter table %I enable row level security', of_points);
        -- Points are those of the tenant, by their own policy.
        execute format(
            'create policy %I on %I for select to penstock_reader using (point_no in (select no from points))',
            of_points || '_of_tenant', of_points
        );
    end loop;
end
$$;
