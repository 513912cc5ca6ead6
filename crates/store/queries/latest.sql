-- $1 tenant, $2 the quality of a clock that was ahead, $3 a time that has yet to come.
select newest.point_no, newest.source_time, newest.received_time, newest.value, newest.quality,
       newest.quality <> $2 and newest.source_time > $3 as is_to_come
from newest_now as newest
join points on points.no = newest.point_no
where points.tenant = $1
order by newest.point_no
