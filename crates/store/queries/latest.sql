-- $1 tenant, $2 parts that the points are dealt to, $3 which of them. One probe of the newest partition that has the
-- point, a point.
select newest.*
from points
cross join lateral (
    select point_no, source_time, received_time, value, quality
    from samples
    where samples.point_no = points.no
      -- A time that is still to come is a wrong clock's: it must not stand for the present.
      and source_time <= now() + interval '2 minutes'
    order by source_time desc
    limit 1
) newest
where points.tenant = $1 and abs(points.no % $2) = $3
