//! How does one find out what became of an operation, and stop it for good?
//!
//! A tombstone at the current attempt is committed: a late predecessor finds it and stops. Merely reading the receipt would
//! leave a window.

use synapsor_protocol::Outcome;

use super::change::{Claim, Fence};
use super::receipt::{self, Status};
use super::session::Session;
use super::transaction::{DEADLOCK_ROUNDS, Stop, commit, pause};

/// Commits the tombstone, or answers by what is there.
pub(super) async fn fence<S: Session>(session: &mut S, claim: &Claim) -> Fence {
    for round in 0..DEADLOCK_ROUNDS {
        let found = once(session, claim).await;
        match &found {
            Fence::Unresolved(report) if report.outcome == Outcome::Failed && session.take_deadlock() => pause(round).await,
            _ => return found,
        }
    }
    once(session, claim).await
}

async fn once<S: Session>(session: &mut S, claim: &Claim) -> Fence {
    match bury(session, claim).await {
        Ok(()) => commit(session).await.map_or_else(|report| Fence::Unresolved(*report), |()| Fence::Tombstoned),
        Err(stop) => {
            session.rollback().await;
            let report = stop.into_report();
            if report.outcome.is_receipt() { Fence::Found(report) } else { Fence::Unresolved(report) }
        }
    }
}

/// Writes the tombstone into an open transaction.
async fn bury<S: Session>(session: &mut S, claim: &Claim) -> Result<(), Stop> {
    session.begin().await?;
    if session.insert_receipt(claim, Status::Tombstone).await? {
        return Ok(());
    }
    let stored = receipt::find(session, claim).await?;
    if stored.status() != Some(Status::Tombstone) {
        return Err(Stop::Answered(Box::new(stored.report())));
    }
    // One of this attempt or a higher one does the same already.
    if stored.attempt < i64::from(claim.attempt) {
        session.revive_receipt(claim, Status::Tombstone).await?;
    }
    Ok(())
}
