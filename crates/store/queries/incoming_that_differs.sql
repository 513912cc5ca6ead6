-- LIMIT keeps the planner, which knows nothing of the temporary table, at one probe of the index a row.
select incoming.point_no, incoming.source_time
from incoming
cross join lateral (
    select samples.value
    from samples
    where samples.point_no = incoming.point_no and samples.source_time = incoming.source_time
    limit 1
) stored
where stored.value is distinct from incoming.value
