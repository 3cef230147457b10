//! What of a handler's own words may be recorded?
//!
//! All but what its executor was opened with, however it is written, and what looks like a credential. A handler is told the secrets of its
//! executor, so any of its words may hold one: a receipt that echoes the request, an error that quotes an address.
//!
//! # Invariants
//! - Every report that a handler's executor returns has gone through [`Redaction::of_report`].
//! - What is looked for is worked out once, when the executor is opened; what is looked at is bounded by whoever reads it.
//!
//! What is a secret is `loaded.rs`; how it may be written is `form.rs`. A part of a secret is not known to be one.

mod form;
mod loaded;

use std::ops::Range;

use serde_json::{Map, Value};
use synapsor_protocol::credential::redacted;
use synapsor_protocol::{ErrorCode, Report, Scalar};

use form::Form;
pub(crate) use loaded::Loaded;

/// What stands where something was taken out.
const TAKEN_OUT: &str = "[redacted]";

/// Numbers of fewer digits, and codes of fewer letters, are the same by chance.
const SHORTEST_MATCH: usize = 8;

/// The longest a sign of a secret becomes, in bytes for each of its own: `\u002f`.
const LONGEST_ESCAPE: usize = 6;

/// How far the credentials that are known by their form reach at most.
const LONGEST_CREDENTIAL: usize = 4096;

/// What is taken out of everything that a handler says.
#[derive(Clone)]
pub(crate) struct Redaction {
    forms: Vec<Form>,
    /// The forms that may begin with each byte.
    beginning: Vec<Vec<usize>>,
    /// The letters and digits of secrets, in capitals, as they would stand in a code.
    letters: Vec<String>,
    longest: usize,
}

impl std::fmt::Debug for Redaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Redaction")
    }
}

impl Redaction {
    /// Works out every form of what was loaded.
    pub(crate) fn of(loaded: Loaded) -> Self {
        let secrets = loaded.into_secrets();
        let forms: Vec<Form> = secrets.iter().flat_map(|secret| Form::all_of(secret)).collect();
        let mut beginning = vec![Vec::new(); 256];
        for (number, form) in forms.iter().enumerate() {
            form.beginnings().into_iter().for_each(|byte| beginning[usize::from(byte)].push(number));
        }
        let hex = |secret: &[u8]| secret.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
        let letters = secrets.iter().flat_map(|secret| [letters(&String::from_utf8_lossy(secret)), hex(secret)]);
        let letters = letters.filter(|letters| letters.len() >= SHORTEST_MATCH).collect();
        Self { forms, beginning, letters, longest: secrets.iter().map(Vec::len).max().unwrap_or_default() }
    }

    /// How much of the beginning of a text that was cut may be a part of a secret, in bytes.
    pub(crate) fn reach(&self) -> usize {
        LONGEST_CREDENTIAL + self.longest * LONGEST_ESCAPE
    }

    /// The text without secrets.
    pub(crate) fn of_text(&self, text: &str) -> String {
        self.shown(text, 0)
    }

    /// The end of a longer text, without secrets and without what may be the rest of one that began before the cut.
    pub(crate) fn of_end(&self, text: &str) -> String {
        self.shown(text, text.ceil_char_boundary(self.reach().min(text.len())))
    }

    /// The report without secrets. What guards later changes, a version, is left out where it holds one, and so is a code: half of either
    /// would say something else.
    pub(crate) fn of_report(&self, mut report: Report) -> Report {
        let mut left_out = Vec::new();
        for (name, version) in [("previous version", &mut report.previous_version), ("new version", &mut report.new_version)] {
            if version.as_ref().is_some_and(|version| self.is_in_version(version)) {
                *version = None;
                left_out.push(name);
            }
        }
        if report.code.as_ref().is_some_and(|code| self.is_in_code(code)) {
            report.code = Some(ErrorCode::HANDLER_INVALID_RECEIPT);
            left_out.push("code");
        }
        report.also_changed.retain(|column| !self.is_in(column.as_str()));
        report.details = self.of_members(std::mem::take(&mut report.details));
        let said = report.detail.take().map(|detail| self.of_text(&detail));
        let without = left_out.iter().map(|name| format!("the {name} in the answer held a secret and was left out"));
        let said: Vec<String> = said.into_iter().chain(without).collect();
        if said.is_empty() { report } else { report.with_detail(said.join("; ")) }
    }

    fn of_members(&self, members: Map<String, Value>) -> Map<String, Value> {
        let mut shown = Map::new();
        for (name, value) in members {
            let bare = self.of_text(&name);
            let mut name = bare.clone();
            let mut number = 2;
            while shown.contains_key(&name) {
                name = format!("{bare} ({number})");
                number += 1;
            }
            shown.insert(name, self.of_value(value));
        }
        shown
    }

    fn of_value(&self, value: Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.of_text(&text)),
            Value::Number(number) if self.is_in_number(&number.to_string()) => Value::String(TAKEN_OUT.to_owned()),
            Value::Array(items) => items.into_iter().map(|item| self.of_value(item)).collect(),
            Value::Object(members) => Value::Object(self.of_members(members)),
            Value::Null | Value::Bool(_) | Value::Number(_) => value,
        }
    }

    fn is_in(&self, text: &str) -> bool {
        self.of_text(text) != text
    }

    fn is_in_number(&self, digits: &str) -> bool {
        digits.len() >= SHORTEST_MATCH && self.is_in(digits)
    }

    fn is_in_version(&self, version: &Scalar) -> bool {
        match version {
            Scalar::String(text) => self.is_in(text),
            Scalar::Number(number) => self.is_in_number(&number.to_string()),
            Scalar::Null | Scalar::Bool(_) => false,
        }
    }

    /// Codes have neither small letters nor signs, so only what is left of a secret without them is compared. Our own codes say nothing.
    fn is_in_code(&self, code: &ErrorCode) -> bool {
        let said = letters(code.as_str());
        !ErrorCode::ALL.contains(code) && (self.is_in(code.as_str()) || self.letters.iter().any(|letters| said.contains(letters)))
    }

    /// What is shown of a text from this byte on.
    fn shown(&self, text: &str, from: usize) -> String {
        let mut shown = String::with_capacity(text.len() - from);
        let mut at = from;
        for found in self.found(text).into_iter().filter(|found| found.end > from) {
            shown.push_str(text.get(at..found.start).unwrap_or_default());
            shown.push_str(TAKEN_OUT);
            at = found.end;
        }
        shown.push_str(&text[at..]);
        redacted(&shown).into_owned()
    }

    /// Where something that is loaded stands; what overlaps is one.
    fn found(&self, text: &str) -> Vec<Range<usize>> {
        let bytes = text.as_bytes();
        let here = |at: usize| self.beginning[usize::from(bytes[at])].iter().filter_map(move |form| self.forms[*form].within(bytes, at));
        let mut found: Vec<Range<usize>> = (0..bytes.len()).flat_map(here).collect();
        found.sort_unstable_by_key(|found| found.start);
        let mut apart: Vec<Range<usize>> = Vec::new();
        for next in found {
            match apart.last_mut().filter(|last| next.start < last.end) {
                Some(last) => last.end = last.end.max(next.end),
                None => apart.push(next),
            }
        }
        apart
    }
}

/// The letters and digits of a text, in capitals.
fn letters(text: &str) -> String {
    text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect()
}

#[cfg(test)]
mod tests;
