//! What does PostgreSQL say about a table?

use synapsor_protocol::Identifier;
use synapsor_protocol::change_set::SourceKind;
use tokio_postgres::{Error, Row};

use super::connect::Lease;
use super::types::{TypeFacts, TypeName};
use super::{fault, statements, types};
use crate::catalog::{Column, Relation, TableFacts, TableUse};
use crate::error::SourceError;

/// The facts; `None` if there is no such table or view.
pub(super) async fn facts(lease: &mut Lease, usage: &TableUse) -> Result<Option<TableFacts>, SourceError> {
    let name = [Some(usage.schema.to_string()), Some(usage.table.to_string())];
    let rows = lease.query(statements::COLUMNS, &name).await?;
    let indexes = lease.query(statements::UNIQUE, &name).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let read = || -> Result<TableFacts, Error> {
        let columns = rows.iter().filter_map(|row| column(row).transpose()).collect::<Result<_, Error>>()?;
        let unique = indexes.iter().filter_map(|row| unique(row).transpose()).collect::<Result<_, Error>>()?;
        Ok(TableFacts { kind: SourceKind::ExternalPostgres, relation: relation(first.try_get(0)?), columns, unique, unsafe_storage: None })
    };
    read().map(Some).map_err(|error| fault::running(lease.name(), error))
}

fn relation(kind: &str) -> Relation {
    match kind {
        "r" | "p" => Relation::Table,
        "f" => Relation::Foreign,
        _ => Relation::View,
    }
}

/// The column, unless no configuration can spell its name.
fn column(row: &Row) -> Result<Option<Column>, Error> {
    let Some(name) = Identifier::new(row.try_get(1)?) else { return Ok(None) };
    let element: Option<String> = row.try_get(14)?;
    let element = element.map(|schema| Ok(TypeName { schema, name: row.try_get(15)?, class: row.try_get(16)? }));
    let facts = TypeFacts {
        named: TypeName { schema: row.try_get(5)?, name: row.try_get(6)?, class: row.try_get(7)? },
        element: element.transpose()?,
        dimensions: row.try_get(13)?,
        modifier: row.try_get(8)?,
        labels: row.try_get(9)?,
    };
    let collation: Option<String> = row.try_get(10)?;
    Ok(Some(Column {
        name,
        kind: types::kind(&facts),
        type_name: row.try_get(4)?,
        cast: types::cast(&facts),
        nullable: !row.try_get::<_, bool>(2)?,
        generated: row.try_get(3)?,
        loose_collation: collation.or_else(|| types::is_citext(&facts.named).then(|| "of citext".to_owned())),
        readable: row.try_get(11)?,
        updatable: row.try_get(12)?,
    }))
}

/// The index's columns, unless no configuration can spell one of them.
fn unique(row: &Row) -> Result<Option<Vec<Identifier>>, Error> {
    let names: Vec<String> = row.try_get(0)?;
    Ok(names.iter().map(|name| Identifier::new(name)).collect())
}
