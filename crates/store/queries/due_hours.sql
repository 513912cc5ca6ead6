-- $1 the time before which hours are over, $2 how many. Those of a point follow each other.
select due.point_no, due.hour, case
        when coalesce(points.stale_after_us, 0) = 0 then 0
        else greatest(points.stale_after_us, coalesce(points.record_every_us, 0))
    end, gone.first is not null
from (
    select distinct point_no, hour
    from rollups_due
    where hour < $1
    order by point_no, hour
    limit $2
) due
left join points on points.no = due.point_no
left join samples_gone gone
    on due.hour >= gone.first and due.hour < gone.next
    and (gone.points is null or due.point_no = any (gone.points))
order by due.point_no, due.hour
