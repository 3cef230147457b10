//! What must hold of every answer, whatever was asked?
//!
//! These scenarios send nothing of their own: they look at all answers of the others.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Response};
use serde_json::Value;
use synapsor_protocol::Secret;
use synapsor_protocol::handler::HandlerReceipt;

use super::judge::shown;
use super::verdict::{Judged, Judgement};

/// The most findings that are told.
const TOLD: usize = 5;

/// The members of a receipt; the published record is closed.
const MEMBERS: [&str; 7] =
    ["status", "rows_affected", "source_database_mutated", "previous_version", "new_version", "safe_error_code", "details"];

/// How drivers, databases and languages speak when nobody stops them.
const TELLTALES: [&str; 37] = [
    "sqlstate",
    "sqlite_",
    "sqlite3.",
    "sqlite error",
    "pq:",
    "psycopg",
    "asyncpg",
    "postgres://",
    "postgresql://",
    "mysql://",
    "pymysql",
    "mysql2",
    "er_dup_entry",
    "ora-0",
    "jdbc",
    "odbc",
    "sequelize",
    "sqlalchemy",
    "prisma",
    "syntax error at",
    "error in your sql syntax",
    "duplicate key value",
    "duplicate entry",
    "violates ",
    "constraint failed",
    "invalid input syntax",
    "relation \"",
    "no such table",
    "no such column",
    "unknown column",
    "deadlock",
    "traceback (most recent call last)",
    "file \"/",
    "node_modules",
    "panicked at",
    "stack backtrace",
    "goroutine ",
];

/// Folders that an answer has no business with.
const FOLDERS: [&str; 9] = ["/usr/", "/home/", "/var/", "/opt/", "/app/", "/srv/", "/root/", "/tmp/", ":\\\\"];

/// What was found in the answers so far.
pub(super) struct Answers {
    heard: usize,
    /// How many answers were promised to be receipts.
    due: usize,
    /// The statuses of those that a server gives on its own where it has nothing.
    nowhere: Vec<u16>,
    secrets: Vec<Secret>,
    types: Vec<String>,
    receipts: Vec<String>,
    echoes: Vec<String>,
    telltales: Vec<String>,
    leaks: Vec<String>,
}

impl Answers {
    /// `secrets` may stand in no answer.
    pub(super) fn new(secrets: Vec<Secret>) -> Self {
        let none = Vec::new;
        Self {
            heard: 0,
            due: 0,
            nowhere: Vec::new(),
            secrets,
            types: none(),
            receipts: none(),
            echoes: none(),
            telltales: none(),
            leaks: none(),
        }
    }

    /// Whether anything was answered yet.
    pub(super) fn any(&self) -> bool {
        self.heard > 0
    }

    /// The status of the answers, if whatever was answered so far was answered as where no handler is.
    pub(super) fn nowhere(&self) -> Option<u16> {
        self.nowhere.last().copied().filter(|_| self.nowhere.len() == self.due)
    }

    /// Looks at one answer. One that nobody promised to be a receipt is only searched for what it gives away.
    pub(super) fn hear(&mut self, scenario: &str, request: &Request<Bytes>, answer: &Response<Bytes>, promised: bool) {
        self.heard += 1;
        let text = String::from_utf8_lossy(answer.body());
        let found = |what: String| format!("{scenario}: {what}");
        self.telltales.extend(telltale(&text).map(|what| found(format!("`{what}`"))));
        let everything = answer.headers().values().filter_map(|value| value.to_str().ok()).chain([&*text]);
        let everything: Vec<&str> = everything.collect();
        if self.secrets.iter().any(|secret| everything.iter().any(|text| text.contains(secret.expose()))) {
            self.leaks.push(found("a secret stands in it".to_owned()));
        }
        if !promised {
            return;
        }
        self.due += 1;
        self.nowhere.extend(Some(answer.status().as_u16()).filter(|status| [404, 405].contains(status) && !is_receipt(answer)));
        let content_type = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("none");
        if !content_type.to_ascii_lowercase().starts_with("application/json") {
            self.types.push(found(shown(content_type)));
        }
        self.receipts.extend(malformed(request, answer).map(found));
        self.echoes.extend(other_echo(request, answer).map(|name| found(format!("`{name}` is another one"))));
    }

