-- After places.sql. $3 a pipe, $4 how many, $5 to $8 west, south, east and north of where to look, $9 whether
-- longitudes run from 0 to 360 for it, the 180th meridian being near, $10 reach in m. The foot of a place on the course
-- is sought where a degree east is as long as a degree north: both are drawn in by the ratio of the two at the latitude
-- of the place, from the radii of curvature of WGS 84, whose e² is 0.00669437999014.
select
    kind, id, name, ST_Y(position) as lat, ST_X(position) as lon, distance_m,
    ST_Length(case when $9 then ST_ShiftLongitude(way) else way end::geography) as chainage_m
from placed
cross join lateral (
    select
        cosd(ST_Y(position)) * (1 - 0.00669437999014 * sind(ST_Y(position)) ^ 2) / (1 - 0.00669437999014) as ratio,
        case when $9 then ST_ShiftLongitude(position) else position end as spot
) local
cross join lateral (
    select ST_Scale(case when $9 then ST_ShiftLongitude(course) else course end, ratio, 1) as drawn_in
    from pipes
    where pipes.id = $3 and pipes.tenant = $1
) line
cross join lateral (
    select ST_LineLocatePoint(drawn_in, ST_Scale(spot, ratio, 1)) as part
) located
cross join lateral (
    select
        ST_Scale(ST_LineSubstring(drawn_in, 0, part), 1 / ratio, 1) as way,
        ST_Scale(ST_LineInterpolatePoint(drawn_in, part), 1 / ratio, 1) as foot
) passed
cross join lateral (
    select ST_Distance(
        position::geography, case when $9 then ST_ShiftLongitude(foot) else foot end::geography
    ) as distance_m
) apart
where position && ST_MakeEnvelope($5, $6, $7, $8, 4326) and distance_m <= $10
order by chainage_m, distance_m, name, id
limit $4
