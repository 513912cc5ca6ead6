-- $1 points, $2 first and $3 last times, side by side: the places of those whose samples of a month in between are gone.
select asked.place
from unnest($1::int[], $2::timestamptz[], $3::timestamptz[]) with ordinality as asked (point_no, first, last, place)
where exists (
    select
    from samples_gone
    join points on points.no = asked.point_no
    where samples_gone.next > asked.first and samples_gone.first < asked.last
        and went_with(samples_gone.first, points.no)
)
