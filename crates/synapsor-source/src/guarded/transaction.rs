//! In which order is an approved change applied?
//!
//! The one sequence, for every engine and every effect:
//!
//! 1. begin, 2. claim the operation with a receipt row and set the seal, 3. lock the row, 4. compare key and tenant again,
//!    5. compare the version and the hash, 6. the effect, 7. check the effect, 8. the version must have moved, 9. check the
//!    seal, complete the receipt, commit.
//!
//! # Invariants
//! - A refusal in 3 to 5 is committed into the receipt: no effect has run. Trouble in 6 to 8 rolls everything back.
//! - `failed` is said only if it is proved that nothing happened and nothing can happen later; whatever a COMMIT leaves
//!   open is `unknown`.
//!
//! Start reading at [`apply`].

use std::error::Error;
use std::time::Duration;

use synapsor_protocol::{ErrorCode, Outcome, Report};

use super::change::Claim;
use super::receipt::{self, Status};
use super::session::{CommitError, Effect, Session, Verified};
use super::target::Target;
use crate::error::SourceError;

/// How often a transaction that was the victim of a deadlock is begun anew, before that is reported.
pub(super) const DEADLOCK_ROUNDS: u32 = 6;

/// Why an attempt stopped before its commit.
#[derive(Debug)]
pub(crate) enum Stop {
    /// An earlier receipt answers. Nothing is to be written.
    Answered(Box<Report>),
    /// The row is not the approved one. The receipt is to say so.
    Conflict(Box<Report>),
    /// Something went wrong. Everything is to be rolled back.
    Failed(Box<Report>),
}

impl Stop {
    pub(super) fn failed(code: ErrorCode, why: impl std::fmt::Display) -> Self {
        Self::Failed(Box::new(Report::because(Outcome::Failed, code).with_detail(why)))
    }

    pub(super) fn into_report(self) -> Report {
        match self {
            Self::Answered(report) | Self::Conflict(report) | Self::Failed(report) => *report,
        }
    }
}

impl From<SourceError> for Stop {
    fn from(error: SourceError) -> Self {
        Self::Failed(Box::new(failed(&error)))
    }
}

/// Steps 1 to 9.
pub(super) async fn apply<S: Session, E: Effect>(session: &mut S, target: &Target<'_>, effect: &E) -> Report {
    for round in 0..DEADLOCK_ROUNDS {
        let report = once(session, target, effect).await;
        // What is proved to have done nothing may be done again; the receipt still decides.
        if report.outcome != Outcome::Failed || !session.take_deadlock() || !effect.may_repeat() {
            return report;
        }
        pause(round).await;
    }
    once(session, target, effect).await
}

async fn once<S: Session, E: Effect>(session: &mut S, target: &Target<'_>, effect: &E) -> Report {
    let claim = &target.change.claim;
    match attempt(session, target, effect, true).await {
        Ok(verified) => seal_and_commit(session, claim, verified).await,
        Err(Stop::Conflict(report)) => complete_and_commit(session, claim, Status::Conflict, *report).await,
        // An application that ended our transaction, and failed then, may have done something all the same.
        Err(Stop::Failed(_)) if !effect.may_repeat() && matches!(session.release_seal().await, Ok(false)) => {
            session.rollback().await;
            mark_escaped(session, claim).await
        }
        Err(stop) => {
            session.rollback().await;
            stop.into_report()
        }
    }
}

/// Steps 1 to 8 and a rollback. Without a receipt table there is nothing to claim.
pub(super) async fn rehearse<S: Session, E: Effect>(session: &mut S, target: &Target<'_>, effect: &E, claims: bool) -> Report {
    let result = attempt(session, target, effect, claims).await;
    // An effect that ended our transaction was no rehearsal.
    let escaped = result.is_ok() && matches!(session.release_seal().await, Ok(false));
    session.rollback().await;
    if escaped {
        return Report::because(Outcome::Unknown, ErrorCode::TRANSACTION_ENDED_BY_EFFECT).with_detail("look at the row");
    }
    result.map_or_else(Stop::into_report, applied)
}

/// Lets the others of a deadlock finish: longer with every round.
pub(super) async fn pause(round: u32) {
    tokio::time::sleep(Duration::from_millis(4 << round)).await;
}

/// Steps 1 to 8.
async fn attempt<S: Session, E: Effect>(session: &mut S, target: &Target<'_>, effect: &E, claims: bool) -> Result<Verified, Stop> {
    session.begin().await?;
    if claims {
        receipt::claim(session, &target.change.claim).await?;
    }
    session.seal().await?;
    let before = session.rows(target, true).await?;
    target.compare(&before)?;
    // `compare` accepts exactly one row.
    let before = &before[0];
    effect.run(session, target, before).await?;
    // What a deferred trigger does is part of the effect: it must be seen, not found in the row afterwards.
    session.fire_deferred().await?;
    let mut after = session.rows(target, false).await?;
    if let Some(assignments) = effect.amend(target, &after)? {
        session.update(target, &assignments).await?;
        after = session.rows(target, false).await?;
    }
    effect.verify(target, before, &after)
}

