-- $1 tenant, $2 to $11 the entries, a column each. Beside an entry stands what its alarm is about now. An entry that is
-- there already stays as it is; returns the numbers of those that are new.
insert into alarm_journal (
    tenant, seq, rule, rule_version, occurrence, kind, at, value, person, comment, detail,
    priority, point, asset, site, area, words
)
select
    $1, given.*, facts.priority, facts.point, facts.asset, facts.site, facts.area,
    lower(concat_ws(' ', facts.names, given.comment))
from unnest(
    $2::bigint[], $3::uuid[], $4::int[], $5::bigint[], $6::text[], $7::timestamptz[], $8::float8[], $9::uuid[],
    $10::text[], $11::jsonb[]
) as given (seq, rule, rule_version, occurrence, kind, at, value, person, comment, detail)
cross join lateral alarm_facts(given.rule, given.rule_version) facts
on conflict (seq) do nothing
returning seq
