//! How is a record of another program read, and what is wrong with one that is refused?
//!
//! # Invariants
//! - A record that was read keeps the rules between its members. Its hash is another question: other writers hash
//!   differently.
//! - Reading openly ignores what is not known; nothing unknown is ever hashed or acted on. Reading closed names it:
//!   for files that a person hands over to be acted on.
//!
//! Start reading at [`read`].

use std::collections::BTreeSet;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::change_set::{ChangeSet, ChangeSetError};
use crate::execution_receipt::{ExecutionReceipt, ReceiptStatus};
use crate::manifest::ProtocolManifest;
use crate::onboarding_selection::OnboardingSelection;
use crate::preparse::{self, Limits, ParseError};
use crate::runner_registration::RunnerRegistration;
use crate::writeback_job::WritebackJob;

/// A record that programs exchange.
pub trait Record: Serialize + DeserializeOwned {
    /// What it is called: its schema is `schemas/<KIND>.schema.json`, its examples are in `fixtures/protocol/<KIND>`.
    const KIND: &'static str;

    /// Members at the top that are objects which any writer may extend.
    const OPEN: &'static [&'static str] = &[];

    /// Checks the rules that no type and no single member can say.
    fn rules(&self) -> Result<(), RuleError>;

    /// The record in this value, in any form that readers still meet, and the value's members that were understood.
    fn understood(value: &Value) -> Result<(Self, Value), serde_json::Error> {
        let record = Self::deserialize(value)?;
        let understood = serde_json::to_value(&record)?;
        Ok((record, understood))
    }
}

/// Why a text is not a record of its kind. Of its values at most a word that should have been another is repeated.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It is not JSON, or does not have the form.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A closed record has a member that is not known.
    #[error("`{0}` is not a member of this record")]
    Unknown(String),
    /// Something else stands where an object belongs.
    #[error("`{0}` is no object")]
    NotAnObject(String),
    /// Its members do not agree with each other.
    #[error(transparent)]
    Rule(#[from] RuleError),
}

