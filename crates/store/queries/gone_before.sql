-- $1 when a month begins, $2 quantities. The files of the month where the samples of all points that measure these have
-- gone already: what is there now came late. No row where they have not.
select samples_gone.archive
from samples_gone
where samples_gone.first = $1
    and (
        samples_gone.points is null
        or samples_gone.points @> array(select points.no from points where points.quantity = any ($2))
    )
