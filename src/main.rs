//! The binary: one command line, one runtime. Everything else is in the library.

use std::process::ExitCode;

use clap::Parser;
use longshore::cli;
use tikv_jemallocator::Jemalloc;

// A batch is made on one thread and dropped on another: with glibc's allocator that took half of an import's CPU time.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

#[tokio::main]
async fn main() -> ExitCode {
    #[cfg(feature = "failpoints")]
    let _armed = worker::failpoint::arm();
    // Both PostgreSQL's and the file store's TLS take the process's provider; a second installation is harmless.
    let _already_installed = rustls::crypto::ring::default_provider().install_default();
    cli::run(cli::Cli::parse()).await
}
