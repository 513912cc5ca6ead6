-- $1 tenant, $2 assets as a JSON array. Says of each one that was added or changed whether it is new.
insert into assets as stored (id, tenant, name, kind, site, area, position, capacity_m3, level_low, level_high)
select id, $1, name, kind, site, area, ST_SetSRID(ST_MakePoint(lon, lat), 4326), capacity_m3, level_low, level_high
from jsonb_to_recordset($2) as given (
    id uuid, name text, kind text, site uuid, area uuid, lat float8, lon float8, capacity_m3 float8,
    level_low float8, level_high float8
)
on conflict (id) do update set
    name = excluded.name,
    kind = excluded.kind,
    site = excluded.site,
    area = excluded.area,
    position = excluded.position,
    capacity_m3 = excluded.capacity_m3,
    level_low = excluded.level_low,
    level_high = excluded.level_high
where stored.tenant = excluded.tenant and
    (stored.name, stored.kind, stored.site, stored.area, stored.position, stored.capacity_m3, stored.level_low, stored.level_high) is distinct from
    (excluded.name, excluded.kind, excluded.site, excluded.area, excluded.position, excluded.capacity_m3, excluded.level_low, excluded.level_high)
returning xmax = 0 as is_new
