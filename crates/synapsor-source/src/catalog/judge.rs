//! May the table be used so?
//!
//! Pure: facts and a use give findings and, if none is an error, the proof. Each rule is one function.

use std::sync::Arc;

use synapsor_protocol::Identifier;

use super::{CatalogFinding, Checked, CheckedTable, Column, Relation, Severity, TableCheck, TableFacts, TableUse};
use crate::value::ValueKind;

/// Judges what the catalog holds; `None` if it has no such table. `read_sql` builds the engine's read statement.
pub(crate) fn judge(
    source: &Arc<str>,
    usage: &TableUse,
    facts: Option<TableFacts>,
    read_sql: impl FnOnce(&Checked) -> String,
) -> TableCheck {
    let Some(facts) = facts else {
        return TableCheck { table: None, findings: vec![unknown_table(usage)] };
    };
    let mut findings = Vec::new();
    let mut seen = Seen { facts: &facts, findings: &mut findings };
    let key = seen.scope("the key", &usage.primary_key);
    let tenant = usage.tenant_key.as_ref().map(|name| seen.scope("the tenant", name));
    let version = usage.version.as_ref().map(|name| seen.version(usage, name));
    let read = seen.read_columns(usage);
    let patch = seen.patch_columns(usage);
    seen.uniqueness(usage);
    seen.relation(usage);
    seen.storage(usage);
    let failed = findings.iter().any(|finding| finding.severity == Severity::Error);
    // Without an error finding everything that was asked for was found.
    let table = key.filter(|_| !failed).map(|key| {
        let mut checked = Checked {
            source: source.clone(),
            kind: facts.kind,
            schema: usage.schema.clone(),
            table: usage.table.clone(),
            key,
            tenant: tenant.flatten(),
            version: version.flatten(),
            read,
            patch,
            #[cfg(feature = "guarded-write")]
            all: facts.columns,
            read_sql: Arc::from(""),
        };
        checked.read_sql = read_sql(&checked).into();
        CheckedTable::new(checked)
    });
    TableCheck { table, findings }
}

fn unknown_table(usage: &TableUse) -> CatalogFinding {
    CatalogFinding {
        severity: Severity::Error,
        code: "UNKNOWN_TABLE",
        column: None,
        message: format!("there is no table or view `{}.{}` that the account can see", usage.schema, usage.table),
    }
}

struct Seen<'a> {
    facts: &'a TableFacts,
    findings: &'a mut Vec<CatalogFinding>,
}

