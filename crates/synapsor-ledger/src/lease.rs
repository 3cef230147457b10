//! Who tries, and until when do the others wait?
//!
//! A lease only decides when somebody else tries. That no effect happens twice rests on the attempt number, which is on
//! record before anything runs.

use std::time::Duration;

use rusqlite::OptionalExtension;
use synapsor_proposal::{Delivery, OperatorCommand, Order, Proposal, Refusal, decide_operator, lapse};
use synapsor_protocol::Timestamp;
use synapsor_protocol::id::{LeaseId, ProposalId};

use crate::append::append;
use crate::error::LedgerError;
use crate::load::{Case, Known};
use crate::record::{Claim, Holder, Lease};
use crate::writer::Batch;

/// The longest lease. An end that lies further ahead was written by a clock that was wrong, or by hand: it holds nobody
/// up, because the end is the one column of a job that no event confirms.
pub(crate) const MAX_LEASE: Duration = Duration::from_secs(3600);

/// What a transaction answers that records something and refuses all the same.
pub(crate) type Answer<T> = Result<Result<T, LedgerError>, LedgerError>;

/// Decides and appends, on what was verified beforehand if that is still what stands there.
pub(crate) fn execute(batch: &mut Batch<'_>, known: Known, command: &OperatorCommand) -> Answer<Proposal> {
    let case = known.still(batch.connection)?;
    let id = case.proposal.id();
    let now = Timestamp::now();
    let waits = matches!(command.order, Order::Claim { .. } | Order::Park { .. } | Order::Attest { .. });
    if let (true, Some((holder, _))) = (waits, held(batch, id, now)?) {
        return Err(LedgerError::Held { id: id.clone(), holder });
    }
    decided(batch, case, command, now)
}

/// The same; if the job is still due afterwards, that is so a while later.
pub(crate) fn conclude(batch: &mut Batch<'_>, known: Known, command: &OperatorCommand, pause: Duration) -> Answer<Proposal> {
    let answer = execute(batch, known, command)?;
    if let Ok(state) = &answer {
        postpone(batch, state.id(), pause)?;
    }
    Ok(answer)
}

/// Lets a job that is due, and held by nobody, be due a while later. No event: it decides only when somebody tries.
pub(crate) fn postpone(batch: &Batch<'_>, id: &ProposalId, pause: Duration) -> Result<(), LedgerError> {
    let postpone = "UPDATE writeback_jobs SET due_at = ?2 + ?3 WHERE proposal_id = ?1 AND due_at IS NOT NULL \
        AND (lease_expires_at IS NULL OR lease_expires_at <= ?2 OR lease_expires_at > ?2 + ?4)";
    let row = (id.as_str(), Timestamp::now().as_micros(), micros(pause.min(MAX_LEASE)), micros(MAX_LEASE));
    batch.connection.prepare_cached(postpone)?.execute(row)?;
    Ok(())
}

/// Gives a lease back whose attempt will not report from here: others need not wait for it to lapse.
pub(crate) fn release(batch: &Batch<'_>, lease: &Lease) -> Result<bool, LedgerError> {
    let release = "UPDATE writeback_jobs SET lease_expires_at = NULL, due_at = ?3 \
        WHERE proposal_id = ?1 AND lease_id = ?2 AND attempt = ?4 AND lease_expires_at IS NOT NULL AND due_at IS NOT NULL";
    let row = (lease.proposal_id.as_str(), lease.lease_id.as_str(), Timestamp::now().as_micros(), lease.attempt);
    Ok(batch.connection.prepare_cached(release)?.execute(row)? == 1)
}

