insert into samples (point_no, source_time, received_time, value, quality)
select point_no, source_time, received_time, value, quality
from incoming
on conflict (point_no, source_time) do nothing
