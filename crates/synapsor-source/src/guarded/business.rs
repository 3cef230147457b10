//! Which tables may an application's effect touch, and how is a statement on one of them said?
//!
//! # Invariants
//! - A statement names only columns that the catalog has confirmed, and every value of it was parsed into its column's type.
//! - A table with a tenant column is only ever touched within the tenant: the column is set by us, and stands in every filter.
//!
//! The SQL is made in the `statements` of each engine, from a [`Statement`].

use std::sync::Arc;

use synapsor_protocol::{Columns, Identifier, Scalar};

use super::tx::TxError;
use crate::catalog::{CatalogFinding, Column, Relation, Severity, TableFacts};
use crate::error::ValueError;
use crate::value::CheckedValue;

/// The most rows that a query of an effect returns.
pub(crate) const MOST_ROWS: u32 = 1000;

/// A table that effects may touch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableRule {
    /// The schema; `None` is `public` on PostgreSQL, `main` on SQLite and the database of the URL on MySQL.
    pub schema: Option<Identifier>,
    /// The table.
    pub table: Identifier,
    /// The column that says whose row it is; `None` for a table that all tenants share.
    pub tenant: Option<Identifier>,
}

/// What the catalog says about a [`TableRule`].
#[derive(Debug, Clone)]
pub struct TableOpening {
    /// The proof; `Some` if and only if nothing was found.
    pub table: Option<OpenTable>,
    /// Everything that stands in the way.
    pub findings: Vec<CatalogFinding>,
}

/// A table that effects may touch, as the catalog describes it. Cheap to clone.
#[derive(Debug, Clone)]
pub struct OpenTable(Arc<Opened>);

#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) source: Arc<str>,
    pub(crate) schema: Identifier,
    pub(crate) table: Identifier,
    pub(crate) tenant: Option<Column>,
    columns: Vec<Column>,
}

impl OpenTable {
    pub(crate) fn opened(&self) -> &Opened {
        &self.0
    }

    /// The schema.
    pub fn schema(&self) -> &Identifier {
        &self.0.schema
    }

    /// The table.
    pub fn table(&self) -> &Identifier {
        &self.0.table
    }

    /// Whether it has a column of this name.
    pub fn has(&self, column: &Identifier) -> bool {
        self.0.columns.iter().any(|found| found.name == *column)
    }

    /// The column that says whose row it is.
    pub fn tenant(&self) -> Option<&Identifier> {
        self.0.tenant.as_ref().map(|column| &column.name)
    }

    /// The names of its columns.
    pub fn columns(&self) -> impl Iterator<Item = &Identifier> {
        self.0.columns.iter().map(|column| &column.name)
    }

    /// What the catalog says about a column; `None` if there is no such column.
    pub fn facts(&self, column: &Identifier) -> Option<ColumnFacts> {
        let column = self.0.columns.iter().find(|found| found.name == *column)?;
        Some(ColumnFacts {
            type_name: column.type_name.clone(),
            carried: column.kind.is_some(),
            exact_number: column.kind.as_ref().is_some_and(crate::value::ValueKind::is_exact_number),
            generated: column.generated,
            readable: column.readable,
            updatable: column.updatable,
        })
    }

    /// The value in the column's canonical form: what a row that holds it reads as.
    pub fn check(&self, column: &Identifier, value: &Scalar) -> Result<Scalar, ValueError> {
        let found = self.0.columns.iter().find(|found| found.name == *column);
        found.ok_or_else(|| ValueError::UnknownColumn(column.clone()))?.check(value).map(|checked| checked.scalar)
    }
}

/// What the catalog says about one column of an [`OpenTable`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnFacts {
    /// The type as the database's users call it.
    pub type_name: String,
    /// Its values can be read and bound without loss.
    pub carried: bool,
    /// It holds integers or decimals exactly.
    pub exact_number: bool,
    /// The database computes it.
    pub generated: bool,
    /// The account may read it.
    pub readable: bool,
    /// The account may update it.
    pub updatable: bool,
}

