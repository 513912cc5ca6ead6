-- $1 tenant, $2 sites as a JSON array. Says of each one that was added or changed whether it is new.
insert into sites as stored (id, tenant, name, kind, area, position)
select id, $1, name, kind, area, ST_SetSRID(ST_MakePoint(lon, lat), 4326)
from jsonb_to_recordset($2) as given (id uuid, name text, kind text, area uuid, lat float8, lon float8)
on conflict (id) do update set
    name = excluded.name,
    kind = excluded.kind,
    area = excluded.area,
    position = excluded.position
where stored.tenant = excluded.tenant and
    (stored.name, stored.kind, stored.area, stored.position) is distinct from
    (excluded.name, excluded.kind, excluded.area, excluded.position)
returning xmax = 0 as is_new
