-- $1 points, $2 the beginnings of hours, side by side. The last value of an hour stands into the next ones, for as long
-- as its point may be silent and for a day at most.
insert into rollups_due (point_no, hour)
select touched.point_no, due.hour
from unnest($1::int[], $2::timestamptz[]) as touched (point_no, hour)
left join points on points.no = touched.point_no
cross join lateral generate_series(
    touched.hour,
    touched.hour + interval '1 hour' + least(
        coalesce(nullif(points.stale_after_us, 0) + coalesce(points.record_every_us, 0), 86400000000), 86400000000
    ) * interval '1 microsecond',
    interval '1 hour'
) as due (hour)
