-- Full alarm management: every version of a rule, what more a journal entry says, what the alarm was about when it was
-- written, and every axis of where an alarm stands.

-- Nothing is taken away from it; alarm_rules holds the newest.
create table alarm_rule_versions (
    rule uuid not null,
    tenant uuid not null references tenants (id),
    version int not null,
    body jsonb not null,
    saved_at timestamptz not null,
    saved_by uuid,
    reason text,
    primary key (rule, version)
);
create trigger alarm_rule_versions_stands before update or delete or truncate on alarm_rule_versions
    for each statement execute function refuse_change();
-- Of rules that were there before this table it is known from now on what they say.
insert into alarm_rule_versions (rule, tenant, version, body, saved_at)
select id, tenant, version, rule, now() from alarm_rules;

grant select on alarm_rule_versions to penstock_reader;
alter table alarm_rule_versions enable row level security;
create policy alarm_rule_versions_of_tenant on alarm_rule_versions for select to penstock_reader
    using (tenant = reading_tenant());

-- What an alarm is about, one row also where its rule is not known: urgency from 1 to 4 (0 is unknown), the subject
-- with the place it has from point, equipment or site, and the names that people look for it by.
create function alarm_facts(of_rule uuid, of_version int)
returns table (priority smallint, point uuid, asset uuid, site uuid, area uuid, names text)
language sql stable as $$
    select
        (case judged.body ->> 'priority' when 'p1' then 1 when 'p2' then 2 when 'p3' then 3 when 'p4' then 4 else 0 end)
            ::smallint,
        points.id,
        assets.id,
        sites.id,
        areas.id,
        concat_ws(' ', judged.body ->> 'name', points.name, points.description, assets.name, sites.name, areas.name)
    from (
        select coalesce(
            (select body from alarm_rule_versions where rule = of_rule and version = of_version),
            (select rule from alarm_rules where id = of_rule)
        ) as body
    ) judged
    left join points on points.id = (judged.body #>> '{subject,point}')::uuid
    left join assets on assets.id = coalesce((judged.body #>> '{subject,asset}')::uuid, points.asset)
    left join sites on sites.id = coalesce((judged.body #>> '{subject,site}')::uuid, points.site, assets.site)
    left join areas on areas.id = coalesce(points.area, assets.area, sites.area)
$$;

-- `detail` is penstock_model's TransitionDetail. The columns after it are what alarm_facts said when the entry was
-- written: what is moved or renamed later is found where it was. `words` are the names and the comment in lower case.
alter table alarm_journal
    add column detail jsonb,
    add column priority smallint not null default 0,
    add column point uuid,
    add column asset uuid,
    add column site uuid,
    add column area uuid,
    add column words text not null default '';

-- Entries from before get what is known of their alarms now.
alter table alarm_journal disable trigger alarm_journal_stands;
update alarm_journal as entry
set priority = known.priority,
    point = known.point,
    asset = known.asset,
    site = known.site,
    area = known.area,
    words = lower(concat_ws(' ', known.names, entry.comment))
from (
    select judged.rule, judged.rule_version, facts.*
    from (select distinct rule, rule_version from alarm_journal) judged
    cross join lateral alarm_facts(judged.rule, judged.rule_version) facts
) known
where entry.rule = known.rule and entry.rule_version = known.rule_version;
alter table alarm_journal enable trigger alarm_journal_stands;

-- A page of the journal is the newest entries that pass a filter: an index for each kind of filter, in the page's
-- order. Places come with urgency: the urgent alarms of a place may be few among very many.
drop index alarm_journal_rule;
create index alarm_journal_rule on alarm_journal (rule, at, seq);
create index alarm_journal_priority on alarm_journal (tenant, priority, at, seq);
create index alarm_journal_kind on alarm_journal (tenant, kind, at, seq);
create index alarm_journal_site on alarm_journal (site, priority, at, seq) where site is not null;
create index alarm_journal_area on alarm_journal (area, priority, at, seq) where area is not null;
create index alarm_journal_person on alarm_journal (person, at, seq) where person is not null;

-- Words are found by their trigrams where PostgreSQL's contrib modules are installed, else by looking at every entry.
do $$
begin
    if exists (select from pg_available_extensions where name = 'pg_trgm') then
        create extension if not exists pg_trgm;
        create index alarm_journal_words on alarm_journal using gin (words gin_trgm_ops)
            with (gin_pending_list_limit = 512);
    end if;
exception
    when insufficient_privilege then null;
end
$$;

-- As with places in 0011: whether a text contains another tells nothing but that, and without it screens look for words
-- at every entry of a tenant.
do $$
begin
    alter function textlike(text, text) leakproof;
exception
    when insufficient_privilege then null;
end
$$;

-- Every axis of penstock_model's AlarmState; `shelf` is its Shelf.
alter table alarm_states
    add column latched boolean not null default false,
    add column shelf jsonb,
    add column suppressed_since timestamptz,
    add column out_of_service_since timestamptz,
    add column first_out boolean not null default false,
    add column realarms int not null default 0,
    add column called_at timestamptz,
    add column acknowledged_at timestamptz;
update alarm_states set called_at = raised_at;
alter table alarm_states alter column called_at set not null;
