-- After places.sql. $3 a position, $4 how many, $5 to $8 west, south, east and north of where to look.
select
    kind, id, name, ST_Y(position) as lat, ST_X(position) as lon,
    ST_Distance(position::geography, ST_GeomFromWKB($3, 4326)::geography) as distance_m,
    null::float8 as chainage_m
from placed
where position && ST_MakeEnvelope($5, $6, $7, $8, 4326)
order by distance_m, name, id
limit $4
