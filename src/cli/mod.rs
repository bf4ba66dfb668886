//! The command line. Data goes to standard output, talk to standard error; a command is one file.

mod keys;
mod serve;

use std::fmt::Display;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::app::{StartError, open_store};
use crate::config::{Config, ConfigError, Mode};
use crate::http;

/// Wrong usage or configuration (api.md, exit codes).
const USAGE: u8 = 2;
/// Temporary failure: try again later (sysexits EX_TEMPFAIL).
const TEMPORARY: u8 = 75;

/// Longshore: bulk imports with a status to poll. Settings come from flags, LONGSHORE_* and longshore.toml, in this order.
#[derive(Debug, Parser)]
#[command(name = "longshore", version)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// API and worker in one process; with no configuration, on SQLite and files in ./longshore-data
    Serve(ServeArgs),
    /// The API alone, beside worker processes
    Api(ServeArgs),
    /// A worker alone, beside api processes
    Worker(DataArgs),
    /// Bring the database's schema up to date and exit
    Migrate(DataArgs),
    /// Make, list and revoke API keys
    Keys(keys::KeysArgs),
    /// Print the OpenAPI document
    Openapi,
    /// Ask a running API on this machine whether it is ready; for container health checks
    Healthcheck(ServeArgs),
}

#[derive(Debug, Args)]
struct DataArgs {
    /// Folder of the embedded database, files and keys [default: ./longshore-data]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct ServeArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Address and port of the API; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
}

impl DataArgs {
    fn flags(&self) -> Vec<(&'static str, String)> {
        self.data_dir
            .iter()
            .map(|dir| ("data_dir", dir.display().to_string()))
            .collect()
    }
}

impl ServeArgs {
    fn flags(&self) -> Vec<(&'static str, String)> {
        let listen = self.listen.iter().map(|listen| ("listen", listen.clone()));
        self.data.flags().into_iter().chain(listen).collect()
    }
}

/// Why a command failed, as its exit code tells.
#[derive(Debug, thiserror::Error)]
enum CliError {
    #[error("{0}")]
    Config(#[from] ConfigError),
    #[error("{0}")]
    Start(#[from] StartError),
    #[error("{0}")]
    Refused(String),
    #[error("{0}")]
    Temporary(String),
}

impl CliError {
    fn code(&self) -> u8 {
        match self {
            Self::Config(_) => USAGE,
            Self::Start(_) | Self::Refused(_) => 1,
            Self::Temporary(_) => TEMPORARY,
        }
    }
}

/// Runs a command to its end.
pub async fn run(cli: Cli) -> ExitCode {
    match dispatch(cli.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            talk(format_args!("longshore: {error}"));
            ExitCode::from(error.code())
        }
    }
}

async fn dispatch(command: Command) -> Result<(), CliError> {
    match command {
        Command::Serve(args) => serve::serve(Mode::Serve, args.flags()).await,
        Command::Api(args) => serve::serve(Mode::Api, args.flags()).await,
        Command::Worker(args) => serve::serve(Mode::Worker, args.flags()).await,
        Command::Migrate(args) => migrate(&args).await,
        Command::Keys(args) => keys::keys(args).await,
        Command::Openapi => {
            say(http::openapi_json());
            Ok(())
        }
        Command::Healthcheck(args) => serve::healthcheck(args.flags()).await,
    }
}

async fn migrate(args: &DataArgs) -> Result<(), CliError> {
    let config = Config::load(Mode::Tool, args.flags())?;
    open_store(&config).await?;
    talk("the schema is up to date");
    Ok(())
}

/// Data: one line on standard output. A closed pipe is the reader's wish.
fn say(line: impl Display) {
    let _closed = writeln!(std::io::stdout(), "{line}");
}

/// Talk: one line on standard error.
pub(crate) fn talk(line: impl Display) {
    let _closed = writeln!(std::io::stderr(), "{line}");
}
