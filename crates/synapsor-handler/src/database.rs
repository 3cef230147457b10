//! How does a job become a guarded transaction in the application's database?
//!
//! # Invariants
//! - The row of a request is in a declared table, and its tenant column is the declared one: a configuration somewhere else does
//!   not decide what may be locked here.
//! - Key, tenant and the ids beside them are held against the catalog's types before anything is sent.
//!
//! What the catalog said is kept for a while and forgotten after a failure: the guarded transaction compares everything again,
//! so an old answer makes a request fail, never a wrong one.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Map;
use synapsor_protocol::chain::chain;
use synapsor_protocol::change_set::{VersionAdvance, row_hash};
use synapsor_protocol::handler::{Expected, Order};
use synapsor_protocol::{Columns, ErrorCode, Identifier, Outcome, Report, Scalar};
use synapsor_source::guarded::{self, Advance, Application, Change, Claim, Function, Guard, OpenTable, Refused, RowGuard, TableRule};
use synapsor_source::{CatalogFinding, CheckedTable, CheckedValue, Location, ReceiptTable, SourceSettings, TableUse, WriteSource};

use crate::effect::Effect;
use crate::error::HandlerError;
use crate::job::Job;
use crate::store::{Carried, Known, Store};
use crate::tx::Tx;

/// How long the catalog's answer is taken for true.
const AGE: Duration = Duration::from_secs(30);
/// The most answers that are kept.
const MOST: usize = 64;
/// What the database is called in errors.
const NAME: &str = "application";

/// A table that effects may touch, and the column that says whose row it is.
///
/// ```
/// use synapsor_handler::Table;
///
/// Table::new("invoices", "tenant_id").schema("billing").key("id");
/// Table::shared("exchange_rates");
/// ```
#[derive(Debug, Clone)]
pub struct Table {
    schema: Option<String>,
    name: String,
    tenant: Option<String>,
    key: Option<String>,
}

impl Table {
    /// A table with a tenant column: every statement on it is confined to the job's tenant.
    pub fn new(name: impl Into<String>, tenant_column: impl Into<String>) -> Self {
        Self { schema: None, name: name.into(), tenant: Some(tenant_column.into()), key: None }
    }

    /// A table that all tenants share. Statements on it are confined by nothing.
    pub fn shared(name: impl Into<String>) -> Self {
        Self { schema: None, name: name.into(), tenant: None, key: None }
    }

    /// The schema, if it is not `public`, `main` or the database of the URL.
    #[must_use]
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = Some(schema.into());
        self
    }

    /// The column by which a request must name its row in this table. Unless said, any column that is unique.
    #[must_use]
    pub fn key(mut self, column: impl Into<String>) -> Self {
        self.key = Some(column.into());
        self
    }
}

/// What the builder was told.
pub(crate) struct Plan {
    pub(crate) location: Option<Location>,
    pub(crate) connections: Option<usize>,
    pub(crate) statement_timeout: Option<Duration>,
    pub(crate) effect_time: Duration,
    pub(crate) receipts: String,
    pub(crate) tables: Vec<Table>,
    pub(crate) effects: Vec<(String, Arc<dyn Effect>, bool)>,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            location: None,
            connections: None,
            statement_timeout: None,
            effect_time: Duration::from_secs(20),
            receipts: "synapsor_handler_receipts".to_owned(),
            tables: Vec::new(),
            effects: Vec::new(),
        }
    }
}

impl Plan {
    /// Whether there is anything of a database in it.
    pub(crate) fn is_begun(&self) -> bool {
        self.location.is_some() || !self.tables.is_empty() || !self.effects.is_empty()
    }
}

/// The application's database, its tables and its effects.
pub(crate) struct Database {
    source: WriteSource,
    tables: Vec<Declared>,
    effects: BTreeMap<String, (Arc<dyn Effect>, bool)>,
    effect_time: Duration,
    opened: Mutex<Option<(Instant, Arc<[OpenTable]>)>>,
    targets: Mutex<Vec<(Instant, TableUse, CheckedTable)>>,
}

struct Declared {
    rule: TableRule,
    key: Option<Identifier>,
}

