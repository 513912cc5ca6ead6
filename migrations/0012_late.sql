-- What comes for months whose samples retention has taken away, and what has become of their files.

-- Samples that came after their month was taken away and are in its roll-ups: each is counted once, however often it
-- comes. Kept for as long as the roll-ups are.
create table samples_added (
    point_no int not null,
    source_time timestamptz not null,
    primary key (point_no, source_time)
);

-- Files that are being put into the archive, noted before their first byte and let go in the transaction that names them
-- in samples_gone. What is still here when the next pass begins was broken off; the file carries the mark.
create table archive_begun (
    name text primary key,
    mark uuid not null default gen_random_uuid()
);

-- Every change of unit that has converted stored values: new value = old value * factor + shift, of what was received
-- before. Numbers are in the order of commits. Files of the archive stay as they are: an entry of samples_gone.archive
-- carries the last number whose change is in its file (`rescalings`), and whoever reads it applies the later ones.
create table rescalings (
    no bigint generated always as identity primary key,
    point_no int not null,
    factor float8 not null,
    shift float8 not null,
    received_before timestamptz not null
);
create index rescalings_point on rescalings (point_no, no);
grant select on rescalings to penstock_reader;
alter table rescalings enable row level security;
create policy rescalings_of_tenant on rescalings for select to penstock_reader
    using (point_no in (select no from points));

-- Whether samples of the month went without being archived: then its files do not tell the whole of it.
alter table samples_gone add column lost boolean not null default false;
update samples_gone set lost = true where archive is null;
grant select (lost) on samples_gone to penstock_reader;

-- Whether the samples of a point went with a month that is gone, asked without seeing whose else did. It runs as the
-- owner: no temporary table may take the place of what it reads.
create or replace function went_with(month timestamptz, point int) returns boolean
language sql stable security definer set search_path = public, pg_temp as $$
    select points is null or point = any (points) from samples_gone where first = month
$$;
