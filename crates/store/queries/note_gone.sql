-- $1 from, $2 to, $3 when, $4 points whose samples went (null for all), $5 files that hold them, $6 whether they went
-- without.
insert into samples_gone (first, next, dropped_at, points, archive, lost)
values ($1, $2, $3, $4, $5, $6)
on conflict (first) do update set
    dropped_at = excluded.dropped_at,
    points = case
        when samples_gone.points is not null and excluded.points is not null
            then array(select distinct unnest(samples_gone.points || excluded.points))
    end,
    archive = case
        when samples_gone.archive is null then excluded.archive
        else samples_gone.archive || coalesce(excluded.archive, '[]')
    end,
    lost = samples_gone.lost or excluded.lost
