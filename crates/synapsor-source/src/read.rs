//! Which of the rows that came back may be shown?
//!
//! The database compared key and tenant by its own rules. Here they are compared again, in canonical form and byte for
//! byte, so that a collation, a coercion or a fault of a statement never shows a row of somebody else.

use std::sync::Arc;

use synapsor_protocol::{Columns, Scalar};

use crate::catalog::{Checked, Column};
use crate::error::{SourceError, ValueError};
use crate::value::CheckedValue;

/// The row as columns; `None` if it is not the row of this key and tenant.
pub(crate) fn admit(
    name: &Arc<str>,
    table: &Checked,
    key: &CheckedValue,
    tenant: Option<&CheckedValue>,
    cells: Vec<Result<Scalar, ValueError>>,
) -> Result<Option<Columns>, SourceError> {
    let holds = |column: &Column, value: &CheckedValue| {
        let cell = table.read.iter().position(|candidate| candidate.name == column.name).and_then(|at| cells.get(at));
        cell.is_some_and(|cell| cell.as_ref() == Ok(&value.scalar))
    };
    let tenant_holds = match (&table.tenant, tenant) {
        (Some(column), Some(value)) => holds(column, value),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    if !holds(&table.key, key) || !tenant_holds {
        return Ok(None);
    }
    let named = table.read.iter().zip(cells).map(|(column, cell)| {
        let unrepresentable = |cause| SourceError::Unrepresentable { name: name.clone(), column: column.name.clone(), cause };
        cell.map(|scalar| (column.name.clone(), scalar)).map_err(unrepresentable)
    });
    named.collect::<Result<Columns, SourceError>>().map(Some)
}
