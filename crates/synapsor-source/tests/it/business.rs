//! How does a test describe a change, on whichever engine?
//!
//! One sample business on each engine, one way to propose and apply, and one line of text for what came of it.

use std::path::PathBuf;
use std::time::Duration;

use synapsor_protocol::change_set::row_hash;
use synapsor_protocol::id::{JobId, ProposalId};
use synapsor_protocol::{Columns, Digest, Identifier, OperationId, Report, Scalar, Secret};
use synapsor_source::guarded::{Advance, Change, Claim, Fence, Guard, Rehearsal, RowGuard};
use synapsor_source::{CheckedTable, Location, ReceiptTable, Source, SourceError, SourceSettings, TableCheck, TableUse, WriteSource};
use synapsor_testkit::{Folder, Mysql, Postgres, sqlite};

/// Runs each behaviour once per engine.
macro_rules! on_each_engine {
    ($($(#[$attribute:meta])* $behaviour:ident)*) => {
        mod sqlite {
            $($(#[$attribute])* #[tokio::test(flavor = "multi_thread")] async fn $behaviour() {
                super::$behaviour(&crate::business::Business::sqlite()).await;
            })*
        }
        mod postgres {
            $($(#[$attribute])* #[tokio::test(flavor = "multi_thread")] async fn $behaviour() {
                let Some(business) = crate::business::Business::postgres() else { return };
                super::$behaviour(&business).await;
            })*
        }
        mod mysql {
            $($(#[$attribute])* #[tokio::test(flavor = "multi_thread")] async fn $behaviour() {
                let Some(business) = crate::business::Business::mysql() else { return };
                super::$behaviour(&business).await;
            })*
        }
    };
}
pub(crate) use on_each_engine;

/// A business on PostgreSQL, unless the run leaves servers out.
macro_rules! business {
    () => {
        match Business::postgres() {
            Some(business) => business,
            None => return,
        }
    };
}
pub(crate) use business;

/// A snapshot that holds on every engine.
macro_rules! assert_snapshot {
    ($value:expr, @$expected:literal) => {
        let value = $value;
        insta::allow_duplicates! { insta::assert_snapshot!(value, @$expected) }
    };
}
pub(crate) use assert_snapshot;

/// A database with the sample business.
pub(crate) struct Business {
    kind: Kind,
}

enum Kind {
    Sqlite { folder: Folder, path: PathBuf },
    Postgres(Postgres),
    Mysql(Mysql),
}

impl Business {
    pub(crate) fn sqlite() -> Self {
        let folder = Folder::new();
        let path = sqlite::support_desk(&folder);
        Self { kind: Kind::Sqlite { folder, path } }
    }

    pub(crate) fn postgres() -> Option<Self> {
        let database = Postgres::shared()?;
        database.execute(sqlite::SUPPORT_DESK);
        Some(Self { kind: Kind::Postgres(database) })
    }

    pub(crate) fn mysql() -> Option<Self> {
        let database = Mysql::shared()?;
        database.execute("set session sql_mode = concat(@@sql_mode, ',PIPES_AS_CONCAT')");
        database.execute(&as_mysql(sqlite::SUPPORT_DESK));
        Some(Self { kind: Kind::Mysql(database) })
    }

    pub(crate) fn is_mysql(&self) -> bool {
        matches!(self.kind, Kind::Mysql(_))
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        matches!(self.kind, Kind::Sqlite { .. })
    }

    pub(crate) fn path(&self) -> PathBuf {
        match &self.kind {
            Kind::Sqlite { path, .. } => path.clone(),
            Kind::Postgres(_) | Kind::Mysql(_) => panic!("only SQLite has a path"),
        }
    }

    pub(crate) fn folder(&self) -> &Folder {
        match &self.kind {
            Kind::Sqlite { folder, .. } => folder,
            Kind::Postgres(_) | Kind::Mysql(_) => panic!("only SQLite has a folder"),
        }
    }

    pub(crate) fn server(&self) -> &Postgres {
        match &self.kind {
            Kind::Sqlite { .. } | Kind::Mysql(_) => panic!("this business is not on PostgreSQL"),
            Kind::Postgres(database) => database,
        }
    }

    pub(crate) fn mysql_server(&self) -> &Mysql {
        match &self.kind {
            Kind::Sqlite { .. } | Kind::Postgres(_) => panic!("this business is not on MySQL"),
            Kind::Mysql(database) => database,
        }
    }

    pub(crate) fn execute(&self, sql: &str) {
        match &self.kind {
            Kind::Sqlite { path, .. } => sqlite::execute(path, sql),
            Kind::Postgres(database) => database.execute(sql),
            Kind::Mysql(database) => database.execute(&as_mysql(sql)),
        }
    }

    pub(crate) fn table(&self, sql: &str) -> String {
        match &self.kind {
            Kind::Sqlite { path, .. } => sqlite::table(path, sql),
            Kind::Postgres(database) => database.table(sql),
            Kind::Mysql(database) => database.table(&as_mysql(sql)),
        }
    }

    /// After every update of `table`, `column` gets the value of `expression`.
    pub(crate) fn on_update(&self, table: &str, column: &str, expression: &str) {
        match &self.kind {
            Kind::Sqlite { path, .. } => sqlite::execute(
                path,
                &format!(
                    "create trigger t_{table}_{column} after update on {table} begin \
                     update {table} set {column} = {expression} where rowid = new.rowid; end;"
                ),
            ),
            Kind::Postgres(database) => database.execute(&format!(
                "create function f_{table}_{column}() returns trigger language plpgsql as \
                 $$ begin new.{column} := {expression}; return new; end $$; \
                 create trigger t_{table}_{column} before update on {table} \
                 for each row execute function f_{table}_{column}();"
            )),
            Kind::Mysql(database) => database.execute(&format!(
                "create trigger t_{table}_{column} before update on {table} for each row set new.{column} = {expression}"
            )),
        }
    }

    pub(crate) fn schema(&self) -> &str {
        match &self.kind {
            Kind::Sqlite { .. } => "main",
            Kind::Postgres(_) => "public",
            Kind::Mysql(database) => database.name(),
        }
    }

    pub(crate) fn settings(&self) -> SourceSettings {
        let location = match &self.kind {
            Kind::Sqlite { path, .. } => Location::Sqlite(path.clone()),
            Kind::Postgres(database) => Location::Postgres(Secret::new(database.url())),
            Kind::Mysql(database) => Location::Mysql(Secret::new(database.url())),
        };
        SourceSettings { statement_timeout: Duration::from_secs(10), ..SourceSettings::new("desk", location) }
    }

    pub(crate) fn source(&self) -> Source {
        Source::open(self.settings()).unwrap()
    }

    pub(crate) fn writer(&self) -> WriteSource {
        WriteSource::open(self.settings(), receipts()).unwrap()
    }

    /// What a capability on `table` uses, with the sample's names for key, tenant and version.
    pub(crate) fn usage(&self, table: &str, columns: &[&str], patch: &[&str]) -> TableUse {
        TableUse {
            schema: name(self.schema()),
            table: name(table),
            primary_key: name("id"),
            tenant_key: Some(name("tenant_id")),
            columns: columns.iter().map(|column| name(column)).collect(),
            patch: patch.iter().map(|column| name(column)).collect(),
            version: Some(name("version")),
            writes: true,
        }
    }

    pub(crate) fn tickets(&self) -> TableUse {
        self.usage("tickets", &["id", "status", "priority"], &["status", "priority"])
    }

    /// The tickets, as a person sees them.
    pub(crate) fn shown(&self) -> String {
        self.table("select id, tenant_id, status, priority, version from tickets order by tenant_id")
    }

    /// The receipts, as a person sees them.
    pub(crate) fn receipts(&self) -> String {
        self.table("select operation_id, attempt, status from synapsor_writeback_receipts order by operation_id")
    }
}

/// The statements of the other engines as MySQL reads them. The one long text is in no key, and a moment has no zone.
fn as_mysql(sql: &str) -> String {
    synapsor_testkit::as_mysql(&sql.replace("subject text", "subject longtext").replace(":00Z'", ":00'"))
}

/// The receipt table's usual name.
pub(crate) fn receipts() -> ReceiptTable {
    ReceiptTable { schema: None, table: name("synapsor_writeback_receipts") }
}

pub(crate) fn name(text: &str) -> Identifier {
    Identifier::new(text).unwrap()
}

/// A value from JSON.
pub(crate) fn value(json: &str) -> Scalar {
    serde_json::from_str(json).unwrap()
}

/// One change to come: `close` the ticket `T-1` of `acme` at version 1, unless said otherwise.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) usage: TableUse,
    pub(crate) id: Scalar,
    pub(crate) tenant: Scalar,
    pub(crate) patch: Vec<(&'static str, Scalar)>,
    pub(crate) expected: Scalar,
    pub(crate) advance: Advance,
    pub(crate) row: Option<RowGuard>,
    /// The row hash alone guards.
    pub(crate) weak: bool,
    pub(crate) operation: &'static str,
    pub(crate) content: &'static str,
    pub(crate) attempt: u32,
}

impl Draft {
    pub(crate) fn close(business: &Business) -> Self {
        Self {
            usage: business.tickets(),
            id: "T-1".into(),
            tenant: "acme".into(),
            patch: vec![("status", "closed".into())],
            expected: 1.into(),
            advance: Advance::Auto,
            row: None,
            weak: false,
            operation: "wrp_1:T-1",
            content: "close it",
            attempt: 1,
        }
    }

    pub(crate) fn attempt(&self, attempt: u32) -> Self {
        Self { attempt, ..self.clone() }
    }

    pub(crate) fn claim(&self) -> Claim {
        Claim {
            operation_id: OperationId::new(self.operation).unwrap(),
            proposal_id: ProposalId::new("wrp_1").unwrap(),
            proposal_hash: Digest::of_bytes(self.content.as_bytes()),
            job_id: JobId::new("wbj_1").unwrap(),
            attempt: self.attempt,
            action: "desk.close_ticket".to_owned(),
        }
    }

    /// The change, with everything checked against the catalog.
    pub(crate) fn change(&self, table: &CheckedTable) -> Change {
        let guard = match (self.weak, self.row.clone()) {
            (true, row) => Guard::Row(row.unwrap()),
            (false, row) => {
                let column = self.usage.version.clone().unwrap();
                Guard::Version { column, expected: self.expected.clone(), advance: self.advance, row }
            }
        };
        let patch = self.patch.iter().map(|(column, new)| (name(column), table.value(&name(column), new).unwrap()));
        Change {
            claim: self.claim(),
            table: table.clone(),
            key: table.key(&self.id).unwrap(),
            tenant: self.usage.tenant_key.as_ref().map(|_| table.tenant(&self.tenant).unwrap()),
            guard,
            patch: patch.collect(),
        }
    }

    pub(crate) async fn apply(&self, writer: &WriteSource) -> String {
        let table = checked(writer.check(&self.usage).await);
        said(&writer.apply(&self.change(&table)).await)
    }

    pub(crate) async fn rehearse(&self, writer: &WriteSource) -> String {
        let table = checked(writer.check(&self.usage).await);
        let Rehearsal { report, receipt_table_present } = writer.rehearse(&self.change(&table)).await;
        format!("{}, receipt table {}", said(&report), if receipt_table_present { "present" } else { "absent" })
    }

    pub(crate) async fn fence(&self, writer: &WriteSource) -> String {
        match writer.fence(&self.claim()).await {
            Fence::Tombstoned => "tombstoned".to_owned(),
            Fence::Found(report) => format!("found: {}", said(&report)),
            Fence::Unresolved(report) => format!("unresolved: {}", said(&report)),
        }
    }

    /// The same with the hash of these columns as they are now.
    pub(crate) async fn with_row_hash(&self, source: &Source, columns: &[&str]) -> Self {
        let table = checked(source.check(&self.usage).await);
        let key = table.key(&self.id).unwrap();
        let tenant = self.usage.tenant_key.as_ref().map(|_| table.tenant(&self.tenant).unwrap());
        let rows = source.read(&table, &key, tenant.as_ref(), 1).await.unwrap();
        let columns: Vec<Identifier> = columns.iter().map(|column| name(column)).collect();
        let held: Columns = columns.iter().map(|column| (column.clone(), rows[0][column].clone())).collect();
        Self { row: Some(RowGuard { columns, digest: row_hash(&held).unwrap() }), ..self.clone() }
    }
}

/// The proof, or a panic with what was found.
pub(crate) fn checked(check: Result<TableCheck, SourceError>) -> CheckedTable {
    let check = check.unwrap_or_else(|error| panic!("{error}: {:?}", std::error::Error::source(&error)));
    check.table.unwrap_or_else(|| panic!("{:?}", check.findings))
}

/// The findings, one per line.
pub(crate) fn findings(check: Result<TableCheck, SourceError>) -> String {
    let lines = check.unwrap().findings.into_iter().map(|found| {
        let column = found.column.map_or_else(String::new, |column| format!(" {column}"));
        format!("{:?} {}{column}: {}", found.severity, found.code, found.message)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// A report on one line, without the words for the operator.
pub(crate) fn said(report: &Report) -> String {
    let mut line = report.outcome.to_string();
    if let Some(code) = &report.code {
        line += &format!(" {code}");
    }
    if report.rows_affected > 0 {
        line += &format!(", {} row", report.rows_affected);
    }
    if let (Some(old), Some(new)) = (&report.previous_version, &report.new_version) {
        line += &format!(", version {old} -> {new}");
    } else if let Some(old) = &report.previous_version {
        line += &format!(", version {old}");
    }
    if !report.also_changed.is_empty() {
        let names: Vec<&str> = report.also_changed.iter().map(Identifier::as_str).collect();
        line += &format!(", also changed: {}", names.join(" "));
    }
    if report.transient {
        line += ", transient";
    }
    line
}

/// Reads the rows of a key and tenant, one line of JSON per row.
pub(crate) async fn read(source: &Source, usage: &TableUse, key: &Scalar, tenant: &Scalar, limit: u32) -> String {
    let table = checked(source.check(usage).await);
    let (key, tenant) = match (table.key(key), table.tenant(tenant)) {
        (Ok(key), Ok(tenant)) => (key, tenant),
        (Err(error), _) => return format!("key refused: {error}"),
        (_, Err(error)) => return format!("tenant refused: {error}"),
    };
    match source.read(&table, &key, Some(&tenant), limit).await {
        Ok(rows) if rows.is_empty() => "no row".to_owned(),
        Ok(rows) => rows.iter().map(|row| serde_json::to_string(row).unwrap()).collect::<Vec<_>>().join("\n"),
        Err(error) => chain(&error),
    }
}

/// The error without its causes, which differ between machines, but with a value's reason.
pub(crate) fn chain(error: &SourceError) -> String {
    match error {
        SourceError::Unrepresentable { cause, .. } => format!("{error}: {cause}"),
        _ => error.to_string(),
    }
}
