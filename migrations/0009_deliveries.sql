-- The newest messages that held values without a time of their own, a row a batch, so that one delivered again after a
-- restart changes nothing. Packed as the writer says.
create table deliveries (
    no bigint generated always as identity primary key,
    count int not null,
    packed bytea not null
);
