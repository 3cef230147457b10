//! How does an application's function become the effect of a guarded transaction?
//!
//! # Invariants
//! - The function runs at most once for a call, whatever else is repeated.
//! - An error, a panic, or a statement that failed rolls everything back.
//! - The version has moved afterwards, whoever moved it: otherwise a second change of the same version would apply as well.
//!
//! Start reading at [`Application`], then `Applying::run`.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use serde_json::{Map, Value};
use synapsor_protocol::{Columns, ErrorCode, Outcome, Report, Scalar};
use tokio::sync::mpsc;

use super::business::{Answered, OpenTable, Verb};
use super::change::Advance;
use super::direct;
use super::session::{Assignments, Effect, Row, Session, Verified, value};
use super::target::Target;
use super::transaction::{Stop, failed};
use super::tx::{Asked, Call, Tx, TxError};
use crate::value::CheckedValue;

/// What an application's function answers with, some time later.
pub type Working = Pin<Box<dyn Future<Output = Result<Done, Refused>> + Send>>;

/// An application's function: it gets the locked row and the transaction.
pub type Function = dyn Fn(Columns, Tx) -> Working + Send + Sync;

/// An application's effect, and what it may touch.
#[derive(Clone)]
pub struct Application {
    /// The tables.
    pub tables: Arc<[OpenTable]>,
    /// Whose rows of them.
    pub tenant: Option<Scalar>,
    /// The function.
    pub function: Arc<Function>,
}

impl std::fmt::Debug for Application {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Application").field("tables", &self.tables.len()).finish_non_exhaustive()
    }
}

/// What an application's function did.
#[derive(Debug, Clone, Default)]
pub struct Done {
    /// Rows that were changed; `None` counts those of the transaction's own statements.
    pub rows_affected: Option<u64>,
    /// The target was deleted on purpose.
    pub deletes_target: bool,
    /// What the receipt keeps.
    pub details: Map<String, Value>,
}

/// Why an application's function did not do it.
#[derive(Debug, Clone)]
pub struct Refused {
    /// What the operator should know.
    pub detail: String,
    /// What the receipt says.
    pub details: Map<String, Value>,
}

/// One run of an [`Application`].
pub(super) struct Applying<'a> {
    application: &'a Application,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    started: bool,
    done: Done,
    touched: u64,
    deleted_target: bool,
    /// The application ran SQL of its own.
    foreign: bool,
}

impl<'a> Applying<'a> {
    pub(super) fn new(application: &'a Application) -> Self {
        Self { application, state: Mutex::default() }
    }

    /// Whether the function was called.
    pub(super) fn has_started(&self) -> bool {
        self.state().started
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers what the function asks, until it returns.
    async fn serve<S: Session>(&self, session: &mut S, target: &Target<'_>, row: Columns) -> Result<Done, Stop> {
        let (calls, mut inbox) = mpsc::channel(1);
        let tx = Tx::new(calls, self.application.tables.clone(), self.application.tenant.clone());
        let mut working = pin!(caught(async { (self.application.function)(row, tx).await }));
        let mut lost = None;
        let ended = loop {
            tokio::select! {
                biased;
                ended = &mut working => break ended,
                Some(call) = inbox.recv() => self.answer(session, target, call, &mut lost).await,
            }
        };
        match (ended, lost) {
            (Some(Ok(done)), None) => Ok(done),
            // Worth another attempt: nothing of the application's making.
            (_, Some(lost)) if lost.transient => Err(Stop::Failed(Box::new(lost))),
            (Some(Ok(_)), Some(lost)) => Err(refusal(lost.detail.unwrap_or_default(), Map::new())),
            // What the author makes of it, and for the log what the database said.
            (Some(Err(refused)), Some(lost)) => {
                let said = lost.detail.unwrap_or_default();
                Err(refusal(format!("{}; the database said: {said}", refused.detail), refused.details))
            }
            (Some(Err(refused)), None) => Err(refusal(refused.detail, refused.details)),
            (None, _) => Err(refusal("the effect panicked".to_owned(), Map::new())),
        }
    }

    async fn answer<S: Session>(&self, session: &mut S, target: &Target<'_>, call: Call, lost: &mut Option<Report>) {
        if lost.is_some() {
            drop(call.answer.send(Err(TxError::Ended)));
            return;
        }
        self.state().foreign |= matches!(call.asked, Asked::Sql { .. });
        let result = match &call.asked {
            Asked::Statement(statement) => session.business(statement).await,
            Asked::Sql { text, values } => session.foreign(text, values).await.map(|touched| Answered { touched, rows: Vec::new() }),
        };
        match &result {
            Ok(answer) => self.count(target, &call.asked, answer.touched),
            Err(error) => *lost = Some(failed(error)),
        }
        // Nobody waits any more if the author gave this statement up.
        drop(call.answer.send(result.map_err(TxError::from)));
    }

    fn count(&self, target: &Target<'_>, asked: &Asked, touched: u64) {
        let mut state = self.state();
        match asked {
            Asked::Statement(statement) if statement.verb == Verb::Select => {}
            Asked::Statement(statement) => {
                state.touched = state.touched.saturating_add(touched);
                let same = *statement.table.schema() == target.table.schema && *statement.table.table() == target.table.table;
                state.deleted_target |= same && statement.verb == Verb::Delete && touched > 0;
            }
            Asked::Sql { .. } => state.touched = state.touched.saturating_add(touched),
        }
    }
}

impl Effect for Applying<'_> {
    async fn run<S: Session>(&self, session: &mut S, target: &Target<'_>, before: &Row) -> Result<(), Stop> {
        self.state().started = true;
        let done = self.serve(session, target, shown(before)).await?;
        let foreign = {
            let mut state = self.state();
            state.done = done;
            state.foreign
        };
        if !foreign {
            return Ok(());
        }
        // What follows must not be written outside a transaction that somebody ended.
        match session.release_seal().await? {
            true => Ok(session.seal().await?),
            false => Err(Stop::failed(ErrorCode::TRANSACTION_ENDED_BY_EFFECT, "the effect ended the transaction")),
        }
    }

