-- $1 how many points at most, $2 the quality of a clock that was ahead. Which points those were.
with settled as (
    delete from newest_due
    where point_no in (select point_no from newest_due order by point_no limit $1)
    returning point_no
),
kept as (
    insert into newest (point_no, source_time, received_time, value, quality)
    select found.point_no, found.source_time, found.received_time, found.value, found.quality
    from settled
    cross join lateral newest_of(settled.point_no) found
    on conflict (point_no) do update
    set source_time = excluded.source_time, received_time = excluded.received_time, value = excluded.value,
        quality = excluded.quality
    where (newest.quality <> $2, newest.source_time) < (excluded.quality <> $2, excluded.source_time)
)
select point_no from settled
