//! Is this row still the one that was approved?
//!
//! A [`Change`] becomes a [`Target`] once, before anything is sent: every name and value of it belongs to the checked
//! table. What remains is to compare, under the row's lock: key and tenant byte for byte, then the version, then the hash.

use synapsor_protocol::change_set::row_hash;
use synapsor_protocol::{Columns, ErrorCode, Outcome, Report, Scalar};

use super::change::{Advance, Change, Guard, RowGuard};
use super::session::{Row, value};
use super::transaction::Stop;
use crate::catalog::{Checked, Column};

/// A change whose every part fits its table.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    pub(crate) change: &'a Change,
    pub(crate) table: &'a Checked,
    pub(crate) version: Option<Version<'a>>,
    row: Option<&'a RowGuard>,
}

/// The version guard.
#[derive(Debug)]
pub(crate) struct Version<'a> {
    pub(crate) column: &'a Column,
    /// In canonical form.
    pub(crate) expected: Scalar,
    pub(crate) advance: Advance,
}

impl<'a> Target<'a> {
    /// Checks the change against its table; the report says what does not fit.
    pub(crate) fn new(change: &'a Change) -> Result<Self, Box<Report>> {
        check_patch(change, change.table.checked())?;
        Self::without_patch(change)
    }

    /// The same for an effect that sets what it likes: the patch is the application's.
    pub(crate) fn without_patch(change: &'a Change) -> Result<Self, Box<Report>> {
        let table = change.table.checked();
        if !table.owns_scope(&change.key, change.tenant.as_ref()) {
            return Err(unsafe_change("key or tenant were checked against another table"));
        }
        let (version, row) = match &change.guard {
            Guard::Row(row) => (None, Some(row)),
            Guard::Version { column, expected, advance, row } => {
                let column = table.version.as_ref().filter(|found| found.name == *column);
                let column = column.ok_or_else(|| unsafe_change("the version column was not checked as one"))?;
                (Some(Version::new(column, expected, *advance)?), row.as_ref())
            }
        };
        if row.is_none() && change.table.coarse_version() {
            return Err(unsafe_change("the version is coarse, and there is no row hash beside it"));
        }
        if row.is_some_and(|row| row.columns.iter().any(|column| table.named(column).is_none())) {
            return Err(unsafe_change("the row hash covers a column that was not checked"));
        }
        Ok(Self { change, table, version, row })
    }

    /// Steps 3 to 5: the one row of this key and tenant, at this version, with this hash.
    pub(crate) fn compare(&self, rows: &[Row]) -> Result<(), Stop> {
        let row = match rows {
            [] => return Err(conflict(ErrorCode::ROW_NOT_FOUND, None)),
            [row] => row,
            _ => return Err(conflict(ErrorCode::MULTI_ROW_WRITE_BLOCKED, None)),
        };
        if !self.owns(row) {
            return Err(conflict(ErrorCode::TENANT_GUARD_MISMATCH, None));
        }
        self.compare_version(row)?;
        self.compare_hash(row)
    }

    /// Whether key and tenant of the row are the trusted ones, byte for byte.
    pub(crate) fn owns(&self, row: &Row) -> bool {
        let change = self.change;
        [Some(&change.key), change.tenant.as_ref()].into_iter().flatten().all(|held| value(row, held.column()) == Some(held.scalar()))
    }

    fn compare_version(&self, row: &Row) -> Result<(), Stop> {
        let Some(version) = &self.version else { return Ok(()) };
        // A null version never equals: the expected one is not null.
        match value(row, &version.column.name) {
            Some(found) if *found == version.expected => Ok(()),
            found => Err(conflict(ErrorCode::VERSION_CONFLICT, found.cloned())),
        }
    }

    fn compare_hash(&self, row: &Row) -> Result<(), Stop> {
        let Some(guard) = self.row else { return Ok(()) };
        let found: Option<Columns> = guard.columns.iter().map(|column| Some((column.clone(), value(row, column)?.clone()))).collect();
        let same = found.and_then(|found| row_hash(&found).ok()).is_some_and(|digest| digest == guard.digest);
        let version = self.version.as_ref().and_then(|version| value(row, &version.column.name)).cloned();
        if same { Ok(()) } else { Err(conflict(ErrorCode::ROW_CHANGED_AFTER_PROPOSAL, version)) }
    }
}

impl<'a> Version<'a> {
    fn new(column: &'a Column, expected: &Scalar, advance: Advance) -> Result<Self, Box<Report>> {
        if expected.is_null() {
            return Err(unsafe_change("the expected version is null"));
        }
        // A version of another writer may be spelled in another form; one that is none of the column's type stays as it is.
        let expected = column.check(expected).map_or_else(|_| expected.clone(), |checked| checked.scalar);
        Ok(Self { column, expected, advance })
    }
}

fn check_patch(change: &Change, table: &Checked) -> Result<(), Box<Report>> {
    if change.patch.is_empty() {
        return Err(unsafe_change("the patch is empty"));
    }
    for (at, (name, value)) in change.patch.iter().enumerate() {
        let column = table.patch.iter().find(|column| column.name == *name);
        let twice = change.patch[..at].iter().any(|(earlier, _)| earlier == name);
        if twice || !column.is_some_and(|column| column.owns(value)) {
            let report = Report::because(Outcome::Failed, ErrorCode::PATCH_COLUMN_NOT_ALLOWED);
            return Err(Box::new(report.with_detail(format_args!("column `{name}` was not checked as a patch column"))));
        }
    }
    Ok(())
}

fn unsafe_change(why: &str) -> Box<Report> {
    Box::new(Report::because(Outcome::Failed, ErrorCode::WRITEBACK_SAFETY_FAILURE).with_detail(why))
}

fn conflict(code: ErrorCode, found: Option<Scalar>) -> Stop {
    Stop::Conflict(Box::new(Report { previous_version: found, ..Report::because(Outcome::Conflict, code) }))
}
