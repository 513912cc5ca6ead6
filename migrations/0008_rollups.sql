-- Roll-ups of samples by the minute, hour and day (UTC), what is still to be rolled up, and what retention took away.

-- The partition of `parent` that holds `at`, a `step` ('month' or 'year') long; created where it is missing.
-- ATTACH needs a weaker lock than PARTITION OF: readers go on.
create function time_partition(parent text, step text, at timestamptz) returns text
language plpgsql as $$
declare
    first timestamptz := date_trunc(step, at, 'UTC');
    next timestamptz := (date_trunc(step, at at time zone 'UTC') + ('1 ' || step)::interval) at time zone 'UTC';
    partition text := parent || to_char(first at time zone 'UTC', case step when 'month' then '_YYYY_MM' else '_YYYY' end);
begin
    if to_regclass(partition) is null then
        perform pg_advisory_xact_lock(hashtext(parent));
        if to_regclass(partition) is null then
            execute format('create table %I (like %I including all)', partition, parent);
            execute format('alter table %I attach partition %I for values from (%L) to (%L)', parent, partition, first, next);
        end if;
    end if;
    return partition;
end
$$;

create or replace function samples_partition(at timestamptz) returns text
language plpgsql as $$
begin
    if at < '2000-01-01T00:00:00Z' then
        return 'samples_before';
    elsif at >= '2100-01-01T00:00:00Z' then
        return 'samples_after';
    end if;
    return time_partition('samples', 'month', at);
end
$$;

-- What was measured in a stretch of time that begins at `start`. `first`, `last`, `min` and `max` are of the samples that
-- have a value and are not bad, as trends draw them, `*_at` their times in microseconds after `start`; the rest is of the
-- good ones alone. `good_secs` is how long a good value stood within the stretch, each until the next sample of any
-- quality and at most for as long as its point may be silent; `weighted_mean` is weighted by that.
-- In rollups_minute, what equals `first` (or `first_at`) is null: most minutes of a plant hold one sample.
create table rollups_minute (
    start timestamptz not null,
    first float8,
    last float8,
    min float8,
    max float8,
    good_min float8,
    good_max float8,
    mean float8,
    weighted_mean float8,
    point_no int not null,
    count int not null,
    good int not null,
    first_at bigint,
    last_at bigint,
    min_at bigint,
    max_at bigint,
    good_secs real not null,
    worst smallint not null,
    primary key (point_no, start)
) partition by range (start);
-- An hour without a sample has a row where a value of an earlier one stood into it.
create table rollups_hour (like rollups_minute including all) partition by range (start);
create table rollups_day (like rollups_minute including all) partition by range (start);

-- Hours whose samples have changed since they were rolled up, noted in the transaction that changed them; an hour may
-- stand here more than once.
create table rollups_due (
    no bigint generated always as identity,
    point_no int not null,
    hour timestamptz not null
);
create index rollups_due_hour on rollups_due (point_no, hour);

-- Months whose samples retention has taken away, of all points or of `points`. `archive` names the files that hold them,
-- where there are any.
create table samples_gone (
    first timestamptz primary key,
    next timestamptz not null,
    dropped_at timestamptz not null,
    points int[],
    archive jsonb
);

-- When retention last looked what is over.
create table kept_house (
    one boolean primary key default true,
    at timestamptz not null,
    constraint kept_house_is_one_row check (one)
);

-- The partitions of `parent` that hold a month or year each, with what they hold.
create function time_partitions(parent text)
returns table (partition text, first timestamptz, next timestamptz)
language sql stable as $$
    select
        relname::text,
        make_timestamptz(part[1]::int, coalesce(part[2], '1')::int, 1, 0, 0, 0, 'UTC'),
        (make_timestamp(part[1]::int, coalesce(part[2], '1')::int, 1, 0, 0, 0)
            + case when part[2] is null then interval '1 year' else interval '1 month' end) at time zone 'UTC'
    from pg_inherits
    join pg_class on pg_class.oid = inhrelid
    cross join lateral regexp_match(relname, '_(\d{4})(?:_(\d{2}))?$') as part
    where inhparent = parent::regclass and part is not null
    order by 2
$$;
