//! What did the catalog say a moment ago?

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use synapsor_protocol::Identifier;
use synapsor_source::{CheckedTable, TableUse};

/// How long a proof is taken for true.
const AGE: Duration = Duration::from_secs(30);

/// Proofs that are kept; a configuration has a few uses per capability.
const MOST: usize = 64;

/// The tables that were checked lately. Clones share them.
#[derive(Debug, Clone, Default)]
pub(super) struct Proofs(Arc<Mutex<Vec<Proof>>>);

#[derive(Debug)]
struct Proof {
    shape: Shape,
    table: CheckedTable,
    since: Instant,
}

/// What of a use the catalog is asked about: everything.
#[derive(Debug, PartialEq, Eq)]
struct Shape {
    place: [Identifier; 3],
    tenant_key: Option<Identifier>,
    columns: Vec<Identifier>,
    patch: Vec<Identifier>,
    version: Option<Identifier>,
    writes: bool,
}

impl Proofs {
    /// The proof for exactly this use, if it is young enough.
    pub(super) fn find(&self, usage: &TableUse) -> Option<CheckedTable> {
        let shape = Shape::of(usage);
        self.proofs().iter().find(|proof| proof.since.elapsed() < AGE && proof.shape == shape).map(|proof| proof.table.clone())
    }

    /// Keeps a proof that was made just now.
    pub(super) fn keep(&self, usage: &TableUse, table: &CheckedTable) {
        let mut proofs = self.proofs();
        proofs.retain(|proof| proof.since.elapsed() < AGE);
        if proofs.len() >= MOST {
            proofs.clear();
        }
        proofs.push(Proof { shape: Shape::of(usage), table: table.clone(), since: Instant::now() });
    }

    /// Drops everything: the next use asks the catalog.
    pub(super) fn forget(&self) {
        self.proofs().clear();
    }

    fn proofs(&self) -> MutexGuard<'_, Vec<Proof>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shape {
    fn of(usage: &TableUse) -> Self {
        let TableUse { schema, table, primary_key, tenant_key, columns, patch, version, writes } = usage.clone();
        Self { place: [schema, table, primary_key], tenant_key, columns, patch, version, writes }
    }
}
