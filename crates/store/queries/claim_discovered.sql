-- $1 tenant, $2 points as a JSON array. A discovered point at the address of a given one becomes that one.
update points
set id = given.id
from jsonb_to_recordset($2) as given (id uuid, source text, path text)
where points.tenant = $1 and points.source = given.source and points.path = given.path
    and points.id <> given.id and points.state = 'discovered'
    and not exists (select from points other where other.id = given.id)
