//! What does a person need to know about a file?
//!
//! A finding never repeats a value of the file, which may be a secret in the wrong place; it names the place.

use std::fmt;

use synapsor_protocol::preparse::{self, Position};

use super::code::Code;
use super::raw::Object;
use super::slot::Slot;

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing can be served so.
    Error,
    /// It can be served, and somebody should look at this.
    Warning,
    /// It can be served, and this is worth knowing.
    Notice,
}

impl Severity {
    /// The severity as a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

/// One thing to know about a file, or about what it names, and where in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What it is about: `$.effects.billing.credit.steps[0].insert.values.cents`.
    pub path: String,
    /// What it is.
    pub code: &'static str,
    /// The same in a sentence, without a full stop.
    pub message: String,
    /// The line, from 1: of the member itself, or of the nearest object around it if it is missing.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What to do about it.
    pub hint: Option<String>,
}

/// `error UNKNOWN_COLUMN $.tables.invoices.key (3:12)`, then message and hint on lines of their own.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { severity, path, code, message, line, column, hint } = self;
        write!(f, "{} {code} {path} ({line}:{column})\n  {message}", severity.as_str())?;
        hint.iter().try_for_each(|hint| write!(f, "\n  hint: {hint}"))
    }
}

/// The most findings that are reported. Nobody reads more.
const MAX_FINDINGS: usize = 1000;

/// A place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct At(String);

impl At {
    pub(crate) fn root() -> Self {
        Self("$".to_owned())
    }

    pub(crate) fn field(&self, name: &str) -> Self {
        Self(format!("{}.{name}", self.0))
    }

    pub(crate) fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// Whether an error was found. Remembered apart from the findings, of which only the first are kept.
    pub(crate) refused: bool,
    found: Vec<Found>,
}

/// A finding before its place in the text was looked for.
#[derive(Debug)]
pub(crate) struct Found {
    severity: Severity,
    code: &'static str,
    path: String,
    message: String,
    hint: Option<String>,
    position: Option<Position>,
}

impl Found {
    /// Says it more exactly than the code's own meaning. Never with a value of the file in it.
    pub(crate) fn message(&mut self, message: impl Into<String>) -> &mut Self {
        self.message = message.into();
        self
    }

    /// Says what to do about it.
    pub(crate) fn hint(&mut self, hint: impl Into<String>) -> &mut Self {
        self.hint = Some(hint.into());
        self
    }
}

impl Report {
    /// Reports a finding with its code's own meaning.
    pub(crate) fn add(&mut self, code: Code, at: &At) -> &mut Found {
        self.tell(Severity::Error, code.as_str(), at, code.meaning().to_owned())
    }

    /// Reports what the database or the environment said.
    pub(crate) fn tell(&mut self, severity: Severity, code: &'static str, at: &At, message: String) -> &mut Found {
        self.push(Found { severity, code, path: at.0.clone(), message, hint: None, position: None })
    }

    /// Reports a text that is no JSON, whose place is already known.
    pub(crate) fn no_json(&mut self, position: Option<Position>, why: &str) {
        let message = format!("{}{why}", Code::InvalidJson.meaning());
        self.push(Found { severity: Severity::Error, code: Code::InvalidJson.as_str(), path: At::root().0, message, hint: None, position });
    }

    /// What has to be there.
    pub(crate) fn required<'s, T>(&mut self, slot: &'s Slot<T>, code: Code, at: &At) -> Option<&'s T> {
        if slot.given().is_none() {
            self.add(code, at);
        }
        slot.given()
    }

    /// What may be absent, but not wrong.
    pub(crate) fn optional<'s, T>(&mut self, slot: &'s Slot<T>, code: Code, at: &At) -> Option<&'s T> {
        if slot.is_absent() { None } else { self.required(slot, code, at) }
    }

    /// The members of an object that it does not know.
    pub(crate) fn unknown<O: Object>(&mut self, object: &O, at: &At) {
        let known: Vec<&str> = O::FIELDS.iter().map(|name| name.trim_start_matches("r#")).collect();
        for name in &object.unknown().0 {
            let hint = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the fields here are {}", listed(&known)),
            };
            self.add(Code::UnknownField, &at.field(name)).hint(hint);
        }
    }

    /// The name of a table that is not declared.
    pub(crate) fn undeclared<'n>(&mut self, at: &At, given: &str, declared: impl IntoIterator<Item = &'n str>) {
        let declared: Vec<&str> = declared.into_iter().collect();
        let hint = match nearest(given, declared.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("declared: {}", listed(&declared)),
        };
        self.add(Code::UndeclaredTable, at).hint(hint);
    }

    /// The findings, each with its place in the text.
    pub(crate) fn findings(self, text: &[u8]) -> Vec<Finding> {
        let kept = &self.found[..self.found.len().min(MAX_FINDINGS)];
        let paths: Vec<&str> = kept.iter().map(|found| found.path.as_str()).collect();
        // A text that is no JSON has one finding, whose place is known.
        let start = Position { line: 1, column: 1 };
        let places = preparse::locate_all(text, &paths).unwrap_or_else(|| vec![start; paths.len()]);
        self.found.into_iter().zip(places).map(|(found, place)| placed(found, place)).collect()
    }

    fn push(&mut self, found: Found) -> &mut Found {
        self.refused |= found.severity == Severity::Error;
        self.found.push(found);
        let last = self.found.len() - 1;
        &mut self.found[last]
    }
}

fn placed(found: Found, place: Position) -> Finding {
    let position = found.position.unwrap_or(place);
    Finding {
        severity: found.severity,
        path: visible(found.path),
        code: found.code,
        message: visible(found.message),
        line: position.line,
        column: position.column,
        hint: found.hint.map(visible),
    }
}

/// Names are the author's, and no terminal should obey one.
fn visible(text: String) -> String {
    if text.contains(char::is_control) { text.replace(char::is_control, "\u{fffd}") } else { text }
}

/// At most ten names, in backticks.
fn listed(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(10).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > 10 { ", ..." } else { "" };
    format!("{}{more}", shown.join(", "))
}

/// The known name that is closest, if it is close enough to be worth naming.
pub(super) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A long text is no misspelling, and its distance would be slow to find.
    if name.len() > 64 {
        return None;
    }
    let scored = known.into_iter().map(|known| (strsim::damerau_levenshtein(&name.to_lowercase(), &known.to_lowercase()), known));
    let (distance, known) = scored.min_by_key(|(distance, _)| *distance)?;
    let tolerance = (name.chars().count().max(known.chars().count()) / 3).max(1);
    (distance <= tolerance).then_some(known)
}
