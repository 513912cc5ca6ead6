-- $1 tenant, $2 ids, $3 versions, $4 rules, $5 when, $6 who, $7 why. Writes the rules that are new or of a higher
-- version than the stored ones, each with a version of its own that stays; returns their ids.
with written as (
    insert into alarm_rules as stored (id, tenant, version, rule)
    select given.id, $1, given.version, given.rule
    from unnest($2::uuid[], $3::int[], $4::jsonb[]) as given (id, version, rule)
    on conflict (id) do update set version = excluded.version, rule = excluded.rule
    where stored.tenant = excluded.tenant and stored.version < excluded.version
    returning id, version, rule
)
insert into alarm_rule_versions (rule, tenant, version, body, saved_at, saved_by, reason)
select id, $1, version, rule, $5, $6, $7 from written
returning rule
