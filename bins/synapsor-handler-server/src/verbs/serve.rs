//! `serve`: check, listen, answer, and end without leaving anything half done.
//!
//! What is definitely wrong with the file, the environment, the database or the address ends the process before it listens. A database that
//! cannot be reached is told, and `/readyz` says so until it can.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use http_body_util::BodyExt;
use synapsor_handler::declared::{self, Finding, HandlerConfig, ListenAddress, Protection, Severity};
use synapsor_handler::{Handler, ResponseBody};
use synapsor_http::{Access, BoundedBody, Endpoint, HttpError, Limits, Listen, Server, Settings, termination};
use synapsor_protocol::name::EnvName;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use crate::cli::Serve;
use crate::failure::{Answer, Failure};
use crate::readiness::{self, Readiness};
use crate::{logging, output};

/// What the outer bound on a body adds to the handler's own, which answers with a receipt.
const BODY_SLACK: usize = 1 << 20;
/// What is left for the last words after the time to drain.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub(super) fn run(words: &Serve) -> Answer<ExitCode> {
    logging::start(words.log_details);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|cause| Failure::new("the runtime could not be started").because(&cause))?;
    runtime.block_on(async {
        let mut checked = check(words).await?;
        if words.check {
            if let Some((config, _)) = &checked.ready {
                checked.findings.extend(unlistenable(config, words.listen.as_ref()).await);
            }
            let ok = !checked.findings.iter().any(is_error);
            output::line(if words.json { output::findings_json(ok, &checked.findings) } else { output::findings(&checked.findings) });
            return Ok(output::exit(ok));
        }
        match checked.ready {
            Some((config, handler)) if !checked.findings.iter().any(is_definite) => {
                serve(config, handler, &checked.findings, words.listen.as_ref()).await
            }
            _ => {
                output::note(output::findings(&checked.findings));
                let file = words.config.display();
                Err(Failure::new(format_args!("`{file}` cannot be served")).hint("`--check` only says what is wrong"))
            }
        }
    })
}

/// What is known before anything is served.
struct Start {
    /// There if file and environment are in order.
    ready: Option<(HandlerConfig, Handler)>,
    findings: Vec<Finding>,
}

async fn check(words: &Serve) -> Answer<Start> {
    let file = declared::load(&words.config).map_err(|error| {
        Failure::of(&error).hint("name the file with `--config FILE`, or make one with `synapsor-handler example account-credit`")
    })?;
    let mut findings = file.findings;
    let Some(config) = file.config else { return Ok(Start { ready: None, findings }) };
    match config.handler(variable) {
        Ok(handler) => {
            findings.extend(config.inspect(&handler).await);
            Ok(Start { ready: Some((config, handler)), findings })
        }
        Err(found) => {
            findings.extend(found);
            Ok(Start { ready: None, findings })
        }
    }
}

/// What keeps the server from its address. The port is not taken: the handler that is being checked may well be serving on it.
async fn unlistenable(config: &HandlerConfig, listen: Option<&ListenAddress>) -> Vec<Finding> {
    let asked = listen.unwrap_or(&config.listen);
    let mut tried = asked.clone();
    tried.port = 0;
    let bound = match (settings(config, asked), settings(config, &tried)) {
        (Ok(settings), Ok(tried)) => Server::bind(tried).await.map(drop).map_err(|error| at(error, settings.listen.address())),
        (Err(error), _) | (_, Err(error)) => Err(error),
    };
    let Err(error) = bound else { return Vec::new() };
    let (code, member) = match &error {
        HttpError::Cleartext { .. } => ("CLEARTEXT_FORBIDDEN", "listen"),
        HttpError::HostsRequired { .. } => ("ALLOWED_HOSTS_REQUIRED", "listen"),
        HttpError::InvalidHost { .. } => ("INVALID_ALLOWED_HOSTS", "allowed_hosts"),
        HttpError::TlsFile { .. } | HttpError::Tls(_) => ("TLS_UNUSABLE", "tls"),
        _ => ("ADDRESS_UNUSABLE", "listen"),
    };
    let Failure { message, hint } = refused(error);
    config.refused(code, member, message, hint.as_deref())
}

