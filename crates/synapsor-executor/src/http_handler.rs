//! How does an application's service carry out a change?
//!
//! One request, one answer, on a connection of its own: it is made first, and only then is the request written. So it is known whether
//! a byte of the request was handed to the system. Before that the attempt `failed`; afterwards only a valid receipt says what happened,
//! and everything else is `unknown`.
//!
//! # Invariants
//! - Redirects are not followed, proxies of the environment are not used, and only TLS leaves this machine.
//! - No value of a variable is in a report, not even if the answer repeats it; the names of the variables are.
//!
//! Start reading at [`HttpHandler::open`]; what an answer means is `answer.rs`.

mod address;
mod answer;
mod connection;
mod watched;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, Request};
use http_body_util::Full;
use synapsor_protocol::handler::signature::SYNAPSOR_ISSUED_AT;
use synapsor_protocol::handler::{Signatures, SigningSecret};
use synapsor_protocol::{ErrorCode, Outcome, Report, Secret};
use synapsor_source::guarded::Fence;
use tokio_rustls::TlsConnector;

use crate::error::ExecutorError;
use crate::job::Job;
use crate::redaction::{Loaded, Redaction};
use crate::terms::HandlerTerms;
use crate::{AfterUnknown, Answer, Executor, Rehearsal};
use address::Address;
use answer::Expected;
use connection::{Attempt, Trouble};

/// Names of headers that are ours.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const PROPOSAL_ID: HeaderName = HeaderName::from_static("x-synapsor-proposal-id");
const PROPOSAL_HASH: HeaderName = HeaderName::from_static("x-synapsor-proposal-hash");

/// The executor that sends a signed request to an application's service.
#[derive(Debug)]
pub struct HttpHandler {
    terms: HandlerTerms,
    names: Names,
    method: Method,
    address: Address,
    authorization: Option<HeaderValue>,
    secrets: Vec<SigningSecret>,
    redaction: Redaction,
    /// Only where the address asks for it: the roots of a system take a while to read.
    tls: Option<Tls>,
}

/// What an [`HttpHandler`] is opened with.
#[derive(Debug)]
pub struct HttpSettings {
    /// What was agreed on.
    pub terms: HandlerTerms,
    /// The address.
    pub url: Named<Secret>,
    /// `POST`, `PUT` or `PATCH`.
    pub method: Method,
    /// The bearer token.
    pub token: Option<Named<Secret>>,
    /// The secret that signs requests.
    pub signing_secret: Option<Named<Secret>>,
}

/// A value and the variable that it is from.
#[derive(Debug, Clone)]
pub struct Named<T> {
    /// The variable, for messages.
    pub variable: String,
    /// The value.
    pub value: T,
}

/// The variables that a person may have to look at.
#[derive(Debug, Clone)]
struct Names {
    url: String,
    token: Option<String>,
    signing_secret: Option<String>,
}

/// `Debug` without the roots.
#[derive(Clone)]
struct Tls(TlsConnector);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls")
    }
}

/// One request, ready to be sent.
struct Prepared {
    request: Request<Full<Bytes>>,
    expected: Expected,
}

impl HttpHandler {
    /// Looks at the settings, and connects nothing. An error names the variable that is wrong.
    pub fn open(settings: HttpSettings) -> Result<Self, ExecutorError> {
        let HttpSettings { terms, url, method, token, signing_secret } = settings;
        let names = Names {
            url: url.variable.clone(),
            token: token.as_ref().map(|token| token.variable.clone()),
            signing_secret: signing_secret.as_ref().map(|secret| secret.variable.clone()),
        };
        let address = Address::parse(&url)?;
        let value = |named: &Option<Named<Secret>>| named.as_ref().map(|named| named.value.clone());
        let loaded = Loaded::of_service(&url.value, value(&token).as_ref(), value(&signing_secret).as_ref());
        let authorization = token.map(|token| bearer(&token)).transpose()?;
        let secrets = signing_secret
            .map(|Named { variable, value }| SigningSecret::new(&value).map_err(|cause| ExecutorError::SigningSecret { variable, cause }));
        let secrets = secrets.transpose()?.into_iter().collect();
        let redaction = Redaction::of(loaded);
        let tls = if address.is_secure() { Some(Tls(connection::connector().map_err(ExecutorError::Tls)?)) } else { None };
        Ok(Self { terms, names, method, address, authorization, secrets, redaction, tls })
    }

    /// One attempt, and what may be recorded of it.
    async fn attempt(&self, job: &Job, dry_run: bool) -> Report {
        self.redaction.of_report(self.deliver(job, dry_run).await)
    }

