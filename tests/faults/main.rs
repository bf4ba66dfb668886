//! What a machine may do to the product: processes killed and frozen, servers that vanish, disks that fill, answers that are lost.
//! After each fault the table, the counts and the failed rows are what the oracle says. `SEED=…` repeats a run.
