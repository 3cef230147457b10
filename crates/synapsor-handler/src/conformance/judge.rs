//! Is an answer the one that was due?
//!
//! Reads an answer generously: a member that is malformed is a matter of the scenario about receipts, and must not make every
//! other one fail.

use bytes::Bytes;
use http::Response;
use http::header::{CONNECTION, DATE};
use serde_json::Value;
use synapsor_protocol::Scalar;

use super::scenario::Expect;

/// What an answer says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Said {
    pub(super) http: u16,
    pub(super) status: String,
    pub(super) code: Option<String>,
    pub(super) mutated: bool,
    pub(super) previous: Option<Scalar>,
    pub(super) new: Option<Scalar>,
}

/// Headers that may differ between answers that nobody may tell apart.
const MAY_DIFFER: [&str; 6] =
    ["idempotency-key", "x-synapsor-proposal-hash", "x-request-id", "server-timing", "x-response-time", "traceparent"];

impl Said {
    pub(super) fn of(answer: &Response<Bytes>) -> Self {
        let receipt: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        Self {
            http: answer.status().as_u16(),
            status: receipt["status"].as_str().unwrap_or_default().to_owned(),
            code: receipt["safe_error_code"].as_str().map(str::to_owned),
            mutated: receipt["source_database_mutated"] == true,
            previous: Scalar::from_json(&receipt["previous_version"]).filter(|value| !value.is_null()),
            new: Scalar::from_json(&receipt["new_version"]).filter(|value| !value.is_null()),
        }
    }

    /// Whether the answer is what was expected; `seen` is the version that was last looked at.
    pub(super) fn is(&self, expect: Expect, seen: &Scalar) -> bool {
        let good = self.http == 200;
        let code = self.code.as_deref();
        let failed = !(200..300).contains(&self.http) && self.status == "failed" && !self.mutated;
        match expect {
            Expect::Applied => good && self.status == "applied" && code.is_none(),
            Expect::AlreadyApplied => good && self.status == "already_applied" && code.is_none(),
            Expect::Conflict(due) => good && self.status == "conflict" && code == Some(due),
            Expect::ConflictAt(due) => self.is(Expect::Conflict(due), seen) && self.previous.as_ref() == Some(seen),
            Expect::Refused(http, due) => failed && self.http == http && code == Some(due),
            Expect::Failed => failed && code.is_some(),
            Expect::Unwelcome => !(200..400).contains(&self.http) && !self.mutated,
            Expect::Unseen => self.is(Expect::Conflict("ROW_NOT_FOUND_OR_WRONG_TENANT"), seen) || (failed && code.is_some()),
            Expect::Unchanged => (good && self.status == "conflict" && code.is_some()) || (failed && code.is_some()),
            Expect::Rehearsed => good && self.status == "applied" && !self.mutated,
            Expect::RehearsedOrRefused => self.is(Expect::Rehearsed, seen) || failed,
        }
    }

    /// The answer in a few words.
    pub(super) fn words(&self) -> String {
        let status = if self.status.is_empty() { "without a receipt" } else { &self.status };
        let code = self.code.as_ref().map(|code| format!(" {}", shown(code))).unwrap_or_default();
        let previous = self.previous.as_ref().map(|version| format!(", previous version {}", shown(&version.to_string())));
        format!("{} {}{code}{}", self.http, shown(status), previous.unwrap_or_default())
    }
}

/// What is due, in a few words.
pub(super) fn due(expect: Expect, seen: &Scalar) -> String {
    match expect {
        Expect::Applied => "200 applied".to_owned(),
        Expect::AlreadyApplied => "200 already_applied".to_owned(),
        Expect::Conflict(code) => format!("200 conflict {code}"),
        Expect::ConflictAt(code) => format!("200 conflict {code}, previous version {}", shown(&seen.to_string())),
        Expect::Refused(http, code) => format!("{http} failed {code}"),
        Expect::Failed => "failed with a code and a status of 400 or more".to_owned(),
        Expect::Unwelcome => "a status of 400 or more".to_owned(),
        Expect::Unseen => "200 conflict ROW_NOT_FOUND_OR_WRONG_TENANT, or failed with a status of 400 or more".to_owned(),
        Expect::Unchanged => "200 conflict, or failed with a status of 400 or more".to_owned(),
        Expect::Rehearsed => "200 applied that changed nothing".to_owned(),
        Expect::RehearsedOrRefused => "200 applied that changed nothing, or a refusal".to_owned(),
    }
}

/// In what two answers differ that must not be told apart.
pub(super) fn difference(one: &Response<Bytes>, other: &Response<Bytes>) -> Option<String> {
    if one.status() != other.status() {
        return Some(format!("one has the status {}, the other {}", one.status().as_u16(), other.status().as_u16()));
    }
    if one.body() != other.body() {
        return Some("their bodies differ".to_owned());
    }
    let compared = |answer: &Response<Bytes>| {
        let mut headers: Vec<(String, Vec<u8>)> = answer
            .headers()
            .iter()
            .filter(|(name, _)| ![DATE, CONNECTION].contains(name) && !MAY_DIFFER.contains(&name.as_str()))
            .map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()))
            .collect();
        headers.sort();
        headers
    };
    let (one, other) = (compared(one), compared(other));
    let differing = one.iter().find(|header| !other.contains(header)).or_else(|| other.iter().find(|header| !one.contains(header)));
    differing.map(|(name, _)| format!("their headers `{}` differ", shown(name)))
}

/// Words of a handler, short and on one line.
pub(super) fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(120).collect()
}
