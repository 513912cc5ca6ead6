-- $1 points, $2 first and $3 last times, side by side. OFFSET keeps the planner at one range of the index a row.
select stored.*
from unnest($1::int[], $2::timestamptz[], $3::timestamptz[]) as asked (point_no, first, last)
cross join lateral (
    select samples.point_no, samples.source_time, samples.value, samples.quality
    from samples
    where samples.point_no = asked.point_no and samples.source_time between asked.first and asked.last
    offset 0
) stored
