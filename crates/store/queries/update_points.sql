-- $1 tenant, $2 points as a JSON array; a point is known by its number. Its id stays.
update points
set position = ST_SetSRID(ST_MakePoint(given.lon, given.lat), 4326),
    source = given.source,
    path = given.path,
    state = given.state,
    name = given.name,
    description = given.description,
    quantity = given.quantity,
    unit = given.unit,
    area = given.area,
    site = given.site,
    asset = given.asset,
    role = given.role,
    normal_low = given.normal_low,
    normal_high = given.normal_high,
    span_low = given.span_low,
    span_high = given.span_high,
    limit_ll = given.limit_ll,
    limit_l = given.limit_l,
    limit_h = given.limit_h,
    limit_hh = given.limit_hh,
    stale_after_us = given.stale_after_us,
    record_deadband = given.record_deadband,
    record_deviation = given.record_deviation,
    record_every_us = given.record_every_us
from jsonb_to_recordset($2) as given (
    no int, id uuid, source text, path text, state text, name text, description text, quantity text, unit text,
    area uuid, site uuid, asset uuid, lat float8, lon float8, role text, normal_low float8, normal_high float8,
    span_low float8, span_high float8, limit_ll float8, limit_l float8, limit_h float8, limit_hh float8,
    stale_after_us bigint, record_deadband float8, record_deviation float8, record_every_us bigint
)
where points.tenant = $1 and points.no = given.no and points.id = given.id
returning points.no
