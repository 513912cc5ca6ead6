-- $1 points and $2 source times, side by side; $3 the first and $4 the last of these times, so that no other month is
-- looked into.
delete from samples
using unnest($1::int[], $2::timestamptz[]) as gone (point_no, source_time)
where samples.point_no = gone.point_no and samples.source_time = gone.source_time
    and samples.source_time between $3 and $4
