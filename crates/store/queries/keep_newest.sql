-- Side by side $1 points, none twice, $2 source and $3 received times, $4 values, $5 qualities; $6 the quality of a clock
-- that was ahead.
insert into newest (point_no, source_time, received_time, value, quality)
select * from unnest($1::int[], $2::timestamptz[], $3::timestamptz[], $4::float8[], $5::smallint[])
on conflict (point_no) do update
set source_time = excluded.source_time, received_time = excluded.received_time, value = excluded.value,
    quality = excluded.quality
where (newest.quality <> $6, newest.source_time) < (excluded.quality <> $6, excluded.source_time)