impl Database {
    pub(crate) fn open(plan: Plan) -> Result<Self, HandlerError> {
        let location = plan.location.ok_or(HandlerError::NoStore)?;
        let mut effects = BTreeMap::new();
        for (action, effect, rehearsable) in plan.effects {
            if effects.insert(action.clone(), (effect, rehearsable)).is_some() {
                return Err(HandlerError::EffectTwice { action });
            }
        }
        if effects.is_empty() {
            return Err(HandlerError::NoEffect);
        }
        let (schema, table) = plan.receipts.split_once('.').map_or((None, plan.receipts.as_str()), |(schema, table)| (Some(schema), table));
        let receipts = ReceiptTable { schema: schema.map(named).transpose()?, table: named(table)? };
        let mut settings = SourceSettings::new(NAME, location);
        settings.pool_size = plan.connections.unwrap_or(settings.pool_size);
        settings.statement_timeout = plan.statement_timeout.unwrap_or(settings.statement_timeout);
        let kept = receipts.clone();
        let source = WriteSource::open(settings, receipts).map_err(|error| HandlerError::Database { reason: error.to_string() })?;
        let tables = declared(&source, plan.tables, &kept)?;
        let (opened, targets) = (Mutex::default(), Mutex::default());
        Ok(Self { source, tables, effects, effect_time: plan.effect_time, opened, targets })
    }

    pub(crate) async fn check(&self) -> Result<(), HandlerError> {
        let unfit = |report: Box<Report>| HandlerError::Unfit { findings: report.detail.unwrap_or_default() };
        self.open_tables().await.map(drop).map_err(unfit)
    }

    /// The declared tables, as the catalog describes them.
    async fn open_tables(&self) -> Result<Arc<[OpenTable]>, Box<Report>> {
        if let Some((_, tables)) = lock(&self.opened).as_ref().filter(|(since, _)| since.elapsed() < AGE) {
            return Ok(tables.clone());
        }
        let (mut tables, mut findings) = (Vec::new(), Vec::new());
        for declared in &self.tables {
            let opening = self.source.open_table(&declared.rule).await.map_err(|error| unavailable(&error))?;
            tables.extend(opening.table);
            findings.extend(opening.findings);
        }
        if !findings.is_empty() {
            return Err(unfit(&findings));
        }
        let tables: Arc<[OpenTable]> = tables.into();
        *lock(&self.opened) = Some((Instant::now(), tables.clone()));
        Ok(tables)
    }

    async fn target(&self, usage: &TableUse) -> Result<CheckedTable, Box<Report>> {
        let known = |(since, known, _): &&(Instant, TableUse, CheckedTable)| since.elapsed() < AGE && same(known, usage);
        if let Some((_, _, table)) = lock(&self.targets).iter().find(known) {
            return Ok(table.clone());
        }
        let check = self.source.check(usage).await.map_err(|error| unavailable(&error))?;
        let table = check.table.ok_or_else(|| unfit(&check.findings))?;
        let mut targets = lock(&self.targets);
        targets.retain(|(since, ..)| since.elapsed() < AGE);
        if targets.len() >= MOST {
            targets.clear();
        }
        targets.push((Instant::now(), usage.clone(), table.clone()));
        Ok(table)
    }

    /// Drops what the catalog said, if that may be why a request failed.
    fn learn(&self, report: Report) -> Report {
        if matches!(report.outcome, Outcome::Failed | Outcome::Unknown) {
            *lock(&self.opened) = None;
            lock(&self.targets).clear();
        }
        report
    }

    /// The change that a request asks for, with everything in it held against the catalog.
    async fn change(&self, order: &Order, effect: &dyn Effect, tables: &[OpenTable]) -> Result<Change, Box<Report>> {
        let schema = order.schema.clone().or_else(|| self.source.default_schema()).unwrap_or_else(|| order.table.clone());
        let place = |declared: &&Declared| declared.rule.schema.as_ref() == Some(&schema) && declared.rule.table == order.table;
        let declared = self.tables.iter().find(place).ok_or_else(|| misdirected("the target's table is not declared"))?;
        if effect.target().is_some_and(|named| !self.names(named, declared)) {
            return Err(misdirected("the effect is for another table"));
        }
        if declared.rule.tenant.as_ref() != order.tenant.as_ref().map(|tenant| &tenant.column) {
            return Err(misdirected("the tenant column is not the declared one"));
        }
        if declared.key.as_ref().is_some_and(|key| *key != order.key.column) {
            return Err(misdirected("the key column is not the declared one"));
        }
        let seen = seen(order, tables.iter().find(|open| *open.schema() == schema && *open.table() == order.table));
        let columns = if matches!(order.expected, Expected::RowHash(_)) { seen.keys().cloned().collect() } else { Vec::new() };
        let mut usage = TableUse {
            schema,
            table: order.table.clone(),
            primary_key: order.key.column.clone(),
            tenant_key: declared.rule.tenant.clone(),
            columns,
            patch: Vec::new(),
            version: match &order.expected {
                Expected::Version(held) => Some(held.column.clone()),
                Expected::RowHash(_) => None,
            },
            writes: true,
        };
        let mut table = self.target(&usage).await?;
        if table.coarse_version() {
            // Two changes may leave the same version: the row as the reviewer saw it must be the same too.
            usage.columns = seen.keys().cloned().collect();
            table = self.target(&usage).await?;
        }
        let (key, tenant) = scope(order, &table)?;
        Ok(Change { claim: claim(order), key, tenant, guard: guard(order, &seen, &table)?, patch: Vec::new(), table })
    }

