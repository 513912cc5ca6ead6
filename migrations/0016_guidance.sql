-- What is told beside the alarms of a part of the plant, and whom to call: every version of it, of which the newest
-- counts. `place` is the id of the area, site, asset or point, and the tenant's own where it is all of the plant;
-- `body` is penstock_model's Advice. No foreign key: what was told stays known when its place is gone.

create table guidance_versions (
    tenant uuid not null references tenants (id),
    scope text not null,
    place uuid not null,
    version int not null,
    body jsonb not null,
    saved_at timestamptz not null,
    saved_by uuid,
    reason text,
    primary key (tenant, scope, place, version),
    constraint guidance_versions_scope check (scope in ('tenant', 'area', 'site', 'asset', 'point')),
    constraint guidance_versions_version check (version > 0)
);
create trigger guidance_versions_stands before update or delete or truncate on guidance_versions
    for each statement execute function refuse_change();

grant select on guidance_versions to penstock_reader;
alter table guidance_versions enable row level security;
create policy guidance_versions_of_tenant on guidance_versions for select to penstock_reader
    using (tenant = reading_tenant());
