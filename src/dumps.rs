//! The process's memory holds keys and passwords while it works: none of it goes to a disk when it crashes, and no other process
//! of the same user reads it.

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};

/// Forbids core dumps, and the attachment of debuggers with them. What the system refuses is told when there is a log.
pub fn forbid() -> Result<(), std::io::Error> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}
