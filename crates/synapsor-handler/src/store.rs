//! How does an application that has its own store keep the promise?

use std::future::Future;
use std::pin::Pin;

use synapsor_protocol::Report;

use crate::job::Job;

/// What a store answers with, some time later.
pub type Carried<'a> = Pin<Box<dyn Future<Output = Report> + Send + 'a>>;

/// An action that a store carries out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// It can be tried without committing it.
    pub rehearsable: bool,
}

/// Carries out jobs in a store of the application's own. What came before is done: the request is authentic, fresh, well formed
/// and of a known action.
///
/// What is left is the guarded transaction, in whatever the store is. In **one** transaction of it:
///
/// 1. Claim the operation: insert `(operation_id, proposal_hash, attempt)`. If it is there already, answer by what is stored:
///    another hash is `failed` with `IDEMPOTENCY_KEY_REUSED`; applied is `already_applied` with the stored report; a conflict is
///    the same conflict; closed at this attempt or a higher one is `failed` with `FENCED`; closed at a lower one goes on.
/// 2. Lock the row by key **and** tenant, and compare both again, and the version exactly. A refusal is stored and committed as
///    `conflict` with `ROW_NOT_FOUND` or `VERSION_CONFLICT`.
/// 3. Make the change, move the version, store the report, commit.
///
/// If the change fails: roll back, close the attempt in a second transaction, and answer `failed` with
/// `HANDLER_BUSINESS_ERROR`. Whenever it is not *proved* that nothing was committed, answer `unknown`: it becomes
/// `HANDLER_EXCEPTION`, and the same request may come again with a higher attempt.
///
/// The `examples` folder has one, `own_store`.
pub trait Store: Send + Sync + 'static {
    /// Whether there is such an action.
    fn knows(&self, action: &str) -> Option<Known>;

    /// Makes the change, once per operation. If the process dies before this returns, the next attempt of the operation finds
    /// out what happened. The future is not dropped when the client goes away.
    fn carry_out(&self, job: Job) -> Carried<'_>;

    /// Does everything but the commit. Called only for what is [`Known::rehearsable`]; no state may change anywhere.
    fn rehearse(&self, job: Job) -> Carried<'_>;
}