impl Seen<'_> {
    fn find(&mut self, severity: Severity, code: &'static str, column: Option<&Identifier>, message: String) {
        let finding = CatalogFinding { severity, code, column: column.cloned(), message };
        if !self.findings.contains(&finding) {
            self.findings.push(finding);
        }
    }

    fn error(&mut self, code: &'static str, column: &Identifier, message: String) {
        self.find(Severity::Error, code, Some(column), message);
    }

    /// The column, if it exists with a type that we carry.
    fn column(&mut self, name: &Identifier) -> Option<(Column, ValueKind)> {
        let Some(column) = self.facts.columns.iter().find(|column| column.name == *name) else {
            self.error("UNKNOWN_COLUMN", name, format!("there is no column `{name}`"));
            return None;
        };
        let Some(kind) = column.kind.clone() else {
            let message = format!("column `{name}` has the type {}, which is not supported", column.type_name);
            self.error("UNSUPPORTED_COLUMN_TYPE", name, message);
            return None;
        };
        Some((column.clone(), kind))
    }

    fn readable(&mut self, name: &Identifier) -> Option<(Column, ValueKind)> {
        let found = self.column(name)?;
        if !found.0.readable {
            self.error("PRIVILEGE_MISSING", name, format!("the account may not read column `{name}`"));
        }
        Some(found)
    }

    fn scope(&mut self, role: &str, name: &Identifier) -> Option<Column> {
        let (column, kind) = self.readable(name)?;
        if !kind.is_key() {
            let message = format!(
                "{role} `{name}` has the type {}; it must be an integer, a decimal of fixed scale, a uuid, a text or bytes",
                column.type_name
            );
            self.error("UNSUPPORTED_KEY_TYPE", name, message);
        }
        if let Some(collation) = &column.loose_collation {
            let message = format!("{role} `{name}` has the collation {collation}, which takes different texts for equal");
            self.error("UNSAFE_KEY_COLLATION", name, message);
        }
        Some(column)
    }

    fn version(&mut self, usage: &TableUse, name: &Identifier) -> Option<Column> {
        let (column, kind) = self.readable(name)?;
        let type_name = &column.type_name;
        if !kind.is_version() {
            let message = format!("the version `{name}` has the type {type_name}, which has no exact order of changes");
            self.error("UNSUPPORTED_VERSION_TYPE", name, message);
        } else if kind.is_coarse_version() {
            let message = format!(
                "the version `{name}` of type {type_name} is coarser than a millisecond or of unknown precision; \
                 the row's hash is verified too"
            );
            self.find(Severity::Warning, "COARSE_VERSION_GUARD", Some(name), message);
        }
        if kind.is_version() && !column.generated && !kind.has_next_version() {
            let message = format!(
                "`advance: auto` does not know what follows a version of type {type_name}; \
                 set `advance: database` if the database moves `{name}`"
            );
            self.find(Severity::Notice, "VERSION_NOT_ADVANCEABLE", Some(name), message);
        }
        if column.nullable {
            let message = format!("the version `{name}` may be null; a row where it is null is refused");
            self.find(Severity::Warning, "NULLABLE_VERSION", Some(name), message);
        }
        if usage.writes && !column.updatable && !column.generated {
            let message = format!("the account may not update the version `{name}`; `advance: auto` needs that");
            self.find(Severity::Notice, "VERSION_NOT_UPDATABLE", Some(name), message);
        }
        Some(column)
    }

    fn read_columns(&mut self, usage: &TableUse) -> Vec<Column> {
        let scope = [Some(&usage.primary_key), usage.tenant_key.as_ref(), usage.version.as_ref()];
        let mut columns: Vec<Column> = Vec::new();
        for name in usage.columns.iter().chain(scope.into_iter().flatten()) {
            let known = columns.iter().any(|column| column.name == *name);
            columns.extend(self.readable(name).map(|(column, _)| column).filter(|_| !known));
        }
        columns
    }

    fn patch_columns(&mut self, usage: &TableUse) -> Vec<Column> {
        let scope = [Some(&usage.primary_key), usage.tenant_key.as_ref(), usage.version.as_ref()];
        let mut columns = Vec::new();
        for name in &usage.patch {
            let Some((column, _)) = self.column(name) else { continue };
            if scope.contains(&Some(name)) {
                self.error("PATCH_COLUMN_IS_KEY", name, format!("`{name}` is key, tenant or version and cannot be proposed"));
            }
            if column.generated {
                self.error("PATCH_COLUMN_GENERATED", name, format!("the database computes column `{name}`"));
            }
            if usage.writes && !(column.updatable && column.readable) {
                self.error("PRIVILEGE_MISSING", name, format!("the account may not read and update column `{name}`"));
            }
            columns.push(column);
        }
        columns
    }

    fn uniqueness(&mut self, usage: &TableUse) {
        let allowed = |name: &Identifier| *name == usage.primary_key || usage.tenant_key.as_ref() == Some(name);
        let backed = self.facts.unique.iter().any(|index| index.contains(&usage.primary_key) && index.iter().all(allowed));
        if backed {
            return;
        }
        let proposes = usage.writes || !usage.patch.is_empty();
        let severity = if proposes { Severity::Error } else { Severity::Warning };
        let message = format!("no unique index says that the key `{}`, alone or with the tenant, names one row", usage.primary_key);
        self.find(severity, "KEY_NOT_UNIQUE", Some(&usage.primary_key), message);
    }

    fn relation(&mut self, usage: &TableUse) {
        let found = match self.facts.relation {
            Relation::Table => return,
            Relation::View => "a view",
            Relation::Foreign => "a foreign table",
        };
        if usage.writes {
            let message = format!("`{}.{}` is {found}; only a table can be written to directly", usage.schema, usage.table);
            self.find(Severity::Error, "NOT_A_TABLE", None, message);
        }
    }

    fn storage(&mut self, usage: &TableUse) {
        let Some(engine) = self.facts.unsafe_storage.as_ref().filter(|_| usage.writes) else { return };
        let message = format!(
            "`{}.{}` is stored by {engine}, which does not take a failed transaction back; only InnoDB can be written to directly",
            usage.schema, usage.table
        );
        self.find(Severity::Error, "STORAGE_NOT_TRANSACTIONAL", None, message);
    }
}