/// Step 9.
async fn seal_and_commit<S: Session>(session: &mut S, claim: &Claim, verified: Verified) -> Report {
    match session.release_seal().await {
        Ok(true) => complete_and_commit(session, claim, Status::Applied, applied(verified)).await,
        Ok(false) => {
            session.rollback().await;
            mark_escaped(session, claim).await
        }
        Err(error) => {
            session.rollback().await;
            failed(&error)
        }
    }
}

async fn complete_and_commit<S: Session>(session: &mut S, claim: &Claim, status: Status, report: Report) -> Report {
    // A report is plain data; without it the status alone still says what happened.
    let json = serde_json::to_string(&report).unwrap_or_else(|_| "{}".to_owned());
    let trouble = match session.complete_receipt(claim, status, json).await {
        Ok(true) => return commit(session).await.map_or_else(|trouble| *trouble, |()| report),
        Ok(false) => Stop::failed(ErrorCode::WRITEBACK_SAFETY_FAILURE, "this attempt's receipt is no longer in progress").into_report(),
        Err(error) => failed(&error),
    };
    session.rollback().await;
    trouble
}

/// Commits; the report says what is known if that did not succeed.
pub(super) async fn commit<S: Session>(session: &mut S) -> Result<(), Box<Report>> {
    session.commit().await.map_err(|error| match error {
        CommitError::Failed(error) => Box::new(failed(&error)),
        CommitError::Unknown(error) => {
            Box::new(Report::because(Outcome::Unknown, ErrorCode::COMMIT_UNKNOWN).with_detail(operator_text(&error)))
        }
    })
}

/// The effect ended our transaction: what it did may be committed. Leaves a receipt in progress, so that no later attempt
/// runs the effect again.
async fn mark_escaped<S: Session>(session: &mut S, claim: &Claim) -> Report {
    let report = Report::because(Outcome::Unknown, ErrorCode::TRANSACTION_ENDED_BY_EFFECT);
    let marked = async {
        session.begin().await?;
        session.insert_receipt(claim, Status::InProgress).await
    };
    let kept = match marked.await {
        Ok(_) => commit(session).await.map_err(|report| report.detail.unwrap_or_default()),
        Err(error) => {
            session.rollback().await;
            Err(operator_text(&error))
        }
    };
    match kept {
        Ok(()) => report.with_detail("the effect ended the transaction; look at the row"),
        Err(why) => report.with_detail(format_args!("the effect ended the transaction, and no receipt could be kept: {why}")),
    }
}

fn applied(verified: Verified) -> Report {
    Report {
        rows_affected: verified.rows_affected,
        previous_version: verified.previous_version,
        new_version: verified.new_version,
        also_changed: verified.also_changed,
        details: verified.details,
        ..Report::new(Outcome::Applied)
    }
}

/// The report of an error before a commit, or of a commit that was refused: nothing happened.
pub(super) fn failed(error: &SourceError) -> Report {
    let code = match error {
        SourceError::InvalidUrl { .. }
        | SourceError::EngineMissing { .. }
        | SourceError::Unreachable { .. }
        | SourceError::Authentication { .. }
        | SourceError::Tls { .. }
        | SourceError::PoolExhausted { .. }
        | SourceError::Lost { .. }
        | SourceError::Corrupt { .. } => ErrorCode::DATABASE_UNAVAILABLE,
        SourceError::Timeout { .. } => ErrorCode::STATEMENT_TIMEOUT,
        SourceError::PermissionDenied { .. } => ErrorCode::PERMISSION_DENIED,
        SourceError::Busy { .. }
        | SourceError::SchemaChanged { .. }
        | SourceError::Refused { .. }
        | SourceError::Unrepresentable { .. } => ErrorCode::TRANSACTION_FAILED,
        SourceError::Foreign { .. } => ErrorCode::WRITEBACK_SAFETY_FAILURE,
    };
    let report = Report::because(Outcome::Failed, code).with_detail(operator_text(error));
    if error.is_transient() { report.transient() } else { report }
}

/// The error and its causes on one line. Of a driver's text only the first line: what follows may quote rows.
pub(super) fn operator_text(error: &SourceError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let words = next.to_string();
        let line = words.lines().next().unwrap_or_default();
        text = format!("{text}: {line}");
        cause = next.source();
    }
    text
}
