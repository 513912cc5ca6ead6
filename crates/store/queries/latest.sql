-- $1 tenant.
select newest.point_no, newest.source_time, newest.received_time, newest.value, newest.quality
from newest
join points on points.no = newest.point_no
where points.tenant = $1
order by newest.point_no
