-- $1 point, $2 the conversion. Files of the archive stay as they are: what is known of each says how the values of the
-- point become what it measures now.
update samples_gone
set archive = (
    select jsonb_agg(
        jsonb_set(file, '{rescaled}', coalesce(file -> 'rescaled', '[]') || jsonb_build_array($2::jsonb)) order by place
    )
    from jsonb_array_elements(archive) with ordinality as files (file, place)
)
where archive is not null and (points is null or $1 = any (points))
