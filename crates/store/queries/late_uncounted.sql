-- $1 points, $2 first and $3 last times, side by side: what is stored there, is not counted in roll-ups yet, and is of a
-- month that has files. OFFSET keeps the planner at one range of the index a row.
select late.*, samples_gone.first as month
from unnest($1::int[], $2::timestamptz[], $3::timestamptz[]) as asked (point_no, first, next)
cross join lateral (
    select samples.point_no, samples.source_time, samples.received_time, samples.value, samples.quality
    from samples
    where samples.point_no = asked.point_no
        and samples.source_time >= asked.first and samples.source_time < asked.next
        and not exists (
            select from samples_added counted
            where counted.point_no = samples.point_no and counted.source_time = samples.source_time
        )
    offset 0
) late
join samples_gone on late.source_time >= samples_gone.first and late.source_time < samples_gone.next
where samples_gone.archive is not null
