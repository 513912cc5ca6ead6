-- The newest samples that have yet to be looked up for good and lie from $1 up to $2.
select found.point_no, found.source_time, found.received_time, found.value, found.quality
from newest_due due
cross join lateral newest_of(due.point_no) found
where found.source_time >= $1 and found.source_time < $2
