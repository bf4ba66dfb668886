//! `keys create|list|revoke`: API keys without the API, for first starts and lock-outs.

use std::io::IsTerminal;

use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;

use super::{CliError, DataArgs, say, talk};
use crate::app::{ADMIN_SCOPES, NewKey, StartError, create_key, open_store};
use crate::config::{Config, Mode};
use crate::records::reseal;
use crate::secrets::Secrets;
use crate::store::Store;
use crate::store::model::{ApiKey, Organization};
use crate::telemetry::{AUDIT, start_log};

#[derive(Debug, Args)]
pub(super) struct KeysArgs {
    #[command(subcommand)]
    command: KeysCommand,
}

#[derive(Debug, Subcommand)]
enum KeysCommand {
    /// Make a key, and its organization if that is missing; the key alone goes to standard output
    Create {
        /// Name of the organization
        #[arg(long)]
        organization: String,
        /// What the key is for
        #[arg(long, default_value = "cli")]
        name: String,
        /// What it may do: imports:read imports:write records:read records:write sensitive:read admin (which is all)
        #[arg(long, value_delimiter = ',', default_value = "admin")]
        scopes: Vec<String>,
        /// Whose clients will use it: prints what they want, in the form in which they send it
        #[arg(long, value_enum)]
        surface: Option<Form>,
        #[command(flatten)]
        common: Common,
    },
    /// List an organization's keys, without their secrets
    List {
        /// Name of the organization
        #[arg(long)]
        organization: String,
        #[command(flatten)]
        common: Common,
    },
    /// Seal everything secret under a new key, and wrap all keys under the present secret_key; beside a running service,
    /// and to be called again if it was stopped
    RotateSecrets {
        #[command(flatten)]
        common: Common,
    },
    /// Revoke a key by its id
    Revoke {
        /// The part between lsk_ and the next underscore
        id: String,
        /// Name of the organization
        #[arg(long)]
        organization: String,
        #[command(flatten)]
        common: Common,
    },
}

#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    data: DataArgs,
    /// How to print
    #[arg(long, value_enum, default_value = "human")]
    output: Output,
}

/// How a surface's clients send a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    /// The key alone, for `Authorization: Bearer`
    Native,
    /// The same
    Spigit,
    /// The same
    Forsure,
    /// The same
    Propeller,
    /// `apikey=…&apisecret=…`, the query of each request
    Loginradius,
    /// The two headers of each request, a line each
    Slashid,
}

