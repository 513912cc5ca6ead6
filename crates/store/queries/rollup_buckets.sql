-- $1 point, $2 from, $3 to, $4 width of a bucket, a whole number of the roll-ups that it is made of.
with stretch as materialized (
    select
        start, count, worst, first,
        date_bin($4, start, 'epoch') as bucket,
        coalesce(last, first) as last,
        coalesce(min, first) as low,
        coalesce(max, first) as high,
        start + first_at * interval '1 microsecond' as first_at,
        start + coalesce(last_at, first_at) * interval '1 microsecond' as last_at,
        start + coalesce(min_at, first_at) * interval '1 microsecond' as low_at,
        start + coalesce(max_at, first_at) * interval '1 microsecond' as high_at
    from {table}
    where point_no = $1 and start >= $2 and start < $3
),
buckets as (
    select
        bucket,
        sum(count)::bigint as count,
        max(worst) as worst,
        min(low) as low,
        max(high) as high,
        min(first_at) as first_at,
        max(last_at) as last_at
    from stretch
    group by bucket
)
select
    buckets.bucket as start, buckets.count, buckets.worst, buckets.low, buckets.high, buckets.first_at, buckets.last_at,
    min(stretch.first) filter (where stretch.first_at = buckets.first_at) as first,
    min(stretch.last) filter (where stretch.last_at = buckets.last_at) as last,
    min(stretch.low_at) filter (where stretch.low = buckets.low) as low_at,
    min(stretch.high_at) filter (where stretch.high = buckets.high) as high_at
from buckets
join stretch on stretch.bucket = buckets.bucket
group by
    buckets.bucket, buckets.count, buckets.worst, buckets.low, buckets.high, buckets.first_at, buckets.last_at
-- An hour into which an old value stood has no samples of its own.
having buckets.count > 0
order by buckets.bucket
