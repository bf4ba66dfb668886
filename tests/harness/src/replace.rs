//! A product under repair: new processes beside old ones, another database, a look at its processes from outside.

use super::process::Process;
use super::programs::free_port;
use super::running::{Role, Running};

impl Running {
    /// Starts a new process of the role, then gives the old one, which runs still. A new API has a port of its own, to which
    /// `client` moves.
    pub async fn roll(&mut self, role: Role) -> Process {
        let old = self.detach(role);
        if role != Role::Worker {
            self.port = free_port();
            self.client = self.client.at(self.port);
        }
        self.start(role).await;
        old
    }

    /// The number of the first process of a role.
    pub fn pid(&self, role: Role) -> u32 {
        let mut found = self.processes.iter().filter(|(of, _)| *of == role);
        found
            .next()
            .map(|(_, process)| process.pid())
            .expect("a process of this role")
    }

    /// Whatever is started from now on works on this database.
    pub fn use_database(&mut self, url: &str) {
        self.set("LONGSHORE_DATABASE_URL", url);
        url.clone_into(&mut self.database_url);
    }

    /// Starts both parts of the scaled stack, after `prepare`, and takes an admin's key.
    pub async fn start_all(&mut self) {
        self.start(Role::Api).await;
        self.start(Role::Worker).await;
        self.client = self.admin_of("acme").await;
    }
}