    /// Whether an effect that names its table so means this one.
    fn names(&self, named: &str, declared: &Declared) -> bool {
        let (schema, table) = named.split_once('.').map_or((None, named), |(schema, table)| (Some(schema), table));
        let default = self.source.default_schema();
        let schema = schema.or(default.as_ref().map(Identifier::as_str));
        declared.rule.table.as_str() == table && declared.rule.schema.as_ref().map(Identifier::as_str) == schema
    }

    /// The database itself.
    #[cfg(feature = "declared")]
    pub(crate) fn source(&self) -> &WriteSource {
        &self.source
    }

    /// The effect of a job, as the guarded transaction calls it.
    fn function(&self, job: &Job, effect: &Arc<dyn Effect>) -> Arc<Function> {
        let (job, effect, time) = (job.clone(), effect.clone(), self.effect_time);
        Arc::new(move |row: Columns, tx: guarded::Tx| {
            let (job, effect) = (job.clone().with_row(row), effect.clone());
            Box::pin(async move {
                match tokio::time::timeout(time, effect.apply(job, Tx::new(tx))).await {
                    Ok(Ok(done)) => {
                        let (rows_affected, deletes_target) = (done.rows, done.deletes_target);
                        Ok(guarded::Done { rows_affected, deletes_target, details: done.into_details() })
                    }
                    Ok(Err(error)) => Err(refused(error.detail, error.reason)),
                    Err(_) => Err(refused("the effect took too long".to_owned(), None)),
                }
            })
        })
    }

    async fn run(&self, job: Job) -> Report {
        let order = job.order();
        let Some((effect, _)) = self.effects.get(&order.action) else {
            return Report::because(Outcome::Failed, ErrorCode::UNSUPPORTED_ACTION);
        };
        let prepared = async {
            let tables = self.open_tables().await?;
            let change = self.change(order, effect.as_ref(), &tables).await?;
            Ok::<_, Box<Report>>((tables, change))
        };
        let (tables, change) = match prepared.await {
            Ok(prepared) => prepared,
            Err(report) => return self.learn(*report),
        };
        let tenant = change.tenant.as_ref().map(|tenant| tenant.scalar().clone());
        let application = Application { tables, tenant, function: self.function(&job, effect) };
        let report = match order.dry_run {
            true => self.source.rehearse_with(&change, &application).await.report,
            false => self.source.apply_with(&change, &application).await,
        };
        self.learn(report)
    }
}

impl Store for Database {
    fn knows(&self, action: &str) -> Option<Known> {
        self.effects.get(action).map(|(_, rehearsable)| Known { rehearsable: *rehearsable })
    }

    fn carry_out(&self, job: Job) -> Carried<'_> {
        Box::pin(self.run(job))
    }

    fn rehearse(&self, job: Job) -> Carried<'_> {
        Box::pin(self.run(job))
    }
}

fn declared(source: &WriteSource, tables: Vec<Table>, receipts: &ReceiptTable) -> Result<Vec<Declared>, HandlerError> {
    let kept_in = receipts.schema.clone().or_else(|| source.default_schema());
    let mut all: Vec<Declared> = Vec::with_capacity(tables.len());
    for table in tables {
        let schema = table.schema.as_deref().map(named).transpose()?.or_else(|| source.default_schema());
        let tenant = table.tenant.as_deref().map(named).transpose()?;
        let rule = TableRule { schema, table: named(&table.name)?, tenant };
        if all.iter().any(|other| other.rule.schema == rule.schema && other.rule.table == rule.table) {
            return Err(HandlerError::TableTwice { table: table.name });
        }
        // Some databases take a name in another case for the same.
        if rule.schema == kept_in && rule.table.as_str().eq_ignore_ascii_case(receipts.table.as_str()) {
            return Err(HandlerError::TableOfReceipts { table: table.name });
        }
        all.push(Declared { rule, key: table.key.as_deref().map(named).transpose()? });
    }
    Ok(all)
}

