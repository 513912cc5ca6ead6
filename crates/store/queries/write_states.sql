-- $1 tenant, $2 the number of the journal's entry that the states follow from, $3 to $18 the states, a column each.
insert into alarm_states (
    tenant, last_seq, rule, occurrence, active, acknowledged, latched, shelf, suppressed_since, out_of_service_since,
    first_out, realarms, raised_at, called_at, changed_at, value, acknowledged_by, acknowledged_at
)
select $1, $2, given.*
from unnest(
    $3::uuid[], $4::bigint[], $5::boolean[], $6::boolean[], $7::boolean[], $8::jsonb[], $9::timestamptz[],
    $10::timestamptz[], $11::boolean[], $12::int[], $13::timestamptz[], $14::timestamptz[], $15::timestamptz[],
    $16::float8[], $17::uuid[], $18::timestamptz[]
) as given
on conflict (rule) do update
set last_seq = excluded.last_seq,
    occurrence = excluded.occurrence,
    active = excluded.active,
    acknowledged = excluded.acknowledged,
    latched = excluded.latched,
    shelf = excluded.shelf,
    suppressed_since = excluded.suppressed_since,
    out_of_service_since = excluded.out_of_service_since,
    first_out = excluded.first_out,
    realarms = excluded.realarms,
    raised_at = excluded.raised_at,
    called_at = excluded.called_at,
    changed_at = excluded.changed_at,
    value = excluded.value,
    acknowledged_by = excluded.acknowledged_by,
    acknowledged_at = excluded.acknowledged_at
