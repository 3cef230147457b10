//! What ties the records together, so that a careless edit shows?
//!
//! Two chains: the events of each proposal, and the commits of the whole store. Both are found against a head that is
//! kept elsewhere too; without one, somebody who recomputes them is not found.
//!
//! The members of [`Link`] and [`Commit`] stand in the order of their names and are strings and integers only, so that
//! their plain JSON is their canonical JSON.

use rusqlite::types::Value;
use serde::Serialize;
use synapsor_protocol::id::{EventId, ProposalId};
use synapsor_protocol::{Digest, Timestamp};

use crate::error::LedgerError;

/// What the hash of an event is made of.
#[derive(Serialize)]
pub(crate) struct Link<'a> {
    pub(crate) actor: &'a str,
    pub(crate) created_at: &'a str,
    pub(crate) event_id: &'a EventId,
    pub(crate) kind: &'a str,
    pub(crate) payload: &'a str,
    pub(crate) previous: Option<&'a Digest>,
    pub(crate) proposal_id: &'a ProposalId,
    pub(crate) sequence: u32,
}

/// What the hash of a group commit is made of: the digests of the records that it wrote, sorted.
#[derive(Serialize)]
pub(crate) struct Commit<'a> {
    pub(crate) created_at: Timestamp,
    pub(crate) number: i64,
    pub(crate) previous: Option<&'a str>,
    pub(crate) records: &'a [Digest],
}

/// The first 64 bits of a digest: finds damage, and no edit by somebody who recomputes it.
pub(crate) fn checksum(digest: &Digest) -> i64 {
    let head = digest.hex().get(..16).and_then(|head| u64::from_str_radix(head, 16).ok());
    head.unwrap_or_default().cast_signed()
}

/// The checksum of a row.
pub(crate) fn checksum_of(values: &[Value]) -> i64 {
    let mut bytes = Vec::with_capacity(1024);
    for value in values {
        match value {
            Value::Null => bytes.push(b'n'),
            Value::Integer(number) => {
                bytes.push(b'i');
                bytes.extend(number.to_le_bytes());
            }
            Value::Real(number) => bytes.extend(number.to_le_bytes()),
            Value::Text(text) => {
                bytes.push(b't');
                bytes.extend(text.len().to_le_bytes());
                bytes.extend(text.as_bytes());
            }
            Value::Blob(blob) => bytes.extend(blob),
        }
    }
    checksum(&Digest::of_bytes(&bytes))
}

impl Link<'_> {
    pub(crate) fn hash(&self) -> Result<Digest, LedgerError> {
        Ok(Digest::of_bytes(&json("event", self)?))
    }
}

impl Commit<'_> {
    pub(crate) fn hash(&self) -> Result<Digest, LedgerError> {
        Ok(Digest::of_bytes(&json("commit", self)?))
    }
}

/// The JSON of a record as it is stored.
pub(crate) fn json(record: &'static str, value: &impl Serialize) -> Result<Vec<u8>, LedgerError> {
    serde_json::to_vec(value).map_err(|error| LedgerError::Unrecordable { record, why: error.to_string() })
}
