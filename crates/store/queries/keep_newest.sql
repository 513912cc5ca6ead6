-- Side by side $1 points, none twice, $2 source and $3 received times, $4 values; $5 the quality of a clock that was ahead,
-- which all of them have: newer only than one of the same quality.
insert into newest (point_no, source_time, received_time, value, quality)
select *, $5::smallint from unnest($1::int[], $2::timestamptz[], $3::timestamptz[], $4::float8[])
on conflict (point_no) do update
set source_time = excluded.source_time, received_time = excluded.received_time, value = excluded.value
where newest.quality = $5 and newest.source_time < excluded.source_time
