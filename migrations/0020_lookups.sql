-- From here on the newest sample of a point is not written down with each sample: that costs as much as storing it. The
-- writer notes here, with the first sample that it stores of a point, that its newest one has to be looked up, and looks
-- them up for good when there is time.
create table newest_due (
    point_no int primary key
);

-- The newest stored sample of a point, clocks that were ahead aside (quality 65). One of a time that has yet to come, as
-- the station's own clock gives when it is ahead, counts only where there is no other; those are passed by unread, as a day
-- of a device whose clock was ahead would have to be passed by one by one.
create function newest_of(wanted int)
returns table (point_no int, source_time timestamptz, received_time timestamptz, value float8, quality smallint)
language sql
stable
as $$
    (
        select sample.point_no, sample.source_time, sample.received_time, sample.value, sample.quality
        from samples sample
        where sample.point_no = wanted and sample.quality <> 65 and sample.source_time <= now() + interval '2 minutes'
        order by sample.source_time desc
        limit 1
    )
    union all
    (
        select sample.point_no, sample.source_time, sample.received_time, sample.value, sample.quality
        from samples sample
        where
            sample.point_no = wanted and sample.quality <> 65 and sample.source_time > now() + interval '2 minutes'
            and not exists (
                select
                from samples other
                where
                    other.point_no = wanted and other.quality <> 65
                    and other.source_time <= now() + interval '2 minutes'
            )
        order by sample.source_time desc
        limit 1
    )
$$;

-- The newest sample of each point as it is now: one of a clock that was ahead only where the point has no other.
create view newest_now as
select point_no, source_time, received_time, value, quality
from newest
where not exists (select from newest_due due where due.point_no = newest.point_no)
union all
select due.point_no, found.source_time, found.received_time, found.value, found.quality
from newest_due due
cross join lateral (
    select *
    from (
        select source_time, received_time, value, quality from newest_of(due.point_no)
        union all
        -- One of a month that is gone, or of a clock that was ahead.
        select source_time, received_time, value, quality from newest where newest.point_no = due.point_no
    ) either
    order by quality <> 65 desc, source_time desc
    limit 1
) found;

-- The last approval is looked for whenever one is given or checked, among everything that was ever done.
create index audit_approvals on audit (tenant, seq) where action = 'approve-rules';
