-- $1 points, $2 first and $3 last times, side by side: what is stored there now is in the roll-ups. OFFSET keeps the
-- planner at one range of the index a row.
insert into samples_added (point_no, source_time)
select late.point_no, late.source_time
from unnest($1::int[], $2::timestamptz[], $3::timestamptz[]) as added (point_no, first, next)
cross join lateral (
    select samples.point_no, samples.source_time
    from samples
    where samples.point_no = added.point_no and source_time >= added.first and source_time < added.next
    offset 0
) late
on conflict do nothing
