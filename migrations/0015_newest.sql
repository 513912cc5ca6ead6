-- The newest sample of each point, so that the present is read from a few pages instead of one place in the historian a
-- point. The writer keeps it in the transaction that stores the sample; it stays when the sample's month is taken away.
create table newest (
    source_time timestamptz not null,
    received_time timestamptz not null,
    value float8,
    point_no int primary key,
    quality smallint not null
)
-- A page has room for the rows' next versions: they are written where the former ones were, and no index is touched.
with (fillfactor = 40);

-- What is stored already. Quality 65 is that of a clock that was ahead: such a sample is the newest only where its point
-- has no other.
insert into newest (source_time, received_time, value, point_no, quality)
select found.source_time, found.received_time, found.value, found.point_no, found.quality
from points
cross join lateral (
    select *
    from samples
    where samples.point_no = points.no and quality <> 65
    order by source_time desc
    limit 1
) found;

insert into newest (source_time, received_time, value, point_no, quality)
select found.source_time, found.received_time, found.value, found.point_no, found.quality
from points
cross join lateral (
    select *
    from samples
    where samples.point_no = points.no
    order by source_time desc
    limit 1
) found
on conflict do nothing;
