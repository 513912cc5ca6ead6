-- After places.sql. $3 a polygon, $4 how many.
select
    kind, id, name, ST_Y(position) as lat, ST_X(position) as lon,
    null::float8 as distance_m,
    null::float8 as chainage_m
from placed
where ST_Intersects(position, ST_GeomFromWKB($3, 4326))
order by name, id
limit $4
