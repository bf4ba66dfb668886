-- SQLite has neither COPY nor policies in its way; the pair of this migration makes room for both on PostgreSQL.
select 1;
