-- $1 the quality of a clock that was ahead.
with settled as (delete from newest_due returning point_no)
insert into newest (point_no, source_time, received_time, value, quality)
select found.point_no, found.source_time, found.received_time, found.value, found.quality
from settled
cross join lateral (
    select *
    from samples
    where samples.point_no = settled.point_no and samples.quality <> $1
    order by source_time desc
    limit 1
) found
on conflict (point_no) do update
set source_time = excluded.source_time, received_time = excluded.received_time, value = excluded.value,
    quality = excluded.quality
where (newest.quality <> $1, newest.source_time) < (excluded.quality <> $1, excluded.source_time)
