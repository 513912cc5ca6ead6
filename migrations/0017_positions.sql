-- Operator positions: what each desk of the control room answers for, and which of them a person took up last.

-- `reach` is penstock_model's Reach.
create table operator_positions (
    id uuid primary key,
    tenant uuid not null references tenants (id),
    name text not null,
    reach jsonb not null,
    priorities text[] not null,
    constraint operator_positions_name unique (tenant, name),
    constraint operator_positions_have_a_name check (btrim(name) <> ''),
    constraint operator_positions_have_a_priority check (cardinality(priorities) > 0)
);

-- What a person's next session begins with.
create table person_positions (
    person uuid not null references people (id),
    position uuid not null references operator_positions (id) on delete cascade,
    primary key (person, position)
);
create index person_positions_position on person_positions (position);

-- Who took up what is no matter of screens: they are told who attends a position now.
grant select on operator_positions to penstock_reader;
alter table operator_positions enable row level security;
create policy operator_positions_of_tenant on operator_positions for select to penstock_reader
    using (tenant = reading_tenant());
