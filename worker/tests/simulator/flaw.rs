//! Ledgers that are wrong on purpose. A simulator that never fails proves nothing: each of these must be caught.

/// What a ledger leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// The guard of a batch does not compare the lease.
    NoLease,
    /// The guard of a batch does not compare the checkpoint.
    NoCheckpoint,
    /// Cancel leaves the lease, and the guard of a batch does not look at the state.
    NoCancel,
    /// A COMMIT that was not answered is done again instead of looked up.
    BlindRetry,
    /// A COMMIT that was not answered is taken for one that happened.
    BlindFaith,
    /// Any worker may end an import.
    FinishedByAnyone,
    /// Any worker may hand an import back.
    ReleasedByAnyone,
    /// Any worker may prolong a lease that another one holds.
    RenewedByAnyone,
    /// A running import can be claimed before its lease is over.
    ClaimsEarly,
    /// A younger import overtakes an older one of its line.
    OutOfLine,
    /// A running import can be deleted.
    DeletesRunning,
    /// A committed batch does not clear the suspicion that the file kills its workers.
    KeepsCrashes,
    /// What was read for a batch before its turn is believed, whoever has written since.
    BelievesItsEyes,
}

impl Flaw {
    pub(crate) const ALL: [Self; 13] = [
        Self::NoLease,
        Self::NoCheckpoint,
        Self::NoCancel,
        Self::BlindRetry,
        Self::BlindFaith,
        Self::FinishedByAnyone,
        Self::ReleasedByAnyone,
        Self::RenewedByAnyone,
        Self::ClaimsEarly,
        Self::OutOfLine,
        Self::DeletesRunning,
        Self::KeepsCrashes,
        Self::BelievesItsEyes,
    ];
}
