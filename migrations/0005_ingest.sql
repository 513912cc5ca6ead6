-- What ingest keeps beside samples: how far the spool is copied, what could not be read, what devices report,
-- and the fitted detectors.

create table spool_watermark (
    one boolean primary key default true,
    seq bigint not null,
    constraint spool_watermark_is_one_row check (one)
);
insert into spool_watermark (seq) values (0);

-- Both are bounded by the writer to the newest 1,000 rows.
create table rejects (
    no bigint generated always as identity primary key,
    tenant uuid not null,
    at timestamptz not null,
    source text not null,
    topic text not null,
    payload bytea not null,
    payload_bytes bigint not null,
    reason text not null
);

create table device_alerts (
    no bigint generated always as identity primary key,
    tenant uuid not null,
    at timestamptz not null,
    source text not null,
    device text not null,
    severity text,
    message text not null
);

create table detector_models (
    point_no int not null references points (no),
    detector text not null,
    fitted_at timestamptz not null,
    model bytea not null,
    primary key (point_no, detector)
);
