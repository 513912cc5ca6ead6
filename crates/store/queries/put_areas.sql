-- $1 tenant, $2 areas as a JSON array. Says of each one that was added or changed whether it is new.
insert into areas as stored (id, tenant, name, boundary)
select id, $1, name, ST_GeomFromWKB(decode(boundary, 'hex'), 4326)
from jsonb_to_recordset($2) as given (id uuid, name text, boundary text)
on conflict (id) do update set
    name = excluded.name,
    boundary = excluded.boundary
where stored.tenant = excluded.tenant and
    (stored.name, stored.boundary) is distinct from
    (excluded.name, excluded.boundary)
returning xmax = 0 as is_new
