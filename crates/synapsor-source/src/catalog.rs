//! Does the database have what a capability names, and may it be used so?
//!
//! An engine reads its catalog into facts; one pure function here judges them, so that the engines cannot
//! disagree on the rules. Every finding is reported, not only the first.
//!
//! # Invariants
//! - A [`CheckedTable`] exists only for a table whose every named column exists with a type that has a row in the
//!   engine's type table.
//! - Nobody else turns a name into SQL.
//!
//! Start reading at [`TableUse`], then `judge`.

mod judge;

use std::sync::Arc;

use synapsor_protocol::change_set::SourceKind;
use synapsor_protocol::{Identifier, Scalar};

use crate::error::ValueError;
use crate::value::{CheckedValue, ValueKind};

pub(crate) use judge::judge;

/// What one capability does with one table.
#[derive(Debug, Clone)]
pub struct TableUse {
    /// The schema; `main` on SQLite, the database on MySQL.
    pub schema: Identifier,
    /// The table or view.
    pub table: Identifier,
    /// The column that names a row.
    pub primary_key: Identifier,
    /// The column that says whose row it is; `None` for a single tenant.
    pub tenant_key: Option<Identifier>,
    /// The columns to read. Key, tenant and version are read besides.
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
///
/// | code | severity | when |
/// |---|---|---|
/// | `UNKNOWN_TABLE` | error | there is no such table or view, or the account cannot see it |
/// | `UNKNOWN_COLUMN` | error | a named column does not exist |
/// | `UNSUPPORTED_COLUMN_TYPE` | error | a named column has a type that we cannot carry without loss |
/// | `UNSUPPORTED_KEY_TYPE` | error | key or tenant is no integer, uuid, text or bytes |
/// | `UNSAFE_KEY_COLLATION` | error | key or tenant compares unequal texts as equal |
/// | `KEY_NOT_UNIQUE` | error if something is proposed, else warning | no unique index on the key, alone or with the tenant |
/// | `UNSUPPORTED_VERSION_TYPE` | error | the version column's type cannot be compared exactly |
/// | `VERSION_NOT_ADVANCEABLE` | notice | `advance: auto` does not know the next value; see [`CheckedTable::next_version_known`] |
/// | `NULLABLE_VERSION` | warning | the version may be null, and such rows are refused |
/// | `COARSE_VERSION_GUARD` | warning | see [`CheckedTable::coarse_version`] |
/// | `VERSION_NOT_UPDATABLE` | notice | the account may not set the version, which `advance: auto` does |
/// | `PATCH_COLUMN_GENERATED` | error | the database computes the column |
/// | `PATCH_COLUMN_IS_KEY` | error | key, tenant or version in the patch |
/// | `NOT_A_TABLE` | error | a direct write to a view or a foreign table |
/// | `STORAGE_NOT_TRANSACTIONAL` | error | a direct write to a table whose storage engine takes nothing back |
/// | `PRIVILEGE_MISSING` | error | the account may not read or update a named column |
/// | `RECEIPT_TABLE_UNUSABLE` | error | the writing account cannot use the receipt table, or cannot create it |
/// | `RECEIPT_TABLE_ABSENT` | notice | the first change creates the receipt table |
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
pub(crate) struct Checked {
    pub(crate) source: Arc<str>,
    pub(crate) kind: SourceKind,
    pub(crate) schema: Identifier,
    pub(crate) table: Identifier,
    pub(crate) key: Column,
    pub(crate) tenant: Option<Column>,
    pub(crate) version: Option<Column>,
    /// What a read returns, key, tenant and version included.
    pub(crate) read: Vec<Column>,
    pub(crate) patch: Vec<Column>,
    /// Every column of the table, for the comparison before and after an effect.
    #[cfg(feature = "guarded-write")]
    pub(crate) all: Vec<Column>,
    /// The read statement, built once.
    pub(crate) read_sql: Arc<str>,
}

/// One column as the catalog describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: Identifier,
    /// What it holds; `None` for a type that we cannot carry.
    pub(crate) kind: Option<ValueKind>,
    /// The type as the database's users call it.
    pub(crate) type_name: String,
    /// The type to which a bound text is cast, quoted; the bound text as one of the column on MySQL; empty where values are
    /// bound with their type.
    pub(crate) cast: String,
    pub(crate) nullable: bool,
    pub(crate) generated: bool,
    /// Equal texts may differ in their bytes.
    pub(crate) loose_collation: Option<String>,
    pub(crate) readable: bool,
    pub(crate) updatable: bool,
}

