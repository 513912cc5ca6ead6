-- $1 tenant, $2 pipes as a JSON array. Says of each one that was added or changed whether it is new.
insert into pipes as stored (id, tenant, name, area, diameter_mm, course)
select id, $1, name, area, diameter_mm, ST_GeomFromWKB(decode(course, 'hex'), 4326)
from jsonb_to_recordset($2) as given (id uuid, name text, area uuid, diameter_mm float8, course text)
on conflict (id) do update set
    name = excluded.name,
    area = excluded.area,
    diameter_mm = excluded.diameter_mm,
    course = excluded.course
where stored.tenant = excluded.tenant and
    (stored.name, stored.area, stored.diameter_mm, stored.course) is distinct from
    (excluded.name, excluded.area, excluded.diameter_mm, excluded.course)
returning xmax = 0 as is_new
