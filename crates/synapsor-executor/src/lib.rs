//! How is an approved job carried out?
//!
//! An [`Executor`] takes one [`Job`] and answers with a report; it decides nothing. The direct path, [`SqlUpdate`], runs the guarded
//! transaction of the source. [`HttpHandler`] and [`CommandHandler`] hand the change to an application, and take its receipt.
//!
//! # Invariants
//! - A report says `failed` only if it is proved that the attempt did nothing and can do nothing later.
//! - No report of a handler holds a secret that its executor was opened with, whatever the handler says.
//! - Who calls has claimed the attempt in the ledger first; an executor never claims.
//!
//! Knows nothing of the ledger, of configuration files or of MCP. Start reading at [`Executor`].

mod command_handler;
mod error;
mod http_handler;
mod job;
mod redaction;
mod sql_update;
mod terms;

use std::future::Future;
use std::pin::Pin;

pub use command_handler::{CommandHandler, CommandSettings};
pub use error::ExecutorError;
pub use http::Method as HttpMethod;
pub use http_handler::{HttpHandler, HttpSettings, Named};
pub use job::Job;
pub use sql_update::SqlUpdate;
use synapsor_protocol::Report;
pub use synapsor_source::guarded::{Fence, Rehearsal as SourceRehearsal};
pub use terms::HandlerTerms;

/// What an executor answers with, some time later.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What a dry run came to.
#[derive(Debug, Clone)]
pub enum Rehearsal {
    /// The source made the change and undid it.
    Source(SourceRehearsal),
    /// The handler was asked, with the word that it is a dry run; this is what it answered.
    Handler(Report),
    /// The handler was not called. What the runner knows of the job is in order.
    Local,
}

/// Who finds out what became of an attempt whose outcome is unknown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AfterUnknown {
    /// Another attempt with a higher number: it finds what the earlier one left, or makes the change, once.
    FindOut,
    /// A person. Nothing may be sent again, whatever the state of the attempt.
    Person,
}

/// Carries out approved jobs.
pub trait Executor: Send + Sync {
    /// Makes the change, once per operation id.
    ///
    /// If the process dies before this returns, the attempt stays claimed and unreported; running the job again with a higher attempt finds
    /// the receipt, or makes the change. The same holds after a report of `unknown`.
    fn run<'a>(&'a self, job: &'a Job) -> Answer<'a, Report>;

    /// Does everything but the commit, and undoes it. Nothing of ours changes a state anywhere, whenever the process dies; what a handler
    /// does when it is asked for a dry run is its own affair.
    fn rehearse<'a>(&'a self, job: &'a Job) -> Answer<'a, Rehearsal>;

    /// Finds out what became of the operation, and stops it: afterwards no attempt up to the job's can act any more, unless the answer is
    /// [`Fence::Unresolved`]. If the process dies before this returns, fencing again gives the same answer.
    fn fence<'a>(&'a self, job: &'a Job) -> Answer<'a, Fence>;

    /// Who finds out what became of an attempt that is unknown, or that nobody reported. The direct path keeps its receipt in the source,
    /// so another attempt does.
    fn after_unknown(&self) -> AfterUnknown {
        AfterUnknown::FindOut
    }
}
