//! What was done to the store as a whole, and which gaps in its chains does that explain?
//!
//! A record of upkeep stands in the commit that does what it says, covered by the commit's hash as every other record is.
//!
//! # Invariants
//! - A record is removed only together with a record of upkeep that names it: by its digest, or by the commit that held nothing else.
//! - A commit that lost some of its records still verifies: what is left of it and the digests of what was removed make its hash.
//! - A commit that lost all of them is gone, and the hash that the next one builds on stands in the record of upkeep.

use std::collections::BTreeMap;

use rusqlite::Connection;
use serde::{Deserialize, Serialize};
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{Digest, Timestamp};

#[cfg(feature = "decisions")]
use crate::chain::json;
use crate::error::LedgerError;
#[cfg(feature = "decisions")]
use crate::writer::Batch;

/// One record of upkeep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Upkeep {
    /// Its number, from 1.
    pub(crate) number: i64,
    /// When.
    pub(crate) at: Timestamp,
    /// Which account did it.
    pub(crate) by: String,
    /// What it did.
    #[serde(flatten)]
    pub(crate) deed: Deed,
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub(crate) enum Deed {
    /// Old records were removed.
    Pruned(Removal),
    /// This store was made of a backup.
    Restored {
        /// The commits of the backup end here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        head: Option<Digest>,
        /// The open jobs, each of which counts as claimed from then on.
        claimed: Vec<ProposalId>,
    },
}

/// What one batch of pruning removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Removal {
    /// The proposals, each with the last hash of its chain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) proposals: Vec<RemovedChain>,
    /// Rows by table.
    pub(crate) rows: BTreeMap<String, u64>,
    /// Commits of which nothing is left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) emptied: Vec<Emptied>,
    /// Commits of which something is left, with the digests of what was removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) thinned: Vec<Thinned>,
}

/// A chain of events that was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RemovedChain {
    /// Whose.
    pub(crate) proposal_id: ProposalId,
    /// How many events it had.
    pub(crate) events: u32,
    /// The hash of the last one.
    pub(crate) head: Digest,
}

/// Commits in a row that are gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Emptied {
    pub(crate) first: i64,
    pub(crate) last: i64,
    /// The hash of the last one.
    pub(crate) hash: Digest,
}

/// A commit that lost records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Thinned {
    pub(crate) commit: i64,
    pub(crate) records: Vec<Digest>,
}

/// Every gap that the records of upkeep explain.
#[derive(Debug, Default)]
pub(crate) struct Gaps {
    /// By their first number: the last one, and its hash.
    pub(crate) emptied: BTreeMap<i64, (i64, Digest)>,
    /// The digests of what was removed, by commit.
    pub(crate) thinned: BTreeMap<i64, Vec<Digest>>,
}

/// A record of upkeep as it is stored: the commit that it stands in, and its digest.
pub(crate) type Stored = (i64, Digest);

/// Reads all of them. One that is not what this program writes was altered; its commit does not verify either.
pub(crate) fn gaps(connection: &Connection) -> Result<(Gaps, Vec<Stored>), LedgerError> {
    let (mut gaps, mut stored) = (Gaps::default(), Vec::new());
    let mut select = connection.prepare("SELECT number, kind, commit_number, body_json FROM upkeep ORDER BY number")?;
    let mut rows = select.query([])?;
    while let Some(row) = rows.next()? {
        let (number, kind, commit, body): (i64, String, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let upkeep: Option<Upkeep> = serde_json::from_str(&body).ok();
        let upkeep = upkeep.filter(|upkeep| upkeep.number == number && upkeep.deed.kind() == kind);
        let upkeep = upkeep.ok_or(LedgerError::AlteredCommit(commit))?;
        stored.push((commit, Digest::of_bytes(body.as_bytes())));
        if let Deed::Pruned(removal) = upkeep.deed {
            gaps.emptied.extend(removal.emptied.into_iter().map(|Emptied { first, last, hash }| (first, (last, hash))));
            for Thinned { commit, records } in removal.thinned {
                gaps.thinned.entry(commit).or_default().extend(records);
            }
        }
    }
    Ok((gaps, stored))
}

/// Puts on record what this batch does.
#[cfg(feature = "decisions")]
pub(crate) fn record(batch: &mut Batch<'_>, by: &str, deed: Deed) -> Result<(), LedgerError> {
    let last: Option<i64> = batch.connection.query_row("SELECT max(number) FROM upkeep", [], |row| row.get(0))?;
    let upkeep = Upkeep { number: last.unwrap_or(0) + 1, at: Timestamp::now(), by: by.to_owned(), deed };
    let body = json("upkeep", &upkeep)?;
    let digest = Digest::of_bytes(&body);
    let row = (upkeep.number, upkeep.deed.kind(), batch.commit, String::from_utf8_lossy(&body));
    let insert = "INSERT INTO upkeep (number, kind, commit_number, body_json) VALUES (?1, ?2, ?3, ?4)";
    batch.connection.prepare_cached(insert)?.execute(row)?;
    batch.cover(digest);
    Ok(())
}

impl Deed {
    fn kind(&self) -> &'static str {
        match self {
            Self::Pruned(_) => "pruned",
            Self::Restored { .. } => "restored",
        }
    }
}
