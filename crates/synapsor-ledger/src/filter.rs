//! Which records does somebody look for, and where does the next page begin?
//!
//! # Invariants
//! - Every list is newest first: by time, then by kind, then by id. A [`Cursor`] names a place in that order, so a page
//!   neither repeats nor misses a record, whatever is recorded meanwhile.
//! - Times are compared as moments.

use std::fmt;

use serde::Serialize;
use synapsor_proposal::Status;
use synapsor_protocol::change_set::Mode;
use synapsor_protocol::{Digest, Outcome, Timestamp};

/// The most that one list shows.
pub(crate) const MAX_LIMIT: u32 = 200;

/// What a list shows when nobody says how many.
const DEFAULT_LIMIT: u32 = 20;

/// Which records to list. Absent members do not restrict.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Filter {
    /// Proposals in this status, and reads and replays behind them.
    pub status: Option<Status>,
    /// Receipts of this outcome.
    pub outcome: Option<Outcome>,
    /// Proposals of this mode, and what follows from them.
    pub mode: Option<Mode>,
    /// Of this tenant.
    pub tenant_id: Option<String>,
    /// On behalf of this principal.
    pub principal: Option<String>,
    /// Of this capability.
    pub capability: Option<String>,
    /// Of this kind of object; singular and plural are the same, and so is the table's name with its schema.
    pub business_object: Option<String>,
    /// Of this object.
    pub object_id: Option<String>,
    /// Of the row with this primary key.
    pub primary_key: Option<String>,
    /// From this source.
    pub source_id: Option<String>,
    /// From this table; a name without a schema is meant in every schema.
    pub table: Option<String>,
    /// Of this shape of a query.
    pub query_fingerprint: Option<Digest>,
    /// Recorded at this moment or later.
    pub from: Option<Timestamp>,
    /// Recorded at this moment or earlier.
    pub to: Option<Timestamp>,
    /// Only those that come after this place in the list.
    pub before: Option<Cursor>,
    /// At most so many; at most 200. 0 stands for 20.
    pub limit: u32,
}

/// A place in a list. Its text is for giving back, not for reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) at_micros: i64,
    pub(crate) rank: u8,
    pub(crate) sequence: u32,
    pub(crate) id: String,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// What was found, newest first.
    pub lines: Vec<T>,
    /// Where the next page begins; absent if there is nothing behind this one.
    pub next: Option<Cursor>,
    /// How many records belong here and could not be read: they were edited or damaged. `verify` names them.
    pub unreadable: u32,
}

impl Filter {
    pub(crate) fn page_size(&self) -> usize {
        (if self.limit == 0 { DEFAULT_LIMIT } else { self.limit.min(MAX_LIMIT) }) as usize
    }

    /// The object's id, by either name; `Err` if the two names contradict each other.
    pub(crate) fn key(&self) -> Result<Option<&str>, Nothing> {
        match (self.object_id.as_deref(), self.primary_key.as_deref()) {
            (Some(one), Some(other)) if one != other => Err(Nothing),
            (one, other) => Ok(one.or(other)),
        }
    }

    /// Whether this kind of object, or the table behind it, is meant.
    pub(crate) fn means_object(&self, business_object: &str, table: &str) -> bool {
        self.business_object.as_deref().is_none_or(|named| same_kind(named, business_object) || same_kind(named, bare(table)))
    }

    /// Whether this table is meant.
    pub(crate) fn means_table(&self, table: &str) -> bool {
        self.table.as_deref().is_none_or(|named| named == table || (!named.contains('.') && named == bare(table)))
    }
}

/// No record can match.
#[derive(Debug)]
pub(crate) struct Nothing;

impl Cursor {
    /// Reads the text of a cursor.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(4, '.');
        let (at, rank, sequence, id) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        Some(Self { at_micros: at.parse().ok()?, rank: rank.parse().ok()?, sequence: sequence.parse().ok()?, id: id.to_owned() })
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at_micros, rank, sequence, id } = self;
        write!(f, "{at_micros}.{rank}.{sequence}.{id}")
    }
}

impl Serialize for Cursor {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The name without its schema.
fn bare(table: &str) -> &str {
    table.rsplit_once('.').map_or(table, |(_, name)| name)
}

/// Whether two names are one kind of thing: `invoice`, `invoices`, `public.invoices`.
fn same_kind(one: &str, other: &str) -> bool {
    let (one, other) = (bare(one), bare(other));
    one == other || is_plural(one, other) || is_plural(other, one)
}

fn is_plural(many: &str, one: &str) -> bool {
    let ends = |end: &str, replaced: &str| many.strip_suffix(end).is_some_and(|stem| one.strip_suffix(replaced) == Some(stem));
    ends("s", "") || ends("es", "") || ends("ies", "y")
}

#[cfg(test)]
mod tests {
    use super::{Cursor, same_kind};

    #[test]
    fn a_kind_of_object_is_known_in_singular_and_plural_and_with_its_schema() {
        for (one, other) in
            [("invoice", "invoices"), ("invoices", "public.invoices"), ("box", "boxes"), ("company", "companies"), ("a", "a")]
        {
            assert!(same_kind(one, other) && same_kind(other, one), "{one} {other}");
        }
        for (one, other) in [("invoice", "voices"), ("invoice", "invoicing"), ("s", ""), ("Invoice", "invoice")] {
            assert_eq!(same_kind(one, other), one == "s", "{one} {other}");
        }
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        let cursor = Cursor { at_micros: -5, rank: 2, sequence: 3, id: "wrp.1 2".into() };
        assert_eq!(Cursor::parse(&cursor.to_string()), Some(cursor));
        assert!(["", "1", "1.2.3", "x.1.1.a", "1.300.1.a"].iter().all(|text| Cursor::parse(text).is_none()));
    }
}
