-- $1 when a month begins, $2 quantities. The files of the month where the samples of all points that measure these have
-- gone already: what is there now came late. No row where they have not. Points without a sample there do not count:
-- most were not known yet when the month went.
select samples_gone.archive
from samples_gone
where samples_gone.first = $1
    and (
        samples_gone.points is null
        or samples_gone.points @> array(
            select points.no
            from points
            where points.quantity = any ($2)
                and exists (
                    select
                    from samples
                    where samples.point_no = points.no
                        and samples.source_time >= samples_gone.first and samples.source_time < samples_gone.next
                )
        )
    )
