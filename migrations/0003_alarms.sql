-- Alarm rules, the journal of what happened to alarms, and where each alarm stands.

create function refuse_change() returns trigger
language plpgsql as $$
begin
    raise exception '% keeps what was written: % is refused', tg_table_name, lower(tg_op)
        using errcode = 'restrict_violation';
end
$$;

create table alarm_rules (
    id uuid primary key,
    tenant uuid not null references tenants (id),
    version int not null,
    rule jsonb not null
);
create index alarm_rules_tenant on alarm_rules (tenant);

-- `seq` is the station's own, given before the entry was spooled. No foreign keys: a journal entry is never refused.
create table alarm_journal (
    seq bigint primary key,
    tenant uuid not null,
    rule uuid not null,
    rule_version int not null,
    occurrence bigint not null,
    kind text not null,
    at timestamptz not null,
    value float8,
    person uuid,
    comment text
);
create index alarm_journal_at on alarm_journal (tenant, at, seq);
create index alarm_journal_rule on alarm_journal (rule, seq);
create trigger alarm_journal_stands before update or delete or truncate on alarm_journal
    for each statement execute function refuse_change();

-- Follows from the journal and can be rebuilt from it.
create table alarm_states (
    rule uuid primary key,
    tenant uuid not null,
    occurrence bigint not null,
    active boolean not null,
    acknowledged boolean not null,
    raised_at timestamptz not null,
    changed_at timestamptz not null,
    value float8,
    acknowledged_by uuid,
    last_seq bigint not null
);
create index alarm_states_tenant on alarm_states (tenant);
