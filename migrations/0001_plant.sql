-- The plant: whose it is, its areas, sites, equipment, mains and points. Places are WGS 84.

create extension if not exists postgis;

create table tenants (
    id uuid primary key,
    name text not null,
    time_zone text not null
);

create table areas (
    id uuid primary key,
    tenant uuid not null references tenants (id),
    name text not null,
    boundary geometry(Polygon, 4326)
);
create index areas_boundary on areas using gist (boundary);
create index areas_tenant on areas (tenant);

create table sites (
    id uuid primary key,
    tenant uuid not null references tenants (id),
    name text not null,
    kind text not null,
    area uuid references areas (id),
    position geometry(Point, 4326)
);
create index sites_position on sites using gist (position);
create index sites_tenant on sites (tenant);

create table assets (
    id uuid primary key,
    tenant uuid not null references tenants (id),
    name text not null,
    kind text not null,
    site uuid references sites (id),
    area uuid references areas (id),
    position geometry(Point, 4326),
    capacity_m3 float8,
    level_low float8,
    level_high float8,
    constraint assets_level_span check ((level_low is null) = (level_high is null) and level_low < level_high)
);
create index assets_position on assets using gist (position);
create index assets_tenant on assets (tenant);

create table pipes (
    id uuid primary key,
    tenant uuid not null references tenants (id),
    name text not null,
    area uuid references areas (id),
    diameter_mm float8 not null,
    course geometry(LineString, 4326) not null
);
create index pipes_course on pipes using gist (course);
create index pipes_tenant on pipes (tenant);

-- `no` stands for the point in samples and live frames of this station; `id` is the same on every station.
create table points (
    no int generated always as identity primary key,
    id uuid not null unique,
    tenant uuid not null references tenants (id),
    source text not null,
    path text not null,
    state text not null,
    name text not null,
    description text not null,
    quantity text not null,
    unit text not null,
    area uuid references areas (id),
    site uuid references sites (id),
    asset uuid references assets (id),
    position geometry(Point, 4326),
    role text,
    normal_low float8,
    normal_high float8,
    span_low float8,
    span_high float8,
    limit_ll float8,
    limit_l float8,
    limit_h float8,
    limit_hh float8,
    stale_after_us bigint not null,
    constraint points_address unique (tenant, source, path),
    constraint points_state check (state in ('discovered', 'adopted', 'ignored')),
    constraint points_normal check ((normal_low is null) = (normal_high is null) and normal_low < normal_high),
    constraint points_span check ((span_low is null) = (span_high is null) and span_low < span_high),
    constraint points_stale_after check (stale_after_us >= 0)
);
create index points_position on points using gist (position);
