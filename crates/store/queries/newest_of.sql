-- $1 points, $2 the quality of a clock that is ahead. When the newest sample of each was measured; a time that is still
-- to come would make all others late.
select asked.point_no, newest.source_time
from unnest($1::int[]) as asked (point_no)
cross join lateral (
    select samples.source_time
    from samples
    where samples.point_no = asked.point_no and samples.quality <> $2
    order by samples.source_time desc
    limit 1
) newest
