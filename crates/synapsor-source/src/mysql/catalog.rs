//! What does MySQL say about a table?

use mysql_async::{Row, Value};
use synapsor_protocol::Identifier;
use synapsor_protocol::change_set::SourceKind;

use super::lease::Lease;
use super::types::TypeFacts;
use super::{statements, types};
use crate::catalog::{Column, Relation, TableFacts, TableUse};
use crate::error::SourceError;

/// The storage engine of both databases that keeps transactions, in every build of them.
const TRANSACTIONAL: &str = "InnoDB";

/// The facts; `None` if there is no such table or view.
pub(super) async fn facts(lease: &mut Lease, usage: &TableUse) -> Result<Option<TableFacts>, SourceError> {
    let name = Name { schema: usage.schema.as_str(), table: usage.table.as_str() };
    let rows = columns(lease, name).await?;
    let Some((_, first)) = rows.first() else { return Ok(None) };
    // A view tells nothing of what is below it, and is not written to.
    let (relation, unsafe_storage) = (relation(&first.kind), first.engine.clone().filter(|_| !first.is_transactional()));
    let checks = checks(lease, name).await?;
    let unique = unique(lease, name).await?;
    let columns = rows.into_iter().map(|(column, mut facts)| {
        facts.facts.json = checks.contains(&statements::json_check(column.as_str()));
        facts.column(column)
    });
    Ok(Some(TableFacts { kind: SourceKind::ExternalMysql, relation, columns: columns.collect(), unique, unsafe_storage }))
}

/// A table by the names that a configuration gives it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Name<'a> {
    pub(super) schema: &'a str,
    pub(super) table: &'a str,
}

impl Name<'_> {
    fn parameters(self, times: usize) -> Vec<Value> {
        [self.schema, self.table].repeat(times).into_iter().map(Value::from).collect()
    }

    /// Whether the catalog, which may forgive case, found this very table.
    fn is(self, schema: &str, table: &str, folds: bool) -> bool {
        let same = |name: &str, found: &str| name == found || (folds && name.eq_ignore_ascii_case(found));
        same(self.schema, schema) && same(self.table, table)
    }
}

/// A column as the catalog has it.
#[derive(Debug)]
pub(super) struct Found {
    kind: String,
    engine: Option<String>,
    facts: TypeFacts,
    nullable: bool,
    character_set: Option<String>,
    collation: Option<String>,
    generated: bool,
    privileges: String,
}

/// The columns of a table in their order, but for those that no configuration can spell.
pub(super) async fn columns(lease: &mut Lease, name: Name<'_>) -> Result<Vec<(Identifier, Found)>, SourceError> {
    let rows = lease.query(statements::COLUMNS, name.parameters(2)).await?;
    let folds = lease.server().is_some_and(|server| server.folds_names);
    let mut columns = Vec::new();
    for row in rows {
        let row = texts(row);
        let text = |at: usize| row.get(at).cloned().flatten();
        let word = |at: usize| text(at).unwrap_or_default();
        let number = |at: usize| word(at).parse::<u64>().ok().map(|number| u32::try_from(number).unwrap_or(u32::MAX));
        let Some(column) = Identifier::new(&word(4)).filter(|_| name.is(&word(0), &word(1), folds)) else { continue };
        let facts = TypeFacts {
            name: word(5).to_ascii_lowercase(),
            declared: word(6),
            length: number(8),
            precision: number(9),
            scale: number(10),
            digits: number(11),
            json: false,
        };
        let found = Found {
            kind: word(2),
            engine: text(3),
            facts,
            nullable: word(7) == "YES",
            character_set: text(12),
            collation: text(13),
            // What is computed has an expression; a default that is computed has none here.
            generated: text(14).is_some_and(|expression| !expression.is_empty()),
            privileges: word(15),
        };
        columns.push((column, found));
    }
    Ok(columns)
}

impl Found {
    /// Whether the table takes back what a transaction did not commit.
    pub(super) fn is_transactional(&self) -> bool {
        self.engine.as_ref().is_some_and(|engine| engine.eq_ignore_ascii_case(TRANSACTIONAL))
    }

    /// Whether texts that differ are different.
    #[cfg(feature = "guarded-write")]
    pub(super) fn is_exact(&self) -> bool {
        self.collation.as_ref().is_none_or(|collation| collation.ends_with("_bin") || collation == "binary")
    }

    fn column(self, name: Identifier) -> Column {
        let may = |privilege: &str| self.privileges.split(',').any(|held| held.trim() == privilege);
        Column {
            name,
            kind: types::kind(&self.facts),
            cast: self.cast(),
            nullable: self.nullable,
            generated: self.generated,
            // Whatever it forgives, texts are compared as bytes besides.
            loose_collation: None,
            readable: may("select"),
            updatable: may("update"),
            type_name: self.facts.declared,
        }
    }

    /// How a text is compared with the column; names of another form than MySQL gives them are none.
    fn cast(&self) -> String {
        let plain = |name: &&String| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        let (set, collation) = (self.character_set.as_ref().filter(plain), self.collation.as_ref().filter(plain));
        set.zip(collation).map_or_else(|| "?".to_owned(), |(set, collation)| statements::as_column(set, collation))
    }
}

fn relation(kind: &str) -> Relation {
    match kind {
        "BASE TABLE" | "SYSTEM VERSIONED" => Relation::Table,
        "VIEW" | "SYSTEM VIEW" => Relation::View,
        _ => Relation::Foreign,
    }
}

/// The table's check constraints, where texts may be json by one of them.
async fn checks(lease: &mut Lease, name: Name<'_>) -> Result<Vec<String>, SourceError> {
    if !lease.server().is_some_and(|server| server.mariadb) {
        return Ok(Vec::new());
    }
    let rows = lease.query(statements::CHECKS, name.parameters(1)).await?;
    Ok(rows.into_iter().filter_map(|row| texts(row).pop().flatten()).collect())
}

/// The columns of each unique index over whole columns. An index over a part of a text, or over an expression, says nothing
/// of the column.
pub(super) async fn unique(lease: &mut Lease, name: Name<'_>) -> Result<Vec<Vec<Identifier>>, SourceError> {
    let rows = lease.query(statements::UNIQUE, name.parameters(1)).await?;
    let folds = lease.server().is_some_and(|server| server.folds_names);
    let mut indexes: Vec<(String, Option<Vec<Identifier>>)> = Vec::new();
    for row in rows {
        let [Some(schema), Some(table), Some(index), column, part] = <[_; 5]>::try_from(texts(row)).unwrap_or_default() else { continue };
        if !name.is(&schema, &table, folds) {
            continue;
        }
        if indexes.last().is_none_or(|(last, _)| *last != index) {
            indexes.push((index, Some(Vec::new())));
        }
        let column = column.filter(|_| part.is_none()).and_then(|column| Identifier::new(&column));
        if let Some((_, columns)) = indexes.last_mut() {
            *columns = columns.take().zip(column).map(|(mut columns, column)| {
                columns.push(column);
                columns
            });
        }
    }
    Ok(indexes.into_iter().filter_map(|(_, columns)| columns).collect())
}

/// The values of a row of the catalog, whose numbers are of several types.
fn texts(row: Row) -> Vec<Option<String>> {
    let text = |value| match value {
        Value::NULL => None,
        Value::Bytes(bytes) => String::from_utf8(bytes).ok(),
        other => Some(other.as_sql(true)),
    };
    row.unwrap().into_iter().map(text).collect()
}
