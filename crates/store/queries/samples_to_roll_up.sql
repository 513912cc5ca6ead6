select asked.number, reading.source_time, reading.value, reading.quality
from (values {ranges}) as asked (number, point_no, first, next, hold)
cross join lateral (
    (
        select source_time, value, quality
        from samples
        where samples.point_no = asked.point_no
            and source_time >= asked.first - asked.hold and source_time < asked.first
        order by source_time desc
        limit 1
    )
    union all
    (
        select source_time, value, quality
        from samples
        where samples.point_no = asked.point_no and source_time >= asked.first and source_time < asked.next
        order by source_time
    )
) reading