/// Takes the job if nobody holds it, and records the next attempt.
pub(crate) fn claim(batch: &mut Batch<'_>, known: Known, holder: &Holder, duration: Duration, delivery: Delivery) -> Answer<Claim> {
    let case = known.still(batch.connection)?;
    let id = &case.proposal.id().clone();
    if !case.proposal.status.is_open() {
        return Ok(Ok(Claim::Settled(Box::new(case.proposal))));
    }
    let (lease_id, duration, now) = (LeaseId::generate(), duration.min(MAX_LEASE), Timestamp::now());
    let taken = match take(batch, id, duration, now)? {
        Some(until) => Some(until),
        None => match held(batch, id, now)? {
            Some((holder, until)) => return Ok(Ok(Claim::Held { holder, until })),
            None => None,
        },
    };
    let order = Order::Claim { holder: holder.process.clone(), lease_id: lease_id.clone(), delivery };
    let command = OperatorCommand { by: holder.by.clone(), order };
    let state = match decided(batch, case, &command, now)? {
        Ok(state) => state,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let attempt = state.next_attempt().saturating_sub(1);
    let expires_at = taken.unwrap_or(now);
    Ok(Ok(Claim::Granted(Lease { lease_id, proposal_id: id.clone(), attempt, expires_at, duration })))
}

/// Prolongs a lease that nobody has taken over.
pub(crate) fn renew(batch: &mut Batch<'_>, lease: &Lease) -> Result<Lease, LedgerError> {
    let renew = "UPDATE writeback_jobs SET lease_expires_at = ?3 + ?4, due_at = ?3 + ?4 \
        WHERE proposal_id = ?1 AND lease_id = ?2 AND attempt = ?5 AND lease_expires_at IS NOT NULL RETURNING lease_expires_at";
    let row = (
        lease.proposal_id.as_str(),
        lease.lease_id.as_str(),
        Timestamp::now().as_micros(),
        micros(lease.duration.min(MAX_LEASE)),
        lease.attempt,
    );
    let until: Option<i64> = batch.connection.prepare_cached(renew)?.query_row(row, |row| row.get(0)).optional()?;
    match until.and_then(Timestamp::from_micros) {
        Some(expires_at) => Ok(Lease { expires_at, ..lease.clone() }),
        None => Err(LedgerError::LeaseLost { id: lease.proposal_id.clone(), attempt: lease.attempt }),
    }
}

/// Decides and appends. A refusal because the time has passed puts that on record, if nobody claimed the proposal.
fn decided(batch: &mut Batch<'_>, case: Case, command: &OperatorCommand, now: Timestamp) -> Answer<Proposal> {
    match decide_operator(&case.proposal, command, now) {
        Ok(events) => append(batch, case, events).map(Ok),
        Err(refusal @ Refusal::Expired { .. }) => match lapse(&case.proposal, "runner", now) {
            Ok(events) => append(batch, case, events).map(|_| Err(refusal.into())),
            Err(_) => Err(refusal.into()),
        },
        Err(refusal) => Err(refusal.into()),
    }
}

/// Takes the lease if it is free; its end is computed and compared in the one statement. Whose it is stands in the
/// event of the attempt: if none may follow, this leaves nothing behind that no event says.
fn take(batch: &Batch<'_>, id: &ProposalId, duration: Duration, now: Timestamp) -> Result<Option<Timestamp>, LedgerError> {
    let take = "UPDATE writeback_jobs SET lease_expires_at = ?2 + ?3 \
        WHERE proposal_id = ?1 AND (lease_expires_at IS NULL OR lease_expires_at <= ?2 OR lease_expires_at > ?2 + ?4) \
        RETURNING lease_expires_at";
    let row = (id.as_str(), now.as_micros(), micros(duration), micros(MAX_LEASE));
    let until: Option<i64> = batch.connection.prepare_cached(take)?.query_row(row, |row| row.get(0)).optional()?;
    Ok(until.and_then(Timestamp::from_micros))
}

/// Who holds the job at this moment, and until when.
fn held(batch: &Batch<'_>, id: &ProposalId, now: Timestamp) -> Result<Option<(String, Timestamp)>, LedgerError> {
    let held = "SELECT holder, lease_expires_at FROM writeback_jobs \
        WHERE proposal_id = ?1 AND lease_expires_at > ?2 AND lease_expires_at <= ?2 + ?3";
    let row: Option<(Option<String>, i64)> = batch
        .connection
        .prepare_cached(held)?
        .query_row((id.as_str(), now.as_micros(), micros(MAX_LEASE)), |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    Ok(row.and_then(|(holder, until)| Some((holder.unwrap_or_default(), Timestamp::from_micros(until)?))))
}

pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
