-- SQLite knows no row-level security. There, that every query names its organization is held by a test alone
-- (tests/it/house.rs); the pair of this migration on PostgreSQL adds the database's own word.
select 1;
