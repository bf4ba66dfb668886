alter table imports drop column watched_lease;
