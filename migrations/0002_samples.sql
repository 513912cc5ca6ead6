-- Samples, a partition a month of source time (UTC). Partitions are owned by the writer, which fills them by COPY.
-- The key is point and source time; columns are ordered so that no row is padded. Quality is penstock_model's code.
-- Points are not referenced by a foreign key: it would cost a lookup a row, and points are never deleted.

create table samples (
    source_time timestamptz not null,
    received_time timestamptz not null,
    value float8,
    point_no int not null,
    quality smallint not null,
    primary key (point_no, source_time)
) partition by range (source_time);

-- Times that no plant has go into two partitions of their own, so that a device with a broken clock cannot make
-- the station create partitions without end.
create table samples_before partition of samples for values from (minvalue) to ('2000-01-01T00:00:00Z');
create table samples_after partition of samples for values from ('2100-01-01T00:00:00Z') to (maxvalue);

-- The partition that holds `at`, created where it is missing. ATTACH needs a weaker lock than PARTITION OF: readers go on.
create function samples_partition(at timestamptz) returns text
language plpgsql as $$
declare
    first timestamptz := date_trunc('month', at, 'UTC');
    next timestamptz := (date_trunc('month', at at time zone 'UTC') + interval '1 month') at time zone 'UTC';
    partition text := 'samples_' || to_char(first at time zone 'UTC', 'YYYY_MM');
begin
    if at < '2000-01-01T00:00:00Z' then
        return 'samples_before';
    elsif at >= '2100-01-01T00:00:00Z' then
        return 'samples_after';
    end if;
    if to_regclass(partition) is null then
        perform pg_advisory_xact_lock(hashtext('samples_partition'));
        if to_regclass(partition) is null then
            execute format('create table %I (like samples including all)', partition);
            execute format('alter table samples attach partition %I for values from (%L) to (%L)', partition, first, next);
        end if;
    end if;
    return partition;
end
$$;