    async fn deliver(&self, job: &Job, dry_run: bool) -> Report {
        if let Some(report) = self.terms.too_late(job) {
            return report;
        }
        let Prepared { request, expected } = match self.prepare(job, dry_run) {
            Ok(prepared) => prepared,
            Err(detail) => return Report::because(Outcome::Failed, ErrorCode::WRITEBACK_SAFETY_FAILURE).with_detail(detail),
        };
        let attempt = Attempt::new(&self.address, self.tls.as_ref().map(|tls| &tls.0));
        let answered = match tokio::time::timeout(self.terms.timeout, attempt.exchange(request)).await {
            Ok(Ok(answered)) => answered,
            Ok(Err(trouble)) => return self.told(&attempt, &trouble),
            Err(_) => return self.told(&attempt, &Trouble::Time),
        };
        answer::report(&answered, &expected, &self.names)
    }

    /// The request with its headers. An error is a sentence; nothing was sent.
    fn prepare(&self, job: &Job, dry_run: bool) -> Result<Prepared, &'static str> {
        let request = self.terms.request(job, dry_run);
        let body = request.to_body().map_err(|_| "the request cannot be written as JSON")?;
        let issued_at = request.issued_at.as_deref().unwrap_or_default();
        let mut sent = Request::new(Full::new(Bytes::new()));
        *sent.method_mut() = self.method.clone();
        *sent.uri_mut() = self.address.target().clone();
        let headers = sent.headers_mut();
        headers.insert(HOST, self.address.authority().clone());
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("synapsor-runner/", env!("CARGO_PKG_VERSION"))));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.extend(self.authorization.clone().map(|bearer| (AUTHORIZATION, bearer)));
        let unfit = |_| "the operation id or the proposal's id cannot stand in a header";
        headers.insert(IDEMPOTENCY_KEY, HeaderValue::from_str(job.operation_id.as_str()).map_err(unfit)?);
        headers.insert(PROPOSAL_ID, HeaderValue::from_str(job.change_set.proposal_id.as_str()).map_err(unfit)?);
        headers.insert(SYNAPSOR_ISSUED_AT, HeaderValue::from_str(issued_at).map_err(unfit)?);
        self.sign(headers, job, issued_at, &body)?;
        *sent.body_mut() = Full::new(Bytes::from(body));
        let set = &job.change_set;
        let expected = Expected {
            operation_id: job.operation_id.to_string(),
            proposal_hash: set.integrity.proposal_hash.to_string(),
            executor: self.terms.executor.clone(),
            dry_run,
        };
        Ok(Prepared { request: sent, expected })
    }

    fn sign(&self, headers: &mut HeaderMap, job: &Job, issued_at: &str, body: &[u8]) -> Result<(), &'static str> {
        if self.secrets.is_empty() {
            return Ok(());
        }
        let signatures = Signatures::of(&self.secrets, &job.operation_id, issued_at, body).ok_or("the request cannot be signed")?;
        for (name, value) in signatures.headers() {
            headers.insert(name, HeaderValue::from_str(value).map_err(|_| "a signature cannot stand in a header")?);
        }
        Ok(())
    }

    /// What is known of an attempt that came to no answer.
    fn told(&self, attempt: &Attempt<'_>, trouble: &Trouble) -> Report {
        let url = &self.names.url;
        if !attempt.has_sent() {
            return answer::not_sent(trouble, self.terms.timeout, url).transient();
        }
        answer::lost(trouble, self.terms.timeout, url).transient()
    }
}

impl Executor for HttpHandler {
    fn run<'a>(&'a self, job: &'a Job) -> Answer<'a, Report> {
        Box::pin(self.attempt(job, false))
    }

    fn rehearse<'a>(&'a self, job: &'a Job) -> Answer<'a, Rehearsal> {
        Box::pin(async move {
            if self.terms.rehearses {
                return Rehearsal::Handler(self.attempt(job, true).await);
            }
            match self.prepare(job, true) {
                Ok(_) => Rehearsal::Local,
                Err(detail) => {
                    let report = Report::because(Outcome::Failed, ErrorCode::WRITEBACK_SAFETY_FAILURE);
                    Rehearsal::Handler(report.with_detail(detail))
                }
            }
        })
    }

    fn fence<'a>(&'a self, _: &'a Job) -> Answer<'a, Fence> {
        Box::pin(async { self.terms.not_fenced() })
    }

    fn after_unknown(&self) -> AfterUnknown {
        self.terms.after_unknown()
    }
}

fn bearer(token: &Named<Secret>) -> Result<HeaderValue, ExecutorError> {
    let value = HeaderValue::from_str(&format!("Bearer {}", token.value.expose()));
    let mut value = value.map_err(|_| ExecutorError::Token { variable: token.variable.clone() })?;
    value.set_sensitive(true);
    Ok(value)
}
