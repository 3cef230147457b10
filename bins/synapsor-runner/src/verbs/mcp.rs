//! `mcp serve`, `mcp serve-streamable-http`, `mcp serve-http`: serve clients.
//!
//! While the first messages are answered the databases are asked for what the configuration names, and calls wait for that. What is
//! definitely wrong ends the process before any call was answered; a database that cannot be reached now is told, and asked again by the
//! first call that needs it.

use std::path::Path;
use std::pin::pin;
use std::process::ExitCode;

use synapsor_agent::{AgentPort, check_database};
use synapsor_config::{Config, Environment, ResultFormat};
use synapsor_http::{Access, Listen, Protection, Settings, termination};
use synapsor_ledger::{LedgerError, StoreLease};
use synapsor_mcp::{Format, HttpServer, McpError, McpOptions, serve_stdio};
use synapsor_operator::{Chore, OperatorPort};
use synapsor_protocol::chain::chain;
use synapsor_protocol::name::EnvName;
use synapsor_source::Severity;
use tokio_util::sync::CancellationToken;

use super::beside::Beside;
use super::worker::{chores, may_write};
use crate::cli::{self, AliasMode, Answering, Listening, Serve, ServeBridge, ServeHttp};
use crate::compose::Setup;
use crate::failure::{Answer, Failure};
use crate::output;

/// A token below this length could be guessed; the same length as a handler asks for.
const LEAST_TOKEN_BYTES: usize = 16;

pub(super) async fn serve(words: &Serve) -> Answer<ExitCode> {
    let Served { port, options, lease, worker } = ready(&words.answering, words.alias_mode, "stdio")?;
    let shutdown = until_told()?;
    let worker = begin(worker);
    let serving = serve_stdio(port.clone(), &options, tokio::io::stdin(), tokio::io::stdout(), shutdown.clone());
    let served = beside_the_check(serving, &port, &options.calls_may_begin, &words.answering, &shutdown).await;
    end(worker).await;
    let code = match served.and_then(|ended| Ok(ended?)) {
        Ok(()) => 0,
        Err(failure) => {
            output::failure(&failure, false);
            i32::from(output::NEGATIVE)
        }
    };
    // Nothing is given back by leaving as below.
    drop(lease);
    // The thread that reads stdin may wait for a line that never comes; nothing else is left to do.
    std::process::exit(code)
}

pub(super) async fn serve_http(words: &ServeHttp) -> Answer<ExitCode> {
    let settings = settings(&words.listening, words.port)?;
    let served = ready(&words.serve.answering, words.serve.alias_mode, "streamable-http")?;
    let server = HttpServer::bind(served.port.clone(), &served.options, settings).await?;
    listen(server, served, &words.serve.answering).await
}

pub(super) async fn serve_bridge(words: &ServeBridge) -> Answer<ExitCode> {
    let settings = settings(&words.listening, words.port)?;
    let served = ready(&words.answering, AliasMode::Canonical, "legacy-jsonrpc")?;
    let server = HttpServer::bind_bridge(served.port.clone(), &served.options, settings).await?;
    tracing::warn!("this is plain JSON-RPC, for programs that were written for it; an MCP client uses `mcp serve-streamable-http`");
    listen(server, served, &words.answering).await
}

/// Serves until the process is told to end.
async fn listen(server: HttpServer, served: Served, words: &Answering) -> Answer<ExitCode> {
    let Served { port, options, lease: _lease, worker } = served;
    let shutdown = until_told()?;
    let worker = begin(worker);
    tracing::info!("serving {} tools in mode {} at {}", port.offers().len(), port.mode().as_str(), server.url());
    let ended = beside_the_check(server.serve(shutdown.clone()), &port, &options.calls_may_begin, words, &shutdown).await;
    end(worker).await;
    ended.map(|_| ExitCode::SUCCESS)
}

/// What the words on the command line mean for the server.
pub(super) fn aliases(mode: AliasMode) -> synapsor_mcp::AliasMode {
    match mode {
        AliasMode::Canonical => synapsor_mcp::AliasMode::Canonical,
        AliasMode::Openai => synapsor_mcp::AliasMode::Openai,
        AliasMode::Both => synapsor_mcp::AliasMode::Both,
    }
}

/// The format that the command line asks for, or else the configuration.
pub(super) fn format(asked: Option<cli::ResultFormat>, config: &Config) -> Format {
    match (asked, config.result_format) {
        (Some(cli::ResultFormat::One), _) | (None, ResultFormat::One) => Format::One,
        (Some(cli::ResultFormat::Two), _) | (None, ResultFormat::Two) => Format::Two,
    }
}

/// What is served.
struct Served {
    /// What a model can do.
    port: AgentPort,
    /// How it is served; calls wait.
    options: McpOptions,
    /// As long as it lives no other server begins.
    lease: Option<StoreLease>,
    /// What the worker in this process can do, and how many jobs it runs at once.
    worker: Option<Planned>,
}

/// A worker that has not begun.
struct Planned {
    port: OperatorPort,
    jobs: usize,
    chores: Vec<Chore>,
}

/// Begins to carry out what is approved, in this process too.
fn begin(worker: Option<Planned>) -> Option<Beside> {
    worker.map(|Planned { port, jobs, chores }| Beside::start(port, jobs, chores))
}

