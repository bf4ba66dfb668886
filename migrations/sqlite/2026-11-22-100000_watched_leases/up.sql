-- Always null here: whoever has the data directory is the only holder of leases.
alter table imports add column watched_lease text;
