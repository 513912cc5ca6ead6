-- $1 tenant, $2 points as a JSON array. Known ones are left as they are. A point without a number (0) gets a free one,
-- after every number that is stored or given.
insert into points (
    no, id, tenant, position,
    source, path, state, name, description, quantity, unit, area, site, asset, role, normal_low,
    normal_high, span_low, span_high, limit_ll, limit_l, limit_h, limit_hh, stale_after_us,
    record_deadband, record_deviation, record_every_us
)
select
    coalesce(
        nullif(no, 0),
        greatest((select max(points.no) from points), max(no) over (), 0) + row_number() over (partition by no = 0)
    )::int,
    id, $1, ST_SetSRID(ST_MakePoint(lon, lat), 4326),
    source, path, state, name, description, quantity, unit, area, site, asset, role, normal_low,
    normal_high, span_low, span_high, limit_ll, limit_l, limit_h, limit_hh, stale_after_us,
    record_deadband, record_deviation, record_every_us
from jsonb_to_recordset($2) as given (
    no int, id uuid, source text, path text, state text, name text, description text, quantity text, unit text,
    area uuid, site uuid, asset uuid, lat float8, lon float8, role text, normal_low float8, normal_high float8,
    span_low float8, span_high float8, limit_ll float8, limit_l float8, limit_h float8, limit_hh float8,
    stale_after_us bigint, record_deadband float8, record_deviation float8, record_every_us bigint
)
on conflict do nothing