    /// The judgements about all answers together.
    pub(super) fn judged(&self) -> Vec<Judged> {
        vec![
            self.judge(
                "answer-content-type",
                "every answer has the content type `application/json`",
                &self.types,
                "a proxy or a framework answers in your place, or a receipt is sent as something else",
                "set `content-type: application/json; charset=utf-8` on every answer, errors included",
            ),
            self.judge(
                "answer-receipt",
                "every answer is a receipt that does not contradict itself",
                &self.receipts,
                "the runner cannot tell what happened: it records an unknown outcome, and a person has to find out",
                "answer every request, refused ones too, with the seven members of synapsor.app-handler-receipt.v1 and no others",
            ),
            self.judge(
                "answer-echo",
                "`Idempotency-Key` and `X-Synapsor-Proposal-Hash` of an answer, if there, are those of the request",
                &self.echoes,
                "answers can be mixed up; the runner records an unknown outcome",
                "copy both from the request's body, or leave them out",
            ),
            self.judge(
                "answer-driver-text",
                "no answer has a text of a driver, a stack trace or a path",
                &self.telltales,
                "whoever reads receipts learns of your tables, statements and servers",
                "log the error, and answer with a code alone",
            ),
            self.judge(
                "answer-secrets",
                "no answer has a secret or a part of the database's address",
                &self.leaks,
                "whoever reads receipts can ask the handler, or its database, directly",
                "answer with codes, and with values that you name one by one",
            ),
        ]
    }

    fn judge(&self, name: &'static str, about: &'static str, found: &[String], means: &'static str, mend: &'static str) -> Judged {
        let told = found.iter().take(TOLD).cloned().collect::<Vec<_>>().join("; ");
        let more = if found.len() > TOLD { format!("; and {} more", found.len() - TOLD) } else { String::new() };
        let judgement = match (self.heard, found) {
            (0, _) => Judgement::Skipped { why: "there was no answer".to_owned() },
            (_, []) => Judgement::Passed,
            _ => Judgement::Failed { found: format!("{told}{more}") },
        };
        Judged { name, about, judgement, means, mend }
    }
}

/// Whether the answer is meant to be a receipt, well made or not.
fn is_receipt(answer: &Response<Bytes>) -> bool {
    let said: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    said["status"].as_str().is_some_and(|status| ["applied", "already_applied", "conflict", "failed"].contains(&status))
}

fn telltale(text: &str) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    let script = text.contains("    at ") && (text.contains(".js:") || text.contains(".ts:") || text.contains(".java:"));
    let found = TELLTALES.iter().chain(&FOLDERS).find(|telltale| text.contains(**telltale)).copied();
    found.or_else(|| script.then_some("a stack trace"))
}

fn malformed(request: &Request<Bytes>, answer: &Response<Bytes>) -> Option<String> {
    let asked: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    if let Err(error) = HandlerReceipt::from_slice(answer.body(), asked["dry_run"] == true) {
        return Some(error.to_string());
    }
    let said: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let strange = said.as_object().into_iter().flatten().find(|(name, _)| !MEMBERS.contains(&name.as_str()));
    strange.map(|(name, _)| format!("a receipt has no member `{}`", shown(name)))
}

/// The header of the answer that is not what the request said. Of a request that contradicts itself nothing is due.
fn other_echo(request: &Request<Bytes>, answer: &Response<Bytes>) -> Option<&'static str> {
    let asked: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    [("idempotency-key", "idempotency_key"), ("x-synapsor-proposal-hash", "proposal_hash")].into_iter().find_map(|(name, member)| {
        let (sent, inside) = (request.headers().get(name)?, asked[member].as_str()?);
        let echoed = answer.headers().get(name)?;
        (sent.as_bytes() == inside.as_bytes() && echoed.as_bytes() != inside.as_bytes()).then_some(name)
    })
}