async fn end(worker: Option<Beside>) {
    if let Some(worker) = worker {
        worker.end().await;
    }
}

fn ready(words: &Answering, alias_mode: AliasMode, transport: &str) -> Answer<Served> {
    let mut setup = Setup::load_served(&words.place)?;
    if words.read_only {
        setup = setup.read_only();
    }
    let options = McpOptions {
        aliases: aliases(alias_mode),
        format: format(words.result_format, &setup.config),
        calls_may_begin: CancellationToken::new(),
        ..McpOptions::default()
    };
    let jobs = usize::from(words.worker.worker_concurrency);
    let (port, operator) = match words.worker.with_worker {
        true => {
            may_write(&setup.config)?;
            let (agent, operator) = setup.both_ports(jobs)?;
            (agent, Some(operator))
        }
        false => (setup.agent_port()?, None),
    };
    let lease = lease(&setup.store, transport, words.allow_concurrent_store)?;
    Ok(Served { port, options, lease, worker: operator.map(|port| Planned { chores: chores(&setup.config, &port), port, jobs }) })
}

/// The lease on the ledger that is served from. None if another server has it and that is allowed.
fn lease(store: &Path, transport: &str, allow_another: bool) -> Answer<Option<StoreLease>> {
    match StoreLease::serve(store, transport) {
        Ok(lease) => Ok(Some(lease)),
        Err(taken @ LedgerError::Taken { .. }) if allow_another => {
            tracing::warn!("{taken}; this server goes on beside it, as `--allow-concurrent-store` says");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Serves while the databases are checked, and lets calls begin once nothing definite was found. A client that leaves early does not hide
/// what is found; a process that is told to end does not wait for it.
async fn beside_the_check<T>(
    serving: impl Future<Output = T>,
    port: &AgentPort,
    calls_may_begin: &CancellationToken,
    words: &Answering,
    shutdown: &CancellationToken,
) -> Answer<T> {
    let mut serving = pin!(serving);
    let mut check = pin!(check(port, words));
    tokio::select! {
        verdict = &mut check => {
            verdict?;
            calls_may_begin.cancel();
            Ok(serving.await)
        }
        ended = &mut serving => {
            tokio::select! {
                verdict = check => verdict?,
                () = shutdown.cancelled() => {}
            }
            Ok(ended)
        }
    }
}

/// Asks the databases, and tells what was found. Fails if something is definitely wrong.
async fn check(port: &AgentPort, words: &Answering) -> Answer<()> {
    let found = check_database(port).await;
    for found in &found {
        let about = format!("capability `{}`, source `{}`", found.capability, found.source);
        match &found.finding {
            Ok(finding) => {
                let told = format!("{} {about}: {}", finding.code, output::visible(&finding.message));
                match finding.severity {
                    Severity::Error => tracing::error!("{told}"),
                    Severity::Warning => tracing::warn!("{told}"),
                    Severity::Notice => tracing::info!("{told}"),
                }
            }
            Err(error) => tracing::warn!("{about} could not be checked: {}", output::visible(&chain(error))),
        }
    }
    let definite = found.iter().filter(|found| found.is_definite()).count();
    if definite > 0 {
        let things = output::counted(definite, "thing");
        let needed = if definite == 1 { "is not as the configuration needs it" } else { "are not as the configuration needs them" };
        return Err(Failure::new(format_args!("{things} in the databases {needed}"))
            .hint(format_args!("`synapsor-runner config validate --check-db --config {}` shows them", words.place.config.display())));
    }
    Ok(())
}

fn settings(words: &Listening, port: u16) -> Answer<Settings> {
    let protection = match (&words.tls_cert, &words.tls_key) {
        (Some(certificate), Some(key)) => Protection::Tls { certificate: certificate.clone(), key: key.clone() },
        (_, _) if words.behind_tls_proxy => Protection::TlsProxy,
        (_, _) => Protection::None,
    };
    let listen = Listen::on(&words.host, port, protection).map_err(McpError::from)?;
    Ok(Settings { hosts: words.allowed_host.clone(), origins: words.cors_origin.clone(), ..Settings::new(listen, access(words)?) })
}

fn access(words: &Listening) -> Answer<Access> {
    if words.dev_no_auth {
        return Ok(Access::Open);
    }
    let variable = &words.auth_token_env;
    let name =
        EnvName::new(variable).ok_or_else(|| Failure::new(format_args!("`{}` is no name of a variable", output::visible(variable))))?;
    let token = Environment::process().secret(&name).map_err(|error| {
        Failure::from(error).hint(format_args!("set `{name}` to a long random token, or use `--dev-no-auth` on loopback"))
    })?;
    if token.expose().len() < LEAST_TOKEN_BYTES {
        tracing::warn!("WEAK_TOKEN: the token in `{name}` has fewer than {LEAST_TOKEN_BYTES} bytes and could be guessed");
    }
    Ok(Access::Bearer(token))
}

/// Cancelled when the process is told to end.
fn until_told() -> Answer<CancellationToken> {
    let told = termination().map_err(McpError::from)?;
    let shutdown = CancellationToken::new();
    let ending = shutdown.clone();
    tokio::spawn(async move {
        let signal = told.await;
        tracing::info!("{signal}: finishing what is under way");
        ending.cancel();
    });
    Ok(shutdown)
}
