-- The ranges that are added to have their earlier samples counted: of those that came late each is read once.
select asked.number, reading.source_time, reading.value, reading.quality
from (values {ranges}) as asked (number, point_no, first, next, hold, adds)
cross join lateral (
    (
        select source_time, value, quality
        from samples
        where samples.point_no = asked.point_no
            and source_time >= asked.first - asked.hold and source_time < asked.first
            and (not asked.adds or not exists (
                select from samples_added counted
                where counted.point_no = samples.point_no and counted.source_time = samples.source_time
            ))
        order by source_time desc
        limit 1
    )
    union all
    (
        select source_time, value, quality
        from samples
        where samples.point_no = asked.point_no and source_time >= asked.first and source_time < asked.next
            and (not asked.adds or not exists (
                select from samples_added counted
                where counted.point_no = samples.point_no and counted.source_time = samples.source_time
            ))
        order by source_time
    )
) reading
