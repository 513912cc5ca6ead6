-- $1 tenant. A row that lies ahead though its device's clock did not was received while the station's own clock was ahead: it
-- must not stand for the present, and the newest sample before it does.
with kept as (
    select
        newest.point_no, newest.source_time, newest.received_time, newest.value, newest.quality,
        newest.quality <> 65 and newest.source_time > now() + interval '2 minutes' as is_ahead
    from newest
    join points on points.no = newest.point_no
    where points.tenant = $1
)
select point_no, source_time, received_time, value, quality
from kept
where not is_ahead
union all
select found.point_no, found.source_time, found.received_time, found.value, found.quality
from kept
cross join lateral (
    select *
    from samples
    where samples.point_no = kept.point_no and samples.source_time <= now() + interval '2 minutes'
    order by samples.source_time desc
    limit 1
) found
where is_ahead
order by point_no
