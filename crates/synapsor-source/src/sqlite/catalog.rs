//! What does SQLite say about a table?

use rusqlite::Connection;
use synapsor_protocol::Identifier;
use synapsor_protocol::change_set::SourceKind;

use super::fault::Fault;
use super::{statements, types};
use crate::catalog::{Column, Relation, TableFacts, TableUse};

/// The facts; `None` if there is no such table or view.
pub(super) fn facts(connection: &mut Connection, usage: &TableUse) -> Result<Option<TableFacts>, Fault> {
    let Some(relation) = relation(connection, usage)? else { return Ok(None) };
    let declared = declared(connection, usage)?;
    let mut unique = unique(connection, usage)?;
    // The primary key of a table with rowids may have no index of its own.
    let primary: Vec<Identifier> = declared.iter().filter(|found| found.in_key).filter_map(Declared::identifier).collect();
    if !primary.is_empty() {
        unique.push(primary);
    }
    let columns = declared.iter().filter_map(|found| column(connection, usage, relation, found)).collect();
    Ok(Some(TableFacts { kind: SourceKind::ExternalSqlite, relation, columns, unique, unsafe_storage: None }))
}

struct Declared {
    name: String,
    type_name: String,
    not_null: bool,
    in_key: bool,
    hidden: i64,
}

impl Declared {
    fn identifier(&self) -> Option<Identifier> {
        Identifier::new(&self.name)
    }
}

fn relation(connection: &Connection, usage: &TableUse) -> Result<Option<Relation>, Fault> {
    if usage.schema.as_str() != "main" {
        return Ok(None);
    }
    let mut statement = connection.prepare_cached(statements::RELATION).map_err(Fault::query)?;
    let mut rows = statement.query([usage.table.as_str()]).map_err(Fault::query)?;
    let Some(row) = rows.next().map_err(Fault::query)? else { return Ok(None) };
    let found: String = row.get(0).map_err(Fault::query)?;
    Ok(Some(match found.as_str() {
        "table" => Relation::Table,
        "view" => Relation::View,
        _ => Relation::Foreign,
    }))
}

fn declared(connection: &Connection, usage: &TableUse) -> Result<Vec<Declared>, Fault> {
    let mut statement = connection.prepare_cached(statements::COLUMNS).map_err(Fault::query)?;
    let rows = statement.query_map([usage.table.as_str()], |row| {
        Ok(Declared {
            name: row.get(0)?,
            type_name: row.get(1)?,
            not_null: row.get(2)?,
            in_key: row.get::<_, i64>(3)? > 0,
            hidden: row.get(4)?,
        })
    });
    rows.and_then(Iterator::collect).map_err(Fault::query)
}

fn unique(connection: &Connection, usage: &TableUse) -> Result<Vec<Vec<Identifier>>, Fault> {
    let mut statement = connection.prepare_cached(statements::UNIQUE).map_err(Fault::query)?;
    let rows = statement.query_map([usage.table.as_str()], |row| Ok((row.get(0)?, row.get(1)?)));
    let rows: Vec<(i64, Option<String>)> = rows.and_then(Iterator::collect).map_err(Fault::query)?;
    let mut indexes: Vec<(i64, Option<Vec<Identifier>>)> = Vec::new();
    for (index, name) in rows {
        if indexes.last().is_none_or(|(last, _)| *last != index) {
            indexes.push((index, Some(Vec::new())));
        }
        let name = name.as_deref().and_then(Identifier::new);
        if let Some((_, columns)) = indexes.last_mut() {
            // An expression, or a name that no configuration can spell, spoils the index.
            *columns = columns.take().zip(name).map(|(columns, name)| columns.into_iter().chain([name]).collect());
        }
    }
    Ok(indexes.into_iter().filter_map(|(_, columns)| columns).collect())
}

fn column(connection: &Connection, usage: &TableUse, relation: Relation, found: &Declared) -> Option<Column> {
    let name = found.identifier()?;
    // A view's columns have no collation of their own; predicates name theirs.
    let metadata =
        (relation == Relation::Table).then(|| connection.column_metadata(Some("main"), usage.table.as_str(), name.as_str()).ok()).flatten();
    let collation = metadata.and_then(|(_, collation, ..)| collation).and_then(|name| name.to_str().ok());
    let loose = collation.filter(|name| !name.eq_ignore_ascii_case("BINARY")).map(str::to_owned);
    let rowid = found.in_key && found.type_name.eq_ignore_ascii_case("INTEGER");
    Some(Column {
        kind: types::kind(&found.type_name),
        type_name: if found.type_name.is_empty() { "(none)".to_owned() } else { found.type_name.clone() },
        cast: String::new(),
        nullable: !found.not_null && !rowid,
        generated: found.hidden > 0,
        loose_collation: loose,
        readable: true,
        updatable: true,
        name,
    })
}
