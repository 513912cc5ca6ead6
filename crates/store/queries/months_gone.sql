-- $1 point, $2 from, $3 to. Months whose samples are gone. Of a point that whoever asks may not see there are none.
select first, next, archive
from samples_gone
join points on points.no = $1
where next > $2 and first < $3 and went_with(first, points.no)
order by first
