-- After places.sql. $3 a position, $4 how many. Within how many m of it so many places are; nothing where the index
-- does not tell. It orders by degrees, of which those east are shorter than those north: the nearest in degrees need
-- not be the nearest, but they are as many, and so bound them. What is placed by its site may be left out for a bound.
, near as (
    (select position from placed_sites order by position <-> ST_GeomFromWKB($3, 4326) limit $4)
    union all
    (select position from placed_assets order by position <-> ST_GeomFromWKB($3, 4326) limit $4)
    union all
    (select position from own_places order by position <-> ST_GeomFromWKB($3, 4326) limit $4)
    union all
    (select position from places_of_assets order by position <-> ST_GeomFromWKB($3, 4326) limit $4)
)
select max(distance_m)
from (
    select ST_Distance(position::geography, ST_GeomFromWKB($3, 4326)::geography) as distance_m
    from near
    order by distance_m
    limit $4
) nearest
having count(*) = $4
