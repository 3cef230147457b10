//! How does a checker say what it found?

use synapsor_protocol::preparse::{self, Position};

use crate::code::Code;
use crate::finding::{Finding, Severity};
use crate::nearest::nearest;
use crate::raw::{Object, OneOf, Slot, Word};
use crate::served::{Feature, Unserved};

/// The most findings that are reported. Nobody reads more.
const MAX_FINDINGS: usize = 1000;

/// A place in the file.
#[derive(Debug, Clone)]
pub(crate) struct At(String);

impl At {
    pub(crate) fn root() -> Self {
        Self("$".into())
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
    /// Whether unknown members are errors.
    pub(crate) strict: bool,
    /// Whether an error was found. Remembered apart from the findings, of which only the first are kept.
    pub(crate) refused: bool,
    found: Vec<Found>,
    unserved: Vec<Unserved>,
}

/// A finding before its place in the text was looked for.
#[derive(Debug)]
pub(crate) struct Found {
    code: Code,
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
        self.push(Found { code, path: at.0.clone(), message: code.meaning().into(), hint: None, position: None })
    }

    /// Reports a finding about the whole file whose place is already known.
    pub(crate) fn add_at(&mut self, code: Code, position: Position, message: String) {
        self.push(Found { code, path: At::root().0, message, hint: None, position: Some(position) });
    }

    /// Reports something that is valid and not served yet.
    pub(crate) fn not_served(&mut self, at: &At, feature: Feature) {
        self.unserved.push(Unserved { path: at.0.clone(), feature: feature.clone() });
        self.add(Code::NotServedYet, at).message(format!("{feature}, which is valid and not served yet by this version"));
    }

    /// What is valid and not served yet.
    pub(crate) fn unserved(&self) -> Vec<Unserved> {
        self.unserved.clone()
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

    /// One of a list of words that has to be there.
    pub(crate) fn word<T: Word>(&mut self, slot: &Slot<OneOf<T>>, code: Code, at: &At) -> Option<T> {
        if let Some(OneOf(meaning)) = slot.given() {
            return Some(*meaning);
        }
        let found = self.add(code, at);
        if let Slot::Wrong(serde_json::Value::String(given)) = slot
            && let Some(near) = nearest(given, T::WORDS.iter().map(|(word, _)| *word))
        {
            found.hint(format!("did you mean `{near}`?"));
        }
        None
    }

    /// One of a list of words that may be absent.
    pub(crate) fn optional_word<T: Word>(&mut self, slot: &Slot<OneOf<T>>, code: Code, at: &At) -> Option<T> {
        if slot.is_absent() { None } else { self.word(slot, code, at) }
    }

    /// What nothing reads here. If it is wrong as well, it is refused with its own code.
    pub(crate) fn unused<T>(&mut self, slot: &Slot<T>, code: Code, at: &At) {
        if self.optional(slot, code, at).is_some() {
            self.add(Code::FieldHasNoEffect, at);
        }
    }

    /// The members of an object that it does not know.
    pub(crate) fn unknown<O: Object>(&mut self, object: &O, at: &At) {
        if !self.strict {
            return;
        }
        let known: Vec<&str> = O::FIELDS.iter().map(|name| name.trim_start_matches("r#")).collect();
        for name in &object.unknown().0 {
            let hint = match nearest(name, known.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the fields here are {}", listed(&known)),
            };
            self.add(Code::UnknownField, &at.field(name)).hint(hint);
        }
    }

    /// The name of something that is not declared.
    pub(crate) fn undeclared<'n>(&mut self, code: Code, at: &At, given: &str, declared: impl IntoIterator<Item = &'n str>) {
        let declared: Vec<&str> = declared.into_iter().collect();
        let hint = match nearest(given, declared.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if declared.is_empty() => "none is declared".into(),
            None => format!("declared: {}", listed(&declared)),
        };
        self.add(code, at).hint(hint);
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
        self.refused |= found.code.severity() == Severity::Error;
        self.found.push(found);
        let last = self.found.len() - 1;
        &mut self.found[last]
    }
}

fn placed(found: Found, place: Position) -> Finding {
    let position = found.position.unwrap_or(place);
    Finding {
        severity: found.code.severity(),
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
pub(crate) fn listed(names: &[&str]) -> String {
    let shown: Vec<String> = names.iter().take(10).map(|name| format!("`{name}`")).collect();
    let more = if names.len() > 10 { ", ..." } else { "" };
    format!("{}{more}", shown.join(", "))
}
