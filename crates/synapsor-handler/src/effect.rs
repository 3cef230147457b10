//! What does the author of a handler write?

use std::future::Future;
use std::pin::Pin;

use serde_json::{Map, Value};
use synapsor_protocol::chain::chain;

use crate::job::Job;
use crate::tx::Tx;

/// What an effect answers with, some time later.
pub type EffectFuture<'a> = Pin<Box<dyn Future<Output = Result<Done, EffectError>> + Send + 'a>>;

/// The business change of one capability, within the guarded transaction.
///
/// A closure or function `Fn(Job, Tx) -> impl Future<Output = Result<Done, EffectError>>` is one. An error or a panic rolls the
/// transaction back. What an effect does outside the transaction is not rolled back: send the
/// [operation id](Job::operation_id) along, so that the other side knows the same request again.
pub trait Effect: Send + Sync + 'static {
    /// Makes the change. The row is locked; committing is not the effect's affair.
    fn apply(&self, job: Job, tx: Tx) -> EffectFuture<'_>;

    /// The table that the request's row must be in, as it was declared; `None` if any declared table will do. A request for another
    /// one is refused before anything is locked.
    fn target(&self) -> Option<&str> {
        None
    }
}

impl<F, Working> Effect for F
where
    F: Fn(Job, Tx) -> Working + Send + Sync + 'static,
    Working: Future<Output = Result<Done, EffectError>> + Send + 'static,
{
    fn apply(&self, job: Job, tx: Tx) -> EffectFuture<'_> {
        Box::pin(self(job, tx))
    }
}

/// What an effect did, for the receipt.
#[derive(Debug, Clone, Default)]
pub struct Done {
    pub(crate) rows: Option<u64>,
    pub(crate) deletes_target: bool,
    pub(crate) effects: Vec<Value>,
    pub(crate) details: Map<String, Value>,
}

impl Done {
    /// It is done.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Names one thing that was done: `db.insert`, `db.update`, `event`.
    #[must_use]
    pub fn effect(mut self, name: &str) -> Self {
        self.effects.push(name.into());
        self
    }

    /// How many rows were changed, if it is not the number that the transaction counted.
    #[must_use]
    pub fn rows(mut self, rows: u64) -> Self {
        self.rows = Some(rows);
        self
    }

    /// The target was deleted on purpose by the effect's own SQL. A row that is merely gone is a failure otherwise.
    #[must_use]
    pub fn target_deleted(mut self) -> Self {
        self.deletes_target = true;
        self
    }

    /// Keeps something in the receipt. It is seen by whoever reads receipts; no secret belongs here.
    #[must_use]
    pub fn detail(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.details.insert(name.to_owned(), value.into());
        self
    }

    /// The receipt's details.
    pub(crate) fn into_details(self) -> Map<String, Value> {
        let mut details = self.details;
        if !self.effects.is_empty() {
            details.insert("effects".to_owned(), Value::Array(self.effects));
        }
        details
    }
}

/// Why an effect did not do it. Everything is rolled back; the answer is `HANDLER_BUSINESS_ERROR`.
///
/// Any error becomes one by `?`. Its text goes to the log and to nobody else; [`EffectError::refuse`] says something to the
/// caller.
#[derive(Debug)]
pub struct EffectError {
    pub(crate) detail: String,
    pub(crate) reason: Option<String>,
}

impl EffectError {
    /// A refusal whose reason the caller, and whoever reads the receipt, may know.
    pub fn refuse(reason: impl Into<String>) -> Self {
        let reason: String = reason.into();
        Self { detail: reason.clone(), reason: Some(reason.chars().take(500).collect()) }
    }

    /// A failure that only the log tells.
    pub fn new(detail: impl Into<String>) -> Self {
        Self { detail: detail.into(), reason: None }
    }
}

impl<E: std::error::Error + 'static> From<E> for EffectError {
    fn from(error: E) -> Self {
        Self::new(chain(&error))
    }
}