/// Judges what the catalog holds; `None` if it has no such table.
pub(super) fn open(source: &Arc<str>, rule: &TableRule, schema: Identifier, facts: Option<TableFacts>) -> TableOpening {
    let found = |code, column: Option<&Identifier>, message: String| CatalogFinding {
        severity: Severity::Error,
        code,
        column: column.cloned(),
        message,
    };
    let place = format!("{schema}.{}", rule.table);
    let Some(facts) = facts else {
        let message = format!("there is no table `{place}` that the account can see");
        return TableOpening { table: None, findings: vec![found("UNKNOWN_TABLE", None, message)] };
    };
    let mut findings = Vec::new();
    if facts.relation != Relation::Table {
        findings.push(found("NOT_A_TABLE", None, format!("`{place}` is no table")));
    }
    if let Some(storage) = &facts.unsafe_storage {
        let message = format!("`{place}` is stored by {storage}, which does not take a failed transaction back");
        findings.push(found("STORAGE_NOT_TRANSACTIONAL", None, message));
    }
    let tenant = rule.tenant.as_ref().and_then(|name| {
        let column = facts.columns.iter().find(|column| column.name == *name);
        let problem = match column {
            None => Some(("UNKNOWN_COLUMN", "does not exist")),
            Some(column) if !column.kind.as_ref().is_some_and(crate::value::ValueKind::is_key) => {
                Some(("UNSUPPORTED_KEY_TYPE", "must be an integer, a uuid, a text or bytes"))
            }
            Some(column) if column.loose_collation.is_some() => Some(("UNSAFE_KEY_COLLATION", "takes different texts for equal")),
            Some(_) => None,
        };
        let told = problem.map(|(code, what)| found(code, Some(name), format!("the tenant column `{name}` of `{place}` {what}")));
        findings.extend(told);
        column.cloned()
    });
    let opened = Opened { source: source.clone(), schema, table: rule.table.clone(), tenant, columns: facts.columns };
    let table = findings.is_empty().then(|| OpenTable(Arc::new(opened)));
    TableOpening { table, findings }
}

/// What a statement does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    Insert,
    Update,
    Delete,
    Select,
}

/// One statement on one table.
#[derive(Debug, Clone)]
pub(crate) struct Statement {
    pub(crate) table: OpenTable,
    pub(crate) verb: Verb,
    /// What an insert or an update sets.
    pub(crate) set: Vec<Term>,
    /// What the rows have.
    pub(crate) filter: Vec<Term>,
    /// The columns to return.
    pub(crate) shown: Vec<Column>,
}

/// A column and a value of it.
#[derive(Debug, Clone)]
pub(crate) struct Term {
    pub(crate) column: Column,
    pub(crate) value: CheckedValue,
}

/// What a statement did.
#[derive(Debug, Default)]
pub(crate) struct Answered {
    /// Rows that it touched, or found.
    pub(crate) touched: u64,
    /// The shown columns of each.
    pub(crate) rows: Vec<Vec<Result<Scalar, ValueError>>>,
}

impl Statement {
    /// A new row, in the tenant.
    pub(super) fn insert(table: &OpenTable, tenant: Option<&Scalar>, values: &[(&str, Scalar)]) -> Result<Self, TxError> {
        let mut set = table.terms(values)?;
        set.extend(table.scope(tenant)?);
        Ok(Self { table: table.clone(), verb: Verb::Insert, set, filter: Vec::new(), shown: Vec::new() })
    }

    /// Sets columns of the tenant's rows that have these values.
    pub(super) fn update(
        table: &OpenTable,
        tenant: Option<&Scalar>,
        set: &[(&str, Scalar)],
        filter: &[(&str, Scalar)],
        shown: &[&str],
    ) -> Result<Self, TxError> {
        let set = table.terms(set)?;
        if set.is_empty() {
            return Err(TxError::NothingSet { table: table.table().clone() });
        }
        let mut statement = Self::filtered(table, Verb::Update, tenant, filter)?;
        statement.set = set;
        statement.show(shown)?;
        Ok(statement)
    }

    /// Deletes the tenant's rows that have these values.
    pub(super) fn delete(table: &OpenTable, tenant: Option<&Scalar>, filter: &[(&str, Scalar)]) -> Result<Self, TxError> {
        Self::filtered(table, Verb::Delete, tenant, filter)
    }

    /// Reads the tenant's rows that have these values.
    pub(super) fn select(table: &OpenTable, tenant: Option<&Scalar>, filter: &[(&str, Scalar)], shown: &[&str]) -> Result<Self, TxError> {
        let scope = table.scope(tenant)?;
        let mut filter = table.terms(filter)?;
        filter.extend(scope);
        let mut statement = Self { table: table.clone(), verb: Verb::Select, set: Vec::new(), filter, shown: Vec::new() };
        statement.show(shown)?;
        if statement.shown.is_empty() {
            return Err(TxError::NothingShown { table: table.table().clone() });
        }
        Ok(statement)
    }

