//! Does the database have what a capability names, and may it be used so?

use std::sync::Arc;

use synapsor_protocol::change_set::SourceKind;
use synapsor_protocol::{Identifier, Scalar};

use crate::error::ValueError;
use crate::value::CheckedValue;

/// What one capability does with one table.
#[derive(Debug, Clone)]
pub struct TableUse {
    /// The schema; `main` on SQLite.
    pub schema: Identifier,
    /// The table or view.
    pub table: Identifier,
    /// The column that names a row.
    pub primary_key: Identifier,
    /// The column that says whose row it is; `None` for a single tenant.
    pub tenant_key: Option<Identifier>,
    /// The columns to read.
    pub columns: Vec<Identifier>,
    /// The columns that a proposal may set.
    pub patch: Vec<Identifier>,
    /// The version column, if the guard is one.
    pub version: Option<Identifier>,
    /// Whether the guarded transaction of this source applies the change.
    pub writes: bool,
}

/// What the catalog says about a [`TableUse`].
#[derive(Debug, Clone)]
pub struct TableCheck {
    /// The proof; `Some` if and only if no finding is an error.
    pub table: Option<CheckedTable>,
    /// Everything that was found, not only the first.
    pub findings: Vec<CatalogFinding>,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// It cannot be used so.
    Error,
    /// It can be used, less safely.
    Warning,
    /// Worth knowing.
    Notice,
}

/// One finding of the catalog check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogFinding {
    /// How much it matters.
    pub severity: Severity,
    /// Its code.
    pub code: &'static str,
    /// The column that it is about.
    pub column: Option<Identifier>,
    /// What was found, and what to do.
    pub message: String,
}

/// A table whose names and types were found in the catalog. Cheap to clone.
#[derive(Debug, Clone)]
pub struct CheckedTable(Arc<Checked>);

#[derive(Debug)]
struct Checked {
    kind: SourceKind,
    coarse_version: bool,
}

impl CheckedTable {
    /// The row's key in canonical form.
    pub fn key(&self, _value: &Scalar) -> Result<CheckedValue, ValueError> {
        Err(ValueError::Null)
    }

    /// The tenant in canonical form.
    pub fn tenant(&self, _value: &Scalar) -> Result<CheckedValue, ValueError> {
        Err(ValueError::Null)
    }

    /// A value of one of the columns that were checked, in canonical form.
    pub fn value(&self, column: &Identifier, _value: &Scalar) -> Result<CheckedValue, ValueError> {
        Err(ValueError::UnknownColumn(column.clone()))
    }

    /// Whether the version is coarser than a millisecond, or of unknown precision: then the row's hash is needed too.
    pub fn coarse_version(&self) -> bool {
        self.0.coarse_version
    }

    /// The kind of source, as a change set names it.
    pub fn kind(&self) -> SourceKind {
        self.0.kind
    }
}