    /// The version alone, if it is where it was.
    fn amend<'t>(&self, target: &Target<'t>, after: &[Row]) -> Result<Option<Assignments<'t>>, Stop> {
        let (Some(version), [row]) = (&target.version, after) else { return Ok(None) };
        let found = value(row, &version.column.name);
        if found != Some(&version.expected) || version.column.generated {
            return Ok(None);
        }
        if version.advance == Advance::Auto {
            return direct::advance(version.column, found).map(Some);
        }
        // A trigger moves it when the row is touched.
        let kind = version.column.kind.clone();
        let same = kind.map(|kind| CheckedValue { column: version.column.name.clone(), kind, scalar: version.expected.clone() });
        Ok(same.map(|same| Assignments { values: vec![(version.column, same)], clock: None }))
    }

    fn verify(&self, target: &Target<'_>, _: &Row, after: &[Row]) -> Result<Verified, Stop> {
        let state = self.state();
        let details = state.done.details.clone();
        let rows_affected = state.done.rows_affected.unwrap_or(state.touched).max(1);
        let verified = Verified { rows_affected, details, ..Verified::default() };
        let differs = |why| Err(Stop::failed(ErrorCode::EFFECT_DIFFERS_FROM_APPROVAL, why));
        match (after, &target.version) {
            ([], _) if state.deleted_target || state.done.deletes_target => Ok(verified),
            ([row], Some(version)) if target.owns(row) => {
                let (previous_version, new_version) = direct::moved(version, row)?;
                Ok(Verified { previous_version, new_version, ..verified })
            }
            ([row], None) if target.owns(row) => Ok(verified),
            ([], _) => differs("the row is gone, or has another key or tenant, and the effect did not delete it"),
            _ => differs("key or tenant of the row changed"),
        }
    }

    fn may_repeat(&self) -> bool {
        !self.has_started()
    }
}

/// The row as its author sees it, without what we cannot carry.
fn shown(row: &Row) -> Columns {
    row.iter().filter_map(|cell| Some((cell.column.clone(), cell.value.clone().ok()?))).collect()
}

fn refusal(detail: String, details: Map<String, Value>) -> Stop {
    let report = Report { details, ..Report::because(Outcome::Failed, ErrorCode::HANDLER_BUSINESS_ERROR) };
    Stop::Failed(Box::new(report.with_detail(detail)))
}

/// What comes of the work; `None` if it panicked.
async fn caught<T>(work: impl Future<Output = T> + Send) -> Option<T> {
    let mut work = pin!(work);
    // What a panic left half done is the transaction's, which is rolled back.
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(Poll::Ready(result)) => Poll::Ready(Some(result)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(_) => Poll::Ready(None),
    })
    .await
}