fn named(name: &str) -> Result<Identifier, HandlerError> {
    Identifier::new(name).ok_or_else(|| HandlerError::Name { name: name.chars().filter(|c| !c.is_control()).take(128).collect() })
}

fn claim(order: &Order) -> Claim {
    Claim {
        operation_id: order.operation_id.clone(),
        proposal_id: order.proposal_id.clone(),
        proposal_hash: order.proposal_hash.clone(),
        job_id: order.job_id.clone(),
        attempt: order.attempt,
        action: order.action.clone(),
    }
}

/// Key and tenant; the ids by which the author knows them must be the same values.
fn scope(order: &Order, table: &CheckedTable) -> Result<(CheckedValue, Option<CheckedValue>), Box<Report>> {
    let malformed = |_| misdirected("the key or the tenant is no value of its column");
    let key = table.key(&order.key.value).map_err(malformed)?;
    let object = table.key(&Scalar::from(order.object_id.as_str())).map_err(malformed)?;
    if object != key {
        return Err(misdirected("the object id is not the key"));
    }
    let Some(guard) = &order.tenant else { return Ok((key, None)) };
    let tenant = table.tenant(&guard.value).map_err(malformed)?;
    let named = table.tenant(&Scalar::from(order.tenant_id.as_str())).map_err(malformed)?;
    if named != tenant {
        return Err(misdirected("the tenant id is not the guarded tenant"));
    }
    Ok((key, Some(tenant)))
}

/// What of `before` is in the table: a parameter was never there.
fn seen(order: &Order, table: Option<&OpenTable>) -> Columns {
    let inside = |column: &Identifier| table.is_some_and(|table| table.has(column));
    order
        .before
        .iter()
        .filter(|(column, value)| inside(column) || !value.is_null())
        .map(|(column, value)| (column.clone(), value.clone()))
        .collect()
}

fn guard(order: &Order, seen: &Columns, table: &CheckedTable) -> Result<Guard, Box<Report>> {
    let hash = |columns: &Columns| row_hash(columns).map_err(|_| misdirected("`before` cannot be hashed"));
    let row = || -> Result<RowGuard, Box<Report>> { Ok(RowGuard { columns: seen.keys().cloned().collect(), digest: hash(seen)? }) };
    match &order.expected {
        Expected::RowHash(expected) => {
            let row = row()?;
            if *expected != row.digest && *expected != hash(&order.before)? {
                return Err(misdirected("the expected hash is not that of `before`"));
            }
            Ok(Guard::Row(row))
        }
        Expected::Version(held) => Ok(Guard::Version {
            column: held.column.clone(),
            expected: held.value.clone(),
            advance: match order.version_advance {
                VersionAdvance::Auto => Advance::Auto,
                VersionAdvance::Database => Advance::Database,
            },
            row: if table.coarse_version() { Some(row()?) } else { None },
        }),
    }
}

fn refused(detail: String, reason: Option<String>) -> Refused {
    let details: Map<_, _> = reason.map(|reason| ("reason".to_owned(), reason.into())).into_iter().collect();
    Refused { detail, details }
}

/// A request that asks for something that was not declared.
fn misdirected(why: &str) -> Box<Report> {
    Box::new(Report::because(Outcome::Failed, ErrorCode::BAD_WRITEBACK_REQUEST).with_detail(why))
}

fn unavailable(error: &synapsor_source::SourceError) -> Box<Report> {
    let report = Report::because(Outcome::Failed, ErrorCode::DATABASE_UNAVAILABLE).with_detail(chain(error));
    Box::new(if error.is_transient() { report.transient() } else { report })
}

fn unfit(findings: &[CatalogFinding]) -> Box<Report> {
    let told: Vec<String> = findings.iter().map(|finding| format!("{}: {}", finding.code, finding.message)).collect();
    Box::new(Report::because(Outcome::Failed, ErrorCode::WRITEBACK_SAFETY_FAILURE).with_detail(told.join("; ")))
}

fn same(one: &TableUse, other: &TableUse) -> bool {
    one.schema == other.schema
        && one.table == other.table
        && one.primary_key == other.primary_key
        && one.tenant_key == other.tenant_key
        && one.columns == other.columns
        && one.version == other.version
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
