-- What the historian keeps of a point's samples, as penstock_model's Recording: differences in SI and a longest time
-- between recorded samples. All are null where it keeps every sample.

alter table points
    add column record_deadband float8,
    add column record_deviation float8,
    add column record_every_us bigint,
    add constraint points_recording check (
        (record_every_us is null) = (record_deadband is null and record_deviation is null)
        and record_deadband > 0 and record_deadband < 'infinity'
        and record_deviation > 0 and record_deviation < 'infinity'
        and record_every_us between 1000000 and 86400000000
    );
