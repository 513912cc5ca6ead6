-- $1 and $2 the bounds of what goes, $3 the quality of a clock that was ahead. Points stay due: something newer may have
-- come.
insert into newest (point_no, source_time, received_time, value, quality)
select found.point_no, found.source_time, found.received_time, found.value, found.quality
from newest_due
cross join lateral (
    select *
    from samples
    where samples.point_no = newest_due.point_no and samples.quality <> $3
    order by source_time desc
    limit 1
) found
where found.source_time >= $1 and found.source_time < $2
on conflict (point_no) do update
set source_time = excluded.source_time, received_time = excluded.received_time, value = excluded.value,
    quality = excluded.quality
where (newest.quality <> $3, newest.source_time) < (excluded.quality <> $3, excluded.source_time)
