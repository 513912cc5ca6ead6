-- $1 point, $2 from, $3 to, $4 how long a value stands at most. A value stands until the next sample of any quality;
-- the one before the range stands into it.
with reading as (
    (
        select source_time, value, quality
        from samples
        where point_no = $1 and source_time < $2 and source_time >= $2 - $4
        order by source_time desc
        limit 1
    )
    union all
    select source_time, value, quality
    from samples
    where point_no = $1 and source_time >= $2 and source_time < $3
),
standing as (
    select
        value,
        source_time >= $2 as is_inside,
        value is not null and quality < 64 as is_good,
        date_part('epoch',
            least(lead(source_time, 1, $3) over (order by source_time), source_time + $4, $3)
            - greatest(source_time, $2)
        ) as secs
    from reading
)
select
    count(*) filter (where is_inside) as count,
    min(value) filter (where is_inside) as min,
    max(value) filter (where is_inside) as max,
    sum(value) filter (where is_inside) as sum,
    sum(secs) filter (where secs > 0) as secs,
    sum(value * secs) filter (where secs > 0) as integral
from standing
where is_good
