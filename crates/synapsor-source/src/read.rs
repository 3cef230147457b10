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

#[cfg(test)]
mod tests {
    use synapsor_protocol::change_set::SourceKind;
    use synapsor_protocol::{Identifier, Scalar};

    use crate::catalog::{CheckedTable, Column, Relation, TableFacts, TableUse, judge};
    use crate::error::ValueError;
    use crate::value::ValueKind;

    fn name(text: &str) -> Identifier {
        Identifier::new(text).unwrap()
    }

    fn table() -> CheckedTable {
        let column = |column: &str| Column {
            name: name(column),
            kind: Some(ValueKind::Text { limit: None, padded: false }),
            type_name: "text".to_owned(),
            cast: String::new(),
            nullable: false,
            generated: false,
            loose_collation: None,
            readable: true,
            updatable: true,
        };
        let columns = ["id", "tenant_id", "note"].map(column).to_vec();
        let facts = TableFacts {
            kind: SourceKind::ExternalPostgres,
            relation: Relation::Table,
            columns,
            unique: vec![vec![name("id")]],
            unsafe_storage: None,
        };
        let usage = TableUse {
            schema: name("public"),
            table: name("tickets"),
            primary_key: name("id"),
            tenant_key: Some(name("tenant_id")),
            columns: vec![name("note")],
            patch: Vec::new(),
            version: None,
            writes: false,
        };
        judge(&"desk".into(), &usage, Some(facts), |_| String::new()).table.unwrap()
    }

    /// What is shown of a row (note, id, tenant) that came back for the key `T-1` of `acme`.
    fn check(note: Result<Scalar, ValueError>, id: Result<Scalar, ValueError>, tenant: Result<Scalar, ValueError>) -> String {
        let table = table();
        let (key, held) = (table.key(&"T-1".into()).unwrap(), table.tenant(&"acme".into()).unwrap());
        match super::admit(&"desk".into(), table.checked(), &key, Some(&held), vec![note, id, tenant]) {
            Ok(None) => "not shown".to_owned(),
            Ok(Some(row)) => serde_json::to_string(&row).unwrap(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_row_that_only_the_database_takes_for_the_asked_one_is_not_shown() {
        let asked = || (Ok("T-1".into()), Ok("acme".into()));
        let (id, tenant) = asked();
        assert_eq!(check(Ok("x".into()), id, tenant), r#"{"id":"T-1","note":"x","tenant_id":"acme"}"#);
        for other in ["ACME", "acme ", "\u{e1}cme", ""] {
            assert_eq!(check(Ok("x".into()), asked().0, Ok(other.into())), "not shown");
        }
        for other in ["t-1", "T-1 ", "T\u{2010}1"] {
            assert_eq!(check(Ok("x".into()), Ok(other.into()), asked().1), "not shown");
        }
        assert_eq!(check(Ok("x".into()), Err(ValueError::OtherStorage), asked().1), "not shown");
        assert_eq!(check(Ok("x".into()), asked().0, Ok(Scalar::Null)), "not shown");
    }

    #[test]
    fn what_a_foreign_row_cannot_show_is_not_told_either() {
        // The note of another tenant's row is unreadable: the row is simply not there.
        let unreadable = || Err(ValueError::NotFinite);
        assert_eq!(check(unreadable(), Ok("T-1".into()), Ok("globex".into())), "not shown");
        let own = check(unreadable(), Ok("T-1".into()), Ok("acme".into()));
        assert_eq!(own, "column `note` of source `desk` holds a value that cannot be represented");
    }
}
