-- The entries before $2 that tell where alarms of tenant $1 stood then: of each alarm its newest occurrence from the raise
-- on, and on each axis what last put it away or let it go. The rest of the journal tells no more of it.
with raised as (
    select known.rule, newest.at
    from alarm_states known
    cross join lateral (
        select at from alarm_journal
        where rule = known.rule and tenant = $1 and kind = 'raised' and at < $2
        order by at desc, seq desc
        limit 1
    ) newest
    where known.tenant = $1
),
put_away as (
    select
        rule,
        seq,
        at,
        case
            when kind in ('shelved', 'unshelved') then 1
            when kind in ('suppressed', 'unsuppressed') then 2
            else 3
        end as axis
    from alarm_journal
    where tenant = $1 and at < $2 and kind in (
        'shelved', 'unshelved', 'suppressed', 'unsuppressed', 'taken_out_of_service', 'returned_to_service'
    )
),
telling as (
    select entry.seq
    from raised
    cross join lateral (
        select seq from alarm_journal where rule = raised.rule and tenant = $1 and at >= raised.at and at < $2
    ) entry
    union
    (select distinct on (rule, axis) seq from put_away order by rule, axis, at desc, seq desc)
)
select
    seq, rule, rule_version, occurrence, kind, at, value, person, comment, detail, priority, point, asset, site, area
from alarm_journal
where tenant = $1 and seq in (select seq from telling)
order by at, seq