impl Form {
    fn of(self, key: &NewKey) -> String {
        match self {
            Self::Native | Self::Spigit | Self::Forsure | Self::Propeller => key.text.clone(),
            Self::Loginradius => format!("apikey={}&apisecret={}", key.id, key.text),
            Self::Slashid => format!(
                "SlashID-API-Key: {}\nSlashID-OrgID: {}",
                key.text, key.organization.uuid
            ),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Human,
    Json,
}

pub(super) async fn keys(args: KeysArgs) -> Result<(), CliError> {
    match args.command {
        KeysCommand::Create {
            organization,
            name,
            scopes,
            surface,
            common,
        } => {
            let key = create(&organization, &name, &scopes, &common).await?;
            show(&key, surface.unwrap_or(Form::Native), common.output);
            Ok(())
        }
        KeysCommand::RotateSecrets { common } => rotate_secrets(&common).await,
        KeysCommand::List { organization, common } => list(&organization, &common).await,
        KeysCommand::Revoke {
            id,
            organization,
            common,
        } => revoke(&id, &organization, &common).await,
    }
}

async fn open(common: &Common) -> Result<(Store, Secrets), CliError> {
    let config = Config::load(Mode::Tool, common.data.flags())?;
    // A person sees what is done; where nobody looks, a log does.
    if !std::io::stderr().is_terminal() {
        start_log(&config.log).map_err(|error| CliError::Refused(error.to_string()))?;
    }
    Ok(open_store(&config).await?)
}

async fn create(organization: &str, name: &str, scopes: &[String], common: &Common) -> Result<NewKey, CliError> {
    if let Some(unknown) = scopes.iter().find(|scope| !ADMIN_SCOPES.contains(&scope.as_str())) {
        let known = ADMIN_SCOPES.join(" ");
        return Err(CliError::Refused(format!(
            "{unknown} is not a scope; known are: {known}"
        )));
    }
    let (store, secrets) = open(common).await?;
    // `admin` alone is the whole bunch.
    let all = ADMIN_SCOPES.map(str::to_owned);
    let scopes = if scopes.iter().any(|scope| scope == "admin") {
        &all[..]
    } else {
        scopes
    };
    let key = create_key(&store, &secrets, organization, name, scopes).await?;
    tracing::info!(target: AUDIT, org_id = key.organization.id.0, new_key_id = key.id, by = "command line", "key.created");
    Ok(key)
}

fn show(key: &NewKey, form: Form, output: Output) {
    match output {
        Output::Human => say(form.of(key)),
        Output::Json => say(json!({
            "id": key.id,
            "key": key.text,
            "organization": {"id": key.organization.uuid, "name": key.organization.name},
        })),
    }
}

async fn rotate_secrets(common: &Common) -> Result<(), CliError> {
    let (store, _) = open(common).await?;
    let done = reseal::rotate(&store).await.map_err(StartError::from)?;
    tracing::info!(target: AUDIT, key = done.key, rows = done.resealed.rows, by = "command line", "secrets.rotated");
    match common.output {
        Output::Human => {
            let how = if done.resumed {
                "ended a rotation that was stopped"
            } else {
                "made a new sealing key"
            };
            talk(format_args!(
                "{how}; {} keys wrapped anew, {} rows sealed under key {}",
                done.rewrapped, done.resealed.rows, done.key
            ));
        }
        Output::Json => say(json!({
            "key": done.key, "resumed": done.resumed, "keys_rewrapped": done.rewrapped,
            "rows_resealed": done.resealed.rows, "rows_damaged": done.resealed.damaged,
        })),
    }
    match done.resealed.damaged {
        0 => Ok(()),
        rows => Err(CliError::Refused(format!(
            "{rows} rows do not open under any key of this database and were left as they are"
        ))),
    }
}

async fn named(store: &Store, organization: &str) -> Result<Organization, CliError> {
    let found = store
        .organization_by_name(organization)
        .await
        .map_err(StartError::from)?;
    found.ok_or_else(|| CliError::Refused(format!("there is no organization {organization}")))
}

async fn list(organization: &str, common: &Common) -> Result<(), CliError> {
    let (store, _) = open(common).await?;
    let organization = named(&store, organization).await?;
    for key in store.api_keys(organization.id).await.map_err(StartError::from)? {
        match common.output {
            Output::Human => say(human(&key)),
            Output::Json => say(json!({
                "id": key.id, "name": key.name, "scopes": key.scopes, "created_at": key.created_at,
                "expires_at": key.expires_at, "revoked_at": key.revoked_at, "last_used_at": key.last_used_at,
            })),
        }
    }
    Ok(())
}

fn human(key: &ApiKey) -> String {
    let state = if key.valid_now { "valid" } else { "ended" };
    let used = key.last_used_at.map_or("never used".to_owned(), |at| {
        format!("last used {}", at.format("%Y-%m-%d %H:%M"))
    });
    format!("{}  {state}  {}  {used}  {}", key.id, key.scopes.join(","), key.name)
}

async fn revoke(id: &str, organization: &str, common: &Common) -> Result<(), CliError> {
    let (store, _) = open(common).await?;
    let organization = named(&store, organization).await?;
    if store
        .revoke_api_key(organization.id, id)
        .await
        .map_err(StartError::from)?
    {
        let org_id = organization.id.0;
        tracing::info!(target: AUDIT, org_id, revoked_key_id = id, by = "command line", "key.revoked");
        talk(format_args!("{id} is revoked"));
        return Ok(());
    }
    Err(CliError::Refused(format!(
        "{} has no key {id} that could be revoked",
        organization.name
    )))
}
