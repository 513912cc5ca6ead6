-- Points whose unit was being changed when the station ended. From here on the hours of what came since such a change stay
-- noted for as long as it is under way, and undoing it looks there alone; what came before this migration is noted now.
insert into rollups_due (point_no, hour)
select distinct samples.point_no, date_trunc('hour', samples.source_time, 'UTC')
from unit_switches
join samples on samples.point_no = unit_switches.point_no and samples.received_time >= unit_switches.at
where samples.source_time >= '2000-01-01T00:00:00Z' and samples.source_time < '2100-01-01T00:00:00Z';
