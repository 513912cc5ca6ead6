-- Points whose newest sample may be newer than `newest` says: the writer notes a point here with the first sample that it
-- stores of it, and looks the newest ones up when there is time. Writing down each one as it comes costs as much as storing
-- it.
create table newest_due (
    point_no int primary key
);

-- The newest sample of each point as it is now. Quality 65 is that of a clock that was ahead: such a sample is the newest
-- only where its point has no other.
create view newest_now as
select point_no, source_time, received_time, value, quality
from newest
where not exists (select from newest_due due where due.point_no = newest.point_no)
union all
select found.point_no, found.source_time, found.received_time, found.value, found.quality
from newest_due due
cross join lateral (
    select *
    from (
        (
            select point_no, source_time, received_time, value, quality
            from samples
            where samples.point_no = due.point_no and samples.quality <> 65
            order by source_time desc
            limit 1
        )
        union all
        -- One of a month that is gone, or of a clock that was ahead.
        (
            select point_no, source_time, received_time, value, quality
            from newest
            where newest.point_no = due.point_no
        )
    ) either
    order by quality <> 65 desc, source_time desc
    limit 1
) found;
