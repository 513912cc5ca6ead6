-- Points whose samples are read by another unit from a moment on, until the change itself is stored or taken back: what a
-- station that dies in between has to undo.
create table unit_switches (
    proof uuid not null,
    point_no int not null,
    at timestamptz not null,
    factor float8 not null,
    shift float8 not null,
    primary key (proof, point_no)
);
