-- People, and the audit of everything they and the station change.

create table people (
    id uuid primary key,
    tenant uuid not null references tenants (id),
    name text not null,
    full_name text not null,
    preferences jsonb not null default '{}',
    constraint people_name unique (name),
    constraint people_name_is_lower_case check (name = lower(name) and name <> '')
);

-- An Argon2id hash in PHC form; apart from the people, so that no list of people carries it.
create table credentials (
    person uuid primary key references people (id),
    password_hash text not null
);

create table person_roles (
    person uuid not null references people (id),
    role text not null,
    primary key (person, role)
);

-- Hash-chained: `hash` covers the row and `prev_hash`, the hash of the row before.
create table audit (
    seq bigint primary key,
    id uuid not null unique,
    tenant uuid not null,
    at timestamptz not null,
    who uuid,
    from_where text not null,
    action text not null,
    subject text not null,
    old jsonb,
    new jsonb,
    reason text,
    prev_hash bytea not null,
    hash bytea not null
);
create index audit_at on audit (tenant, at, seq);
create trigger audit_stands before update or delete or truncate on audit
    for each statement execute function refuse_change();

-- The end of the chain. Locking this row is what makes appending a chain; a cut-off tail shows against it.
create table audit_head (
    one boolean primary key default true,
    seq bigint not null,
    hash bytea not null,
    constraint audit_head_is_one_row check (one)
);
insert into audit_head (seq, hash) values (0, ''::bytea);