/// What an engine found in its catalog.
#[derive(Debug)]
pub(crate) struct TableFacts {
    pub(crate) kind: SourceKind,
    /// Whether it is an ordinary table, and what it is if not.
    pub(crate) relation: Relation,
    pub(crate) columns: Vec<Column>,
    /// The columns of each complete unique index.
    pub(crate) unique: Vec<Vec<Identifier>>,
    /// The storage engine, if it does not take back what a transaction did not commit.
    pub(crate) unsafe_storage: Option<String>,
}

/// What kind of relation was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Relation {
    Table,
    View,
    Foreign,
}

impl CheckedTable {
    pub(crate) fn new(checked: Checked) -> Self {
        Self(Arc::new(checked))
    }

    pub(crate) fn checked(&self) -> &Checked {
        &self.0
    }

    /// The row's key in canonical form.
    pub fn key(&self, value: &Scalar) -> Result<CheckedValue, ValueError> {
        self.0.key.check_scope(value)
    }

    /// The tenant in canonical form. A table that was checked without a tenant column has none.
    pub fn tenant(&self, value: &Scalar) -> Result<CheckedValue, ValueError> {
        self.0.tenant.as_ref().ok_or(ValueError::NoTenant)?.check_scope(value)
    }

    /// A value of one of the columns that were checked, in canonical form.
    pub fn value(&self, column: &Identifier, value: &Scalar) -> Result<CheckedValue, ValueError> {
        let found = self.0.read.iter().chain(&self.0.patch).find(|candidate| candidate.name == *column);
        found.ok_or_else(|| ValueError::UnknownColumn(column.clone()))?.check(value)
    }

    /// Whether the version is coarser than a millisecond, or of unknown precision: then two changes may leave the same
    /// version, and the row's hash is needed too. False without a version column.
    pub fn coarse_version(&self) -> bool {
        self.0.version.as_ref().and_then(|column| column.kind.as_ref()).is_some_and(ValueKind::is_coarse_version)
    }

    /// Whether `advance: auto` works: the next version is known, or the database computes it. False without a version column.
    pub fn next_version_known(&self) -> bool {
        let known = |column: &Column| column.generated || column.kind.as_ref().is_some_and(ValueKind::has_next_version);
        self.0.version.as_ref().is_some_and(known)
    }

    /// The kind of source, as a change set names it.
    pub fn kind(&self) -> SourceKind {
        self.0.kind
    }
}

impl Checked {
    /// The column, if it is one of those that were named in the use.
    #[cfg(feature = "guarded-write")]
    pub(crate) fn named(&self, name: &Identifier) -> Option<&Column> {
        self.read.iter().chain(&self.patch).find(|column| column.name == *name)
    }

    /// Whether key and tenant were checked against this very table's columns.
    pub(crate) fn owns_scope(&self, key: &CheckedValue, tenant: Option<&CheckedValue>) -> bool {
        let tenant_fits = match (&self.tenant, tenant) {
            (Some(column), Some(value)) => column.owns(value),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        self.key.owns(key) && tenant_fits
    }
}

impl Column {
    /// Whether the value was checked for this column and type.
    pub(crate) fn owns(&self, value: &CheckedValue) -> bool {
        self.name == value.column && self.kind.as_ref() == Some(&value.kind)
    }

    pub(crate) fn check(&self, value: &Scalar) -> Result<CheckedValue, ValueError> {
        let kind = self.kind.as_ref().ok_or_else(|| ValueError::UnknownColumn(self.name.clone()))?;
        if value.is_null() && !self.nullable {
            return Err(ValueError::Null);
        }
        Ok(CheckedValue { column: self.name.clone(), kind: kind.clone(), scalar: kind.check(value)? })
    }

    fn check_scope(&self, value: &Scalar) -> Result<CheckedValue, ValueError> {
        if value.is_null() { Err(ValueError::Null) } else { self.check(value) }
    }
}
