-- $1 the time before which hours are over, $2 how many, $3 whether those too whose samples are gone. Those of a point
-- follow each other. Where a change of unit is under way they wait, so that no value in one unit is added to a roll-up in
-- another, and so that the notes say where everything is that came since.
select due.point_no, due.hour, case
        when coalesce(points.stale_after_us, 0) = 0 then 0
        else greatest(points.stale_after_us, coalesce(points.record_every_us, 0))
    end, gone.first is not null
from (
    select distinct point_no, hour
    from rollups_due
    where hour < $1
        and not exists (select from unit_switches where unit_switches.point_no = rollups_due.point_no)
        and ($3 or not exists (
            select
            from samples_gone
            where rollups_due.hour >= samples_gone.first and rollups_due.hour < samples_gone.next
                and (samples_gone.points is null or rollups_due.point_no = any (samples_gone.points))
        ))
    order by point_no, hour
    limit $2
) due
left join points on points.no = due.point_no
left join samples_gone gone
    on due.hour >= gone.first and due.hour < gone.next
    and (gone.points is null or due.point_no = any (gone.points))
order by due.point_no, due.hour
