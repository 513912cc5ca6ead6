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
-- before. Entries of samples_gone.archive carry those that came after their file was written.
create table rescalings (
    no bigint generated always as identity primary key,
    point_no int not null,
    factor float8 not null,
    shift float8 not null,
    received_before timestamptz not null
);

-- Whether samples of the month went without being archived: then its files do not tell the whole of it.
alter table samples_gone add column lost boolean not null default false;
update samples_gone set lost = true where archive is null;
