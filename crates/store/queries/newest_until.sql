-- $1 points, $2 the quality of a clock that was ahead, $3 the last time that counts. One probe of the newest partition
-- that has the point, a point.
select newest.*
from unnest($1::int[]) as wanted (no)
cross join lateral (
    select point_no, source_time, received_time, value, quality
    from samples
    where samples.point_no = wanted.no and quality <> $2 and source_time <= $3
    order by source_time desc
    limit 1
) newest
