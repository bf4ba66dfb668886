drop table removed_blobs;
