-- After places.sql. $3 a polygon, $4 how many. That the boxes overlap follows from the rest, but under row-level
-- security, as screens read, it is all that the index is used for.
select
    kind, id, name, ST_Y(position) as lat, ST_X(position) as lon,
    null::float8 as distance_m,
    null::float8 as chainage_m
from placed
where position && ST_GeomFromWKB($3, 4326) and ST_Intersects(position, ST_GeomFromWKB($3, 4326))
order by name, id
limit $4
