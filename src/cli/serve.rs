//! `serve`, `api`, `worker`: start, first key, signals, stop. `healthcheck` asks a running one.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::{CliError, say, talk};
use crate::app::{ADMIN_SCOPES, App, StartError, create_key};
use crate::config::{Config, Mode, write_private};
use crate::dumps;
use crate::process;
use crate::telemetry::{AUDIT, start_log};

/// The organization of the first key.
const FIRST_ORGANIZATION: &str = "default";
/// A health check that takes longer has failed.
const HEALTHCHECK_WITHIN: Duration = Duration::from_secs(3);

pub(super) async fn serve(mode: Mode, flags: Vec<(&'static str, String)>) -> Result<(), CliError> {
    // Before anything secret is read.
    let undumpable = dumps::forbid();
    let config = Config::load(mode, flags)?;
    start_log(&config.log).map_err(|error| CliError::Refused(error.to_string()))?;
    warn_of_exposure(undumpable, &config);
    let app = App::build(config).await?;
    if mode != Mode::Worker {
        make_first_key(&app).await?;
    }
    stop_on_signal(app.stop.clone())?;
    Ok(process::run(app).await?)
}

fn warn_of_exposure(undumpable: std::io::Result<()>, config: &Config) {
    if let Err(error) = undumpable {
        tracing::warn!(%error, "app.memory_may_be_dumped");
    }
    for file in config.exposed_secrets() {
        tracing::warn!(file = %file.display(), "secret_key.readable_by_others");
    }
}

/// On an empty database: the key that opens the house, shown once.
async fn make_first_key(app: &App) -> Result<(), CliError> {
    if !app.store.is_empty().await.map_err(StartError::from)? {
        return Ok(());
    }
    let scopes = ADMIN_SCOPES.map(str::to_owned);
    let key = create_key(&app.store, &app.secrets, FIRST_ORGANIZATION, "first start", &scopes).await?;
    let (org_id, new_key_id) = (key.organization.id.0, &key.id);
    tracing::info!(target: AUDIT, org_id, new_key_id, by = "first start", "key.created");
    say(format_args!(
        "API key of organization {FIRST_ORGANIZATION} (shown only now): {}",
        key.text
    ));
    if app.config.is_embedded() {
        let path = app.config.data_dir.join("admin.key");
        write_private(&path, &format!("{}\n", key.text)).map_err(|source| StartError::Io {
            what: format!("writing {}", path.display()),
            source,
        })?;
        talk(format_args!("the key is also in {}", path.display()));
    }
    Ok(())
}

/// SIGTERM and SIGINT ask everything to stop.
fn stop_on_signal(stop: CancellationToken) -> Result<(), CliError> {
    let listen = |kind| signal(kind).map_err(|error| CliError::Refused(format!("cannot listen for signals: {error}")));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("app.stopping");
        stop.cancel();
    });
    Ok(())
}

/// `GET /readyz` of the API that listens here.
pub(super) async fn healthcheck(flags: Vec<(&'static str, String)>) -> Result<(), CliError> {
    let layers = Config::layers(flags)?;
    let listen = layers
        .text("listen")
        .replacen("0.0.0.0:", "127.0.0.1:", 1)
        .replacen("[::]:", "[::1]:", 1);
    let answer = tokio::time::timeout(HEALTHCHECK_WITHIN, ask(&listen)).await;
    match answer {
        Ok(Ok(line)) if line.contains(" 200 ") => Ok(()),
        Ok(Ok(line)) => Err(CliError::Temporary(format!("{listen} is not ready: {line}"))),
        Ok(Err(error)) => Err(CliError::Temporary(format!("{listen} does not answer: {error}"))),
        Err(_) => Err(CliError::Temporary(format!(
            "{listen} did not answer within {HEALTHCHECK_WITHIN:?}"
        ))),
    }
}

/// The status line of one plain request: no HTTP client is needed in the image for it.
async fn ask(listen: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(listen).await?;
    let request = format!("GET /readyz HTTP/1.1\r\nHost: {listen}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.take(64 * 1024).read_to_end(&mut answer).await?;
    let text = String::from_utf8_lossy(&answer);
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
