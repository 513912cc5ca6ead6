-- $1 tenant, $2 kinds. The head of every query about places: what is placed, and where. 0, 0 is no place: it is what
-- broken devices send. A point is where it says itself, else where its equipment is; without equipment, where the map
-- shows its site (crates/map, `of_plant`): at the first by name of its works, stations, tanks and boreholes, else at
-- the site itself, else, a network having no middle, at its first gateway. Only adopted points are of the plant.
with placed_sites as not materialized (
    select 'site' as kind, id, name, position
    from sites
    where 'site' = any($2) and tenant = $1 and (ST_X(position), ST_Y(position)) <> (0, 0)
),
placed_assets as not materialized (
    select 'asset' as kind, id, name, position
    from assets
    where 'asset' = any($2) and tenant = $1 and (ST_X(position), ST_Y(position)) <> (0, 0)
),
own_places as not materialized (
    select 'point' as kind, id, name, position
    from points
    where 'point' = any($2) and tenant = $1 and state = 'adopted' and (ST_X(position), ST_Y(position)) <> (0, 0)
),
places_of_assets as not materialized (
    select 'point' as kind, points.id, points.name, assets.position
    from points
    join assets on assets.id = points.asset
    where 'point' = any($2) and points.tenant = $1 and assets.tenant = $1 and points.state = 'adopted'
        and coalesce(ST_X(points.position) = 0 and ST_Y(points.position) = 0, true)
        and (ST_X(assets.position), ST_Y(assets.position)) <> (0, 0)
),
heads as not materialized (
    select site, position
    from assets
    where tenant = $1 and kind in ('treatment_works', 'pumping_station', 'reservoir', 'tower', 'borehole')
        and not exists (
            select from assets before
            where before.site = assets.site and before.tenant = $1
                and before.kind in ('treatment_works', 'pumping_station', 'reservoir', 'tower', 'borehole')
                and (before.name, before.id) < (assets.name, assets.id)
        )
    union all
    select id, position
    from sites
    where tenant = $1 and kind <> 'network'
        and not exists (
            select from assets before
            where before.site = sites.id and before.tenant = $1
                and before.kind in ('treatment_works', 'pumping_station', 'reservoir', 'tower', 'borehole')
        )
    union all
    select sites.id, assets.position
    from sites
    join assets on assets.site = sites.id
    where sites.tenant = $1 and assets.tenant = $1 and sites.kind = 'network' and assets.kind = 'gateway'
        and not exists (
            select from assets before
            where before.site = sites.id and before.tenant = $1
                and (
                    before.kind in ('treatment_works', 'pumping_station', 'reservoir', 'tower', 'borehole')
                    or before.kind = 'gateway' and (before.name, before.id) < (assets.name, assets.id)
                )
        )
),
places_of_sites as not materialized (
    select 'point' as kind, points.id, points.name, heads.position
    from points
    join heads on heads.site = points.site
    where 'point' = any($2) and points.tenant = $1 and points.state = 'adopted' and points.asset is null
        and coalesce(ST_X(points.position) = 0 and ST_Y(points.position) = 0, true)
        and (ST_X(heads.position), ST_Y(heads.position)) <> (0, 0)
),
placed as not materialized (
    select * from placed_sites
    union all
    select * from placed_assets
    union all
    select * from own_places
    union all
    select * from places_of_assets
    union all
    select * from places_of_sites
)
