//! How does a backup become the ledger again?
//!
//! # Invariants
//! - Nobody has the store open meanwhile, and nobody can open it.
//! - The backup is copied, brought up to date and verified before anything of the store is touched; then it takes the store's place in one
//!   step. What was there is kept beside it.
//! - A job that is open in the backup may have been carried out since. It counts as claimed, by an attempt that never reported: so whoever
//!   goes on finds out, or, where nothing can be found out, a person does.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;
use serde::Serialize;
use synapsor_proposal::{Claimed, DeadLetter, Event, Fact, Pending, Proposal};
use synapsor_protocol::id::{LeaseId, ProposalId};
use synapsor_protocol::{Outcome, Timestamp};

use crate::alone::Alone;
use crate::append::append;
use crate::connection::{classify, open_reader, open_writer, settle};
use crate::copy::Draft;
use crate::error::LedgerError;
use crate::file::{beside, prepare, refuse_link, refused, unopenable};
use crate::layout::{Found, build, recognise, rename};
use crate::load::load;
use crate::upkeep::{self, Deed};
use crate::verify::{Verified, head, verify};
use crate::writer::{Batch, commit_alone};

/// How long commands that have the store open are waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Proposals that may be carried out.
const OPEN_JOB: &str = "status IN ('approved', 'pending_worker')";

/// Proposals that wait for a decision.
const UNDECIDED: &str = "status = 'pending_review'";

/// Who holds a job that was open in a backup.
const HOLDER: &str = "store restore";

/// A store that was made of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Restored {
    /// The store.
    pub path: PathBuf,
    /// What it was before, if there was anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<PathBuf>,
    /// The open jobs, each of which counts as claimed.
    pub claimed: Vec<ProposalId>,
    /// What waits for a decision, as it did in the backup. Each may have been decided and carried out since, which the ledger does not know
    /// any more: approved once again, it is handed once again to a handler that keeps nothing.
    pub undecided: Vec<ProposalId>,
    /// What was verified.
    #[serde(flatten)]
    pub verified: Verified,
}

/// Makes the store of a backup. `by` is the account that does it. Until this returns without an error, or after a crash in the middle, the
/// store is what it was; a crash at the very end leaves the restored one. [`LedgerError::Taken`] and [`LedgerError::InUse`] say that
/// somebody has the store.
pub fn restore(store: &Path, from: &Path, by: &str, force: bool) -> Result<Restored, LedgerError> {
    let from = prepare(from, false).map_err(|error| match error {
        LedgerError::Missing(path) => LedgerError::NoBackup(path),
        other => other,
    })?;
    let source = open_reader(&from, PATIENCE)?;
    if recognise(&source, &from)? == Found::Empty {
        return Err(LedgerError::NotALedger(from));
    }
    let alone = Alone::take_or_make(store, "restore", force, PATIENCE)?;
    if alone.store == from {
        return Err(LedgerError::Exists(from));
    }
    let draft = Draft::copy(&source, &alone.store)?;
    let (claimed, undecided, verified) = take_over(&draft, by).map_err(|error| error.at(draft.path()))?;
    let kept = set_aside(&alone.store)?;
    draft.publish(&alone.store, true)?;
    Ok(Restored { path: alone.store.clone(), kept, claimed, undecided, verified })
}

/// Brings the copy up to date, verifies it, and claims what is open in it.
fn take_over(draft: &Draft, by: &str) -> Result<(Vec<ProposalId>, Vec<ProposalId>, Verified), LedgerError> {
    let path = draft.path();
    let connection = open_writer(path, PATIENCE)?;
    settle(&connection)?;
    build(&connection, path, |_| Ok(()))?;
    verify(&connection)?;
    let number = rename(&connection)?;
    let claimed = commit_alone(&connection, number, |batch| {
        let head = head(batch.connection)?.map(|head| head.hash);
        let claimed = claim_all(batch, by)?;
        upkeep::record(batch, by, Deed::Restored { head, claimed: claimed.clone() })?;
        Ok(claimed)
    })?;
    let (undecided, verified) = (that(&connection, UNDECIDED)?, verify(&connection)?);
    connection.pragma_update(None, "journal_mode", "DELETE")?;
    connection.close().map_err(|(_, error)| classify(path, error))?;
    Ok((claimed, undecided, verified))
}

