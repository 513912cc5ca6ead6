-- $1 point, $2 from, $3 to. Months whose samples are gone, of all points or of those that measure what this one does.
select first, next, archive
from samples_gone
left join points on points.no = $1
where next > $2 and first < $3 and (quantities is null or points.quantity = any (quantities))
order by first
