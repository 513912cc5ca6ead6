-- $1 point, $2 time. The newest sample at or before the time, and the first one after it.
(
    select point_no, source_time, received_time, value, quality
    from samples
    where point_no = $1 and source_time <= $2
    order by source_time desc
    limit 1
)
union all
(
    select point_no, source_time, received_time, value, quality
    from samples
    where point_no = $1 and source_time > $2
    order by source_time
    limit 1
)