/// A rule between the members of a record that does not hold.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// A rule that change sets and jobs share.
    #[error(transparent)]
    Change(#[from] ChangeSetError),
    /// A member that must say something is empty.
    #[error("`{0}` is empty")]
    Empty(&'static str),
    /// A list names something twice.
    #[error("`{member}` names `{item}` twice")]
    Twice {
        /// The list.
        member: &'static str,
        /// What it names twice.
        item: String,
    },
    /// A count that begins with one is zero.
    #[error("`{0}` counts from 1")]
    Zero(&'static str),
    /// Two members contradict each other, or one needs another.
    #[error("{0}")]
    Contradiction(String),
}

/// Reads a record as readers do: unknown members are ignored, the rules between the known ones are checked.
pub fn read<T: Record>(text: &[u8]) -> Result<T, RecordError> {
    read_with(text, &|_| true)
}

/// Reads a record that must say nothing which is not understood. A member that is null says nothing.
pub fn read_closed<T: Record>(text: &[u8]) -> Result<T, RecordError> {
    read_with(text, &|path| T::OPEN.iter().any(|open| path.strip_prefix("$.").is_some_and(|path| path.split('.').next() == Some(open))))
}

fn read_with<T: Record>(text: &[u8], open: &dyn Fn(&str) -> bool) -> Result<T, RecordError> {
    let value: Value = preparse::from_slice(text, Limits::DEFAULT)?;
    let (record, understood) = T::understood(&value).map_err(ParseError::Shape)?;
    held_against(&value, &understood, "$", open)?;
    record.rules()?;
    Ok(record)
}

/// Holds what was given against what was understood of it. An object that came as a list of its values is none, though
/// a reader that goes by places would take it. A member that was not understood is refused where nothing is `open`.
fn held_against(given: &Value, understood: &Value, path: &str, open: &dyn Fn(&str) -> bool) -> Result<(), RecordError> {
    match (given, understood) {
        (Value::Array(given), Value::Array(understood)) => {
            let mut items = given.iter().zip(understood).enumerate();
            items.try_for_each(|(index, (given, understood))| held_against(given, understood, &format!("{path}[{index}]"), open))
        }
        (Value::Object(_), Value::Object(understood)) => members(given).try_for_each(|(name, value)| {
            let path = format!("{path}.{name}");
            match understood.get(name) {
                Some(known) => held_against(value, known, &path, open),
                None if value.is_null() || open(&path) => Ok(()),
                None => Err(RecordError::Unknown(path)),
            }
        }),
        (_, Value::Object(_)) => Err(RecordError::NotAnObject(path.to_owned())),
        (_, _) => Ok(()),
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

impl Record for ChangeSet {
    const KIND: &'static str = "change-set.v1";
    const OPEN: &'static [&'static str] = &["evidence", "approval", "writeback"];

    fn rules(&self) -> Result<(), RuleError> {
        counted("proposal_version", self.proposal_version)?;
        filled("action", &self.action)?;
        filled("principal.id", &self.principal.id)?;
        filled("scope.tenant_id", &self.scope.tenant_id)?;
        filled("scope.business_object", &self.scope.business_object)?;
        filled("scope.object_id", &self.scope.object_id)?;
        filled("source.source_id", &self.source.source_id)?;
        distinct("guards.allowed_columns", &self.guards.allowed_columns)?;
        Ok(self.check_rules()?)
    }
}

impl Record for WritebackJob {
    const KIND: &'static str = "writeback-job.v1";

    fn rules(&self) -> Result<(), RuleError> {
        counted("proposal_version", self.proposal_version)?;
        counted("lease.attempt", self.lease.attempt)?;
        filled("runner_scope.project_id", &self.runner_scope.project_id)?;
        filled("runner_scope.source_id", &self.runner_scope.source_id)?;
        distinct("allowed_columns", &self.allowed_columns)?;
        Ok(self.check_rules()?)
    }

    fn understood(value: &Value) -> Result<(Self, Value), serde_json::Error> {
        Self::in_either_form(value)
    }
}

impl Record for ExecutionReceipt {
    const KIND: &'static str = "execution-receipt.v1";

    fn rules(&self) -> Result<(), RuleError> {
        filled("runner_id", &self.runner_id)?;
        let did_nothing = matches!(self.status, ReceiptStatus::Conflict | ReceiptStatus::Failed | ReceiptStatus::Canceled);
        if did_nothing && self.source_database_mutated {
            return Err(RuleError::Contradiction("`source_database_mutated` is true, and by `status` nothing was done".to_owned()));
        }
        Ok(())
    }
}

impl Record for RunnerRegistration {
    const KIND: &'static str = "runner-registration.v1";

    fn rules(&self) -> Result<(), RuleError> {
        filled("runner_id", &self.runner_id)?;
        filled("runner_version", &self.runner_version)?;
        filled("scope.project_id", &self.scope.project_id)?;
        distinct("engines", &self.engines)?;
        distinct("capabilities", &self.capabilities)?;
        distinct("scope.source_ids", &self.scope.source_ids)?;
        self.capabilities.iter().try_for_each(|capability| filled("capabilities[]", capability))?;
        self.scope.source_ids.iter().try_for_each(|source| filled("scope.source_ids[]", source))
    }
}

impl Record for OnboardingSelection {
    const KIND: &'static str = "onboarding-selection.v1";

    fn rules(&self) -> Result<(), RuleError> {
        self.check_rules()
    }
}

impl Record for ProtocolManifest {
    const KIND: &'static str = "protocol-manifest.v1";

    fn rules(&self) -> Result<(), RuleError> {
        filled("protocol_set", &self.protocol_set)?;
        filled("version", &self.version)?;
        self.artifacts.iter().try_for_each(|artifact| filled("artifacts[].name", &artifact.name))?;
        let names: Vec<String> = self.artifacts.iter().map(|artifact| format!("{} {}", artifact.kind, artifact.name)).collect();
        distinct("artifacts", &names)
    }
}

/// The member says something.
pub(crate) fn filled(member: &'static str, text: &str) -> Result<(), RuleError> {
    if text.trim().is_empty() { Err(RuleError::Empty(member)) } else { Ok(()) }
}

/// The list has members, all different.
pub(crate) fn distinct<T: Serialize>(member: &'static str, items: &[T]) -> Result<(), RuleError> {
    let mut seen = BTreeSet::new();
    for item in items {
        let item =
            serde_json::to_value(item).ok().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).unwrap_or_default();
        if !seen.insert(item.clone()) {
            return Err(RuleError::Twice { member, item });
        }
    }
    if seen.is_empty() { Err(RuleError::Empty(member)) } else { Ok(()) }
}

fn counted(member: &'static str, number: u32) -> Result<(), RuleError> {
    if number == 0 { Err(RuleError::Zero(member)) } else { Ok(()) }
}
