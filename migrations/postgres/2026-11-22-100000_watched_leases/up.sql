alter table imports add column watched_lease text;
comment on column imports.watched_lease is
    'the lease whose holder has an advisory lock for as long as it lives; any other lease is over by time alone';
