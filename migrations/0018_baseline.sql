-- The baseline of alarm rules: what was approved, when, by whom and why, as a chain of hashes. And the work on the alarms
-- that load most: what was found to cure each, and what people decided.

-- `settings` are penstock_alarm's canonical JSON of each rule, byte by byte as it was hashed. `digest` covers the row and
-- `previous`, the digest of the row before.
create table alarm_approvals (
    tenant uuid not null references tenants (id),
    number bigint not null,
    at timestamptz not null,
    approved_by uuid not null,
    reason text not null,
    settings text[] not null,
    withdrawn uuid[] not null,
    previous bytea not null,
    digest bytea not null,
    primary key (tenant, number),
    constraint alarm_approvals_digests check (octet_length(previous) = 32 and octet_length(digest) = 32)
);
create trigger alarm_approvals_stands before update or delete or truncate on alarm_approvals
    for each statement execute function refuse_change();

-- The end of each chain: a cut-off tail shows against it.
create table alarm_approvals_head (
    tenant uuid primary key references tenants (id),
    number bigint not null,
    digest bytea not null,
    constraint alarm_approvals_head_digest check (octet_length(digest) = 32)
);

-- `finding` is penstock_api's CureFinding, of what was found.
create table alarm_work (
    seq bigint generated always as identity primary key,
    tenant uuid not null references tenants (id),
    rule uuid not null,
    at timestamptz not null,
    person uuid,
    kind text not null,
    reason text,
    finding jsonb
);
create index alarm_work_rule on alarm_work (tenant, rule, seq);
create trigger alarm_work_stands before update or delete or truncate on alarm_work
    for each statement execute function refuse_change();

do $$
declare
    of_tenant text;
begin
    foreach of_tenant in array array['alarm_approvals', 'alarm_approvals_head', 'alarm_work'] loop
        execute format('grant select on %I to penstock_reader', of_tenant);
        execute format('alter table %I enable row level security', of_tenant);
        execute format(
            'create policy %I on %I for select to penstock_reader using (tenant = reading_tenant())',
            of_tenant || '_of_tenant', of_tenant
        );
    end loop;
end
$$;