fn claim_all(batch: &mut Batch<'_>, by: &str) -> Result<Vec<ProposalId>, LedgerError> {
    let mut claimed = Vec::new();
    for id in that(batch.connection, OPEN_JOB)? {
        let case = load(batch.connection, &id)?;
        let events = events(&case.proposal, by);
        if events.is_empty() {
            continue;
        }
        // Whoever held a lease in the backup holds none here.
        let free = "UPDATE writeback_jobs SET lease_expires_at = NULL WHERE proposal_id = ?1";
        batch.connection.prepare_cached(free)?.execute([id.as_str()])?;
        append(batch, case, events)?;
        claimed.push(id);
    }
    Ok(claimed)
}

/// The proposals of this condition, the oldest first.
fn that(connection: &Connection, condition: &str) -> Result<Vec<ProposalId>, LedgerError> {
    let mut select = connection.prepare(&format!("SELECT proposal_id FROM proposals WHERE {condition} ORDER BY number"))?;
    let ids = select.query_map([], |row| row.get::<_, String>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
    ids.iter().map(|id| ProposalId::new(id).ok_or(LedgerError::AlteredCommit(0))).collect()
}

/// An attempt of which nothing is known. Time that has passed does not matter: it says nothing of what was done before. A dead letter stays
/// one. Where no other attempt may follow, none is pretended.
fn events(proposal: &Proposal, by: &str) -> Vec<Event> {
    if matches!(proposal.pending(), Some(Pending::Retry { retryable: false, .. })) {
        return Vec::new();
    }
    let (attempt, at) = (proposal.next_attempt(), Timestamp::now());
    let event = |fact| Event { actor: by.to_owned(), at, fact };
    let claim = Fact::AttemptClaimed(Claimed { attempt, holder: HOLDER.to_owned(), lease_id: LeaseId::generate() });
    let parked = proposal.dead_letter.as_ref().map(|parked| {
        let reason = parked.letter.reason.clone();
        Fact::DeadLettered(DeadLetter { attempt, outcome: Outcome::Unknown, code: None, reason })
    });
    [Some(claim), parked].into_iter().flatten().map(event).collect()
}

/// Keeps the store under another name, and takes its log out of the way. Says under which, if there was a store.
fn set_aside(store: &Path) -> Result<Option<PathBuf>, LedgerError> {
    if fs::metadata(store).is_ok_and(|metadata| metadata.len() == 0) || !store.exists() {
        remove_log(store)?;
        return Ok(None);
    }
    fold_log(store);
    let moment: String = Timestamp::now().to_string().chars().filter(char::is_ascii_alphanumeric).collect();
    let kept = beside(store, &format!(".before-{moment}"));
    for suffix in ["", "-wal"] {
        let (file, copy) = (beside(store, suffix), beside(&kept, suffix));
        refuse_link(&file)?;
        if file.exists() {
            // Not every file system has links; a copy does as well, and takes longer.
            let kept = fs::hard_link(&file, &copy).or_else(|_| fs::copy(&file, &copy).map(|_| ()));
            kept.map_err(|error| refused(&copy, error))?;
        }
    }
    remove_log(store)?;
    Ok(Some(kept))
}

/// Moves what is in the log into the file, if both are sound enough for that: then nothing is lost if the process dies before the new
/// store is in its place.
fn fold_log(store: &Path) {
    let folded = open_writer(store, PATIENCE).and_then(|connection| {
        recognise(&connection, store)?;
        settle(&connection)?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(LedgerError::from)
    });
    if let Err(error) = folded {
        tracing::warn!(%error, "the log of the store is kept beside it as it is");
    }
}

/// A log that is left behind would be taken for the new store's.
fn remove_log(store: &Path) -> Result<(), LedgerError> {
    for suffix in ["-wal", "-shm", "-journal"] {
        let file = beside(store, suffix);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(unopenable(&file, error)),
            _ => {}
        }
    }
    Ok(())
}
