-- $1 how many deliveries are kept; the row that goes over that stays.
delete from deliveries
where no <= (
    select no
    from (select no, sum(count) over (order by no desc) - count as newer from deliveries) counted
    where newer >= $1
    order by no desc
    limit 1
)
