-- $1 points and $2 times before which a value counts no more, side by side, $3 time. Of each, by its place among those
-- asked for, the newest sample at or before the time and the first one after it.
select asked.place, reading.*
from unnest($1::int[], $2::timestamptz[]) with ordinality as asked (point_no, first, place)
cross join lateral (
    (
        select point_no, source_time, received_time, value, quality
        from samples
        where samples.point_no = asked.point_no and source_time between asked.first and $3
        order by source_time desc
        limit 1
    )
    union all
    (
        select point_no, source_time, received_time, value, quality
        from samples
        where samples.point_no = asked.point_no and source_time > $3
        order by source_time
        limit 1
    )
) reading
order by asked.place, reading.source_time
