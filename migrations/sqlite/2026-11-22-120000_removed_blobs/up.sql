-- Files that an ended or deleted import has no use for any more. A row stands here from that transaction on until the file is
-- gone, so that a process which dies in between leaves no file that nothing names. Not removed by others before it is due: a caller may still read it.

create table removed_blobs (
    blob text primary key,
    due  text not null
);