/// The same, about the address that was asked for.
fn at(error: HttpError, address: SocketAddr) -> HttpError {
    match error {
        HttpError::HostsRequired { .. } => HttpError::HostsRequired { address },
        HttpError::Bind { source, .. } => HttpError::Bind { address, source },
        other => other,
    }
}

async fn serve(config: HandlerConfig, handler: Handler, found: &[Finding], listen: Option<&ListenAddress>) -> Answer<ExitCode> {
    let server = Server::bind(settings(&config, listen.unwrap_or(&config.listen)).map_err(refused)?).await.map_err(refused)?;
    let (readiness, told) = (Readiness::new(found), termination().map_err(refused)?);
    readiness::tell(found);
    let watching = tokio::spawn(readiness.clone().watch(config.clone(), handler.clone()));
    let url = format!("{}://{}{}", server.scheme(), server.address(), config.path);
    tracing::info!(url, version = env!("CARGO_PKG_VERSION"), "serving");

    let shutdown = CancellationToken::new();
    let (ending, announced, notice) = (shutdown.clone(), readiness.clone(), config.limits.notice_time);
    tokio::spawn(async move {
        let signal = told.await;
        tracing::info!(signal, "finishing what is under way");
        announced.drain();
        tokio::time::sleep(notice).await;
        ending.cancel();
    });
    let service =
        ServiceExt::<Request<BoundedBody>>::map_response(handler.clone(), |response: Response<ResponseBody>| response.map(BodyExt::boxed));
    server.serve(endpoint(&config, service, readiness), shutdown).await;
    watching.abort();
    // Requests whose clients have gone are finished too.
    let finished = tokio::time::timeout(config.limits.drain_time + LAST_WORDS, handler.finish()).await.is_ok();
    if finished {
        tracing::info!("ended");
    } else {
        tracing::error!("ended before everything that was begun was finished; what was not committed is rolled back");
    }
    Ok(output::exit(finished))
}

/// What a request reaches, and what anybody may ask.
fn endpoint<S>(config: &HandlerConfig, service: S, readiness: Readiness) -> Endpoint<S> {
    Endpoint {
        // As long as the process: there is one endpoint in it.
        path: Box::leak(config.path.clone().into_boxed_str()),
        health: Arc::new(|| serde_json::json!({"ok": true})),
        ready: Some(Arc::new(move || readiness.told())),
        methods: "POST, PUT, PATCH",
        request_headers: "",
        response_headers: "",
        service,
    }
}

fn settings(config: &HandlerConfig, address: &ListenAddress) -> Result<Settings, HttpError> {
    let protection = match &config.protection {
        Protection::Tls { certificate, key } => synapsor_http::Protection::Tls { certificate: certificate.clone(), key: key.clone() },
        Protection::TlsProxy => synapsor_http::Protection::TlsProxy,
        _ => synapsor_http::Protection::None,
    };
    let listen = Listen::on(&address.host, address.port, protection)?;
    let limits = Limits {
        connections: config.limits.connections,
        body_bytes: config.body_limit.saturating_add(BODY_SLACK),
        request_time: config.limits.request_time,
        drain_time: config.limits.drain_time,
        ..Limits::default()
    };
    // The handler compares tokens and verifies signatures itself: there may be several of each.
    Ok(Settings { hosts: config.allowed_hosts.clone(), limits, ..Settings::new(listen, Access::Endpoint) })
}

fn refused(error: HttpError) -> Failure {
    let failure = Failure::of(&error);
    match &error {
        HttpError::Cleartext { .. } => failure.hint("give `tls` in the file, or `behind_tls_proxy` if a proxy ends TLS in front of it"),
        HttpError::HostsRequired { .. } => failure.hint("list the names by which senders call it in `allowed_hosts`"),
        _ => failure,
    }
}

fn is_error(finding: &Finding) -> bool {
    finding.severity == Severity::Error
}

/// What does not go away by waiting.
fn is_definite(finding: &Finding) -> bool {
    is_error(finding) && !["DATABASE_UNAVAILABLE", "DATABASE_BUSY"].contains(&finding.code)
}

/// The variable's value without line breaks and spaces at its end.
#[expect(clippy::disallowed_methods, reason = "the binary reads the variables that its file names")]
fn variable(name: &EnvName) -> Option<String> {
    std::env::var(name.as_str()).ok().map(|value| value.trim_end().to_owned())
}
