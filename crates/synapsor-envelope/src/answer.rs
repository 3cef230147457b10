//! What did a call come to, before it is written down in a format?

use serde::Serialize;
use serde_json::Value;

use crate::envelope::{Envelope, Kind, ReadAnswer};
use crate::format_one::ResultOne;
use crate::meta::Meta;
use crate::proposal::ProposalAnswer;
use crate::refusal::Refusal;

/// The format in which a client gets its answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// The first one: a member set of its own for reads, proposals and errors.
    One,
    /// The envelope.
    #[default]
    Two,
}

/// What a call came to: the facts, out of which either format is written.
#[derive(Debug, Clone)]
pub enum Answer {
    /// A row was read.
    Read(Box<ReadAnswer>),
    /// A proposal is on record.
    Proposal(Box<ProposalAnswer>),
    /// Nothing was done.
    Refused(Box<RefusedAnswer>),
}

/// The facts of a call that did nothing.
#[derive(Debug, Clone)]
pub struct RefusedAnswer {
    /// The capability, or the name that was asked for.
    pub action: String,
    /// What the capability does; [`Kind::Read`] when it is unknown.
    pub kind: Kind,
    /// The reason in the words of format 1, which has more of them than there are safe codes.
    pub code: &'static str,
    /// The reason as a model is told it.
    pub refusal: Refusal,
    /// What is known of the call's context.
    pub meta: Meta,
}

/// An answer in the format that the client gets.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Written {
    /// In format 1.
    One(ResultOne),
    /// In format 2.
    Two(Box<Envelope>),
}

impl Answer {
    /// Whether the call did what it was asked for.
    pub fn ok(&self) -> bool {
        !matches!(self, Self::Refused(_))
    }

    /// The answer in format 2.
    pub fn envelope(self) -> Envelope {
        match self {
            Self::Read(answer) => Envelope::read(*answer),
            Self::Proposal(answer) => Envelope::proposal(*answer),
            Self::Refused(answer) => Envelope::refused(&answer.action, answer.kind, answer.refusal, answer.meta),
        }
    }

    /// The answer in this format.
    pub fn written(self, format: Format) -> Written {
        match format {
            Format::One => Written::One(ResultOne::of(self)),
            Format::Two => Written::Two(Box::new(self.envelope())),
        }
    }
}

impl Written {
    /// Whether the call did what it was asked for.
    pub fn ok(&self) -> bool {
        match self {
            Self::One(result) => result.ok(),
            Self::Two(envelope) => envelope.ok(),
        }
    }

    /// The answer as a JSON object.
    pub fn to_value(&self) -> Value {
        // Only strings, booleans and finite numbers are in it, so this cannot fail.
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The answer as text for people and models: JSON with two spaces of indentation.
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }
}