    /// Reads what an update left: its rows have what it set, and of the rest what it looked for.
    #[cfg(feature = "mysql")]
    pub(crate) fn afterwards(&self) -> Self {
        let kept = self.filter.iter().filter(|term| !self.set.iter().any(|set| set.column.name == term.column.name));
        Self { verb: Verb::Select, set: Vec::new(), filter: self.set.iter().chain(kept).cloned().collect(), ..self.clone() }
    }

    fn filtered(table: &OpenTable, verb: Verb, tenant: Option<&Scalar>, filter: &[(&str, Scalar)]) -> Result<Self, TxError> {
        if filter.is_empty() {
            return Err(TxError::NoFilter { table: table.table().clone() });
        }
        let mut filter = table.terms(filter)?;
        filter.extend(table.scope(tenant)?);
        Ok(Self { table: table.clone(), verb, set: Vec::new(), filter, shown: Vec::new() })
    }

    /// The tenant is shown besides, to be compared again.
    fn show(&mut self, columns: &[&str]) -> Result<(), TxError> {
        for name in columns {
            self.shown.push(self.table.column(name)?.clone());
        }
        if let Some(tenant) = self.table.opened().tenant.as_ref().filter(|_| !columns.is_empty()) {
            self.shown.push(tenant.clone());
        }
        Ok(())
    }

    /// The rows as their reader sees them: the tenant's alone, byte for byte.
    pub(super) fn admit(&self, answer: Answered) -> Result<Vec<Columns>, TxError> {
        if answer.rows.len() > MOST_ROWS as usize {
            return Err(TxError::TooManyRows { table: self.table.table().clone(), limit: MOST_ROWS });
        }
        let tenant = self.table.opened().tenant.as_ref();
        let expected = tenant.and_then(|column| self.filter.iter().rev().find(|term| term.column.name == column.name));
        let shown = self.shown.len() - usize::from(tenant.is_some());
        let own = |row: &Vec<Result<Scalar, ValueError>>| match expected {
            Some(term) => row.last().is_some_and(|found| found.as_ref() == Ok(&term.value.scalar)),
            None => true,
        };
        let named = answer.rows.into_iter().filter(own).map(|row| {
            let columns = self.shown.iter().zip(row).take(shown).map(|(column, value)| {
                let value = value.map_err(|cause| TxError::Value { column: column.name.clone(), cause })?;
                Ok((column.name.clone(), value))
            });
            columns.collect::<Result<Columns, TxError>>()
        });
        named.collect()
    }
}

impl OpenTable {
    fn column(&self, name: &str) -> Result<&Column, TxError> {
        let found = self.0.columns.iter().find(|column| column.name.as_str() == name);
        found.ok_or_else(|| TxError::UnknownColumn { table: self.0.table.clone(), column: shortened(name) })
    }

    /// Columns and values of the author: never the tenant.
    fn terms(&self, values: &[(&str, Scalar)]) -> Result<Vec<Term>, TxError> {
        let mut terms: Vec<Term> = Vec::with_capacity(values.len() + 1);
        for (name, value) in values {
            let column = self.column(name)?.clone();
            if self.tenant() == Some(&column.name) {
                return Err(TxError::TenantIsSet { table: self.0.table.clone(), column: column.name });
            }
            if terms.iter().any(|term| term.column.name == column.name) {
                return Err(TxError::ColumnTwice { table: self.0.table.clone(), column: column.name });
            }
            terms.push(Term::new(column, value)?);
        }
        Ok(terms)
    }

    /// The tenant, if rows of this table have one.
    fn scope(&self, tenant: Option<&Scalar>) -> Result<Option<Term>, TxError> {
        let Some(column) = self.0.tenant.clone() else { return Ok(None) };
        let missing = || TxError::Value { column: column.name.clone(), cause: ValueError::NoTenant };
        let tenant = tenant.filter(|value| !value.is_null()).ok_or_else(missing)?;
        Term::new(column, tenant).map(Some)
    }
}

impl Term {
    fn new(column: Column, value: &Scalar) -> Result<Self, TxError> {
        let value = column.check(value).map_err(|cause| TxError::Value { column: column.name.clone(), cause })?;
        Ok(Self { column, value })
    }
}

/// A name that is none, cut to what a log should hold.
pub(super) fn shortened(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(128).collect()
}
