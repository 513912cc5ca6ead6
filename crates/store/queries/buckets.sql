-- $1 point, $2 from, $3 to, $4 width of a bucket. Buckets begin at whole multiples of the width, so that the same
-- ones come back while a trend is panned. Usable is what has a value and is not bad; a bucket without any is a gap.
-- Two passes over the index, the second a bucket at a time, took a third of the time of one pass that carries the
-- time of the least and the greatest along.
with buckets as materialized (
    select
        date_bin($4, source_time, 'epoch') as start,
        count(*) as count,
        max(quality) as worst,
        min(source_time) filter (where value is not null and quality < 128) as first_at,
        max(source_time) filter (where value is not null and quality < 128) as last_at,
        min(value) filter (where quality < 128) as low,
        max(value) filter (where quality < 128) as high
    from samples
    where point_no = $1 and source_time >= $2 and source_time < $3
    group by start
)
select buckets.*, marks.*
from buckets
cross join lateral (
    select
        min(value) filter (where source_time = first_at) as first,
        min(value) filter (where source_time = last_at) as last,
        min(source_time) filter (where value = low) as low_at,
        min(source_time) filter (where value = high) as high_at
    from samples
    where point_no = $1 and source_time >= first_at and source_time <= last_at and quality < 128
) marks
order by start
