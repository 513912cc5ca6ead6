-- What stands on a site, and the points that have their place from equipment or site, are found from there.

create index assets_site on assets (site);
create index points_site on points (site);
create index points_asset on points (asset);
