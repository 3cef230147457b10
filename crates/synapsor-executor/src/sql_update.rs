//! How is a change made by direct SQL?
//!
//! The approved change set is checked against the catalog of the writing account, value by value, and handed to the guarded transaction.
//! Nothing else of a job reaches the database.
//!
//! What the catalog said is kept for a while, one proof per use of a table, and dropped when a transaction failed for whatever reason: the
//! guarded transaction itself compares key, tenant and version again, so an old proof makes a change fail, never a wrong one.

mod proofs;

use synapsor_protocol::chain::chain;
use synapsor_protocol::change_set::{ChangeSet, ROW_HASH_COLUMN, SINGLE_TENANT_COLUMN, VersionAdvance, row_hash};
use synapsor_protocol::{Digest, ErrorCode, Identifier, Outcome, Report};
use synapsor_source::guarded::{Advance, Change, Fence, Guard, Rehearsal as SourceRehearsal, RowGuard};
use synapsor_source::{CheckedTable, Severity, SourceError, TableUse, ValueError, WriteSource};

use crate::job::Job;
use crate::{Answer, Executor, Rehearsal};
use proofs::Proofs;

/// The executor that every configuration has: one guarded UPDATE in the source itself.
#[derive(Debug, Clone)]
pub struct SqlUpdate {
    source: WriteSource,
    proofs: Proofs,
}

impl SqlUpdate {
    /// An executor that writes to this source.
    pub fn new(source: WriteSource) -> Self {
        Self { source, proofs: Proofs::default() }
    }

    /// The guarded change that a job asks for. Nothing is written while it is made.
    async fn change(&self, job: &Job) -> Result<Change, Unfit> {
        let table = self.checked_table(&job.change_set).await?;
        let set = &job.change_set;
        let tenant = match tenant_column(set) {
            Some(column) => Some(table.tenant(&set.guards.tenant.value).map_err(|e| Unfit::value(column, &e))?),
            None => None,
        };
        let key_column = &set.source.primary_key.column;
        let patch = set.patch.iter().map(|(column, value)| {
            let checked = table.value(column, value).map_err(|e| Unfit::value(column, &e))?;
            Ok((column.clone(), checked))
        });
        Ok(Change {
            claim: job.claim(),
            key: table.key(&set.source.primary_key.value).map_err(|e| Unfit::value(key_column, &e))?,
            tenant,
            guard: guard(job, &table)?,
            patch: patch.collect::<Result<_, Unfit>>()?,
            table,
        })
    }

    async fn checked_table(&self, set: &ChangeSet) -> Result<CheckedTable, Unfit> {
        let usage = table_use(set);
        if let Some(known) = self.proofs.find(&usage) {
            return Ok(known);
        }
        let check = self.source.check(&usage).await?;
        let table = check.table.ok_or_else(|| {
            let errors = check.findings.iter().filter(|finding| finding.severity == Severity::Error);
            Unfit::Table(errors.map(|finding| format!("{}: {}", finding.code, finding.message)).collect::<Vec<_>>().join("; "))
        })?;
        self.proofs.keep(&usage, &table);
        Ok(table)
    }

    /// Drops what the catalog said if the transaction may have failed because it says something else by now.
    fn learn(&self, report: &Report) {
        if report.outcome == Outcome::Failed {
            self.proofs.forget();
        }
    }
}

impl Executor for SqlUpdate {
    fn run<'a>(&'a self, job: &'a Job) -> Answer<'a, Report> {
        Box::pin(async move {
            match self.change(job).await {
                Ok(change) => {
                    let report = self.source.apply(&change).await;
                    self.learn(&report);
                    report
                }
                // A value that an old proof refused may fit by now.
                Err(unfit) => {
                    self.proofs.forget();
                    unfit.report()
                }
            }
        })
    }

    fn rehearse<'a>(&'a self, job: &'a Job) -> Answer<'a, Rehearsal> {
        Box::pin(async move {
            // Rehearsing is asking what would happen now.
            self.proofs.forget();
            Rehearsal::Source(match self.change(job).await {
                Ok(change) => self.source.rehearse(&change).await,
                Err(unfit) => SourceRehearsal { report: unfit.report(), receipt_table_present: false },
            })
        })
    }

    fn fence<'a>(&'a self, job: &'a Job) -> Answer<'a, Fence> {
        Box::pin(async move { self.source.fence(&job.claim()).await })
    }
}

fn table_use(set: &ChangeSet) -> TableUse {
    TableUse {
        schema: set.source.schema.clone(),
        table: set.source.table.clone(),
        primary_key: set.source.primary_key.column.clone(),
        tenant_key: tenant_column(set).cloned(),
        columns: set.before.keys().cloned().collect(),
        patch: set.patch.keys().cloned().collect(),
        version: version_column(set).cloned(),
        writes: true,
    }
}

fn tenant_column(set: &ChangeSet) -> Option<&Identifier> {
    Some(&set.guards.tenant.column).filter(|column| column.as_str() != SINGLE_TENANT_COLUMN)
}

fn version_column(set: &ChangeSet) -> Option<&Identifier> {
    Some(&set.guards.expected_version.column).filter(|column| column.as_str() != ROW_HASH_COLUMN)
}

fn guard(job: &Job, table: &CheckedTable) -> Result<Guard, Unfit> {
    let set = &job.change_set;
    let row = |digest| RowGuard { columns: set.before.keys().cloned().collect(), digest };
    let expected = &set.guards.expected_version.value;
    let Some(column) = version_column(set) else {
        let digest = expected.as_str().and_then(Digest::new).ok_or(Unfit::GuardMissing)?;
        return Ok(Guard::Row(row(digest)));
    };
    if expected.is_null() {
        return Err(Unfit::GuardMissing);
    }
    let before = if table.coarse_version() { Some(row_hash(&set.before).map_err(|_| Unfit::GuardMissing)?) } else { None };
    let advance = match set.writeback.version_advance {
        // A change set of another writer does not say; moving it is what keeps a second proposal of the same version out.
        Some(VersionAdvance::Auto) | None => Advance::Auto,
        Some(VersionAdvance::Database) => Advance::Database,
    };
    Ok(Guard::Version { column: column.clone(), expected: expected.clone(), advance, row: before.map(row) })
}

/// Why a job could not even be put to the guarded transaction. The attempt did nothing and can do nothing later.
enum Unfit {
    Source(SourceError),
    Table(String),
    Value(Identifier, ValueError),
    GuardMissing,
}

impl Unfit {
    fn value(column: &Identifier, error: &ValueError) -> Self {
        Self::Value(column.clone(), error.clone())
    }

    fn report(self) -> Report {
        let failed = |code| Report::because(Outcome::Failed, code);
        match self {
            Self::Source(error) => {
                let report = failed(ErrorCode::DATABASE_UNAVAILABLE).with_detail(chain(&error));
                if error.is_transient() { report.transient() } else { report }
            }
            Self::Table(findings) => failed(ErrorCode::WRITEBACK_SAFETY_FAILURE).with_detail(findings),
            Self::Value(column, error) => failed(ErrorCode::WRITEBACK_SAFETY_FAILURE).with_detail(format!("column `{column}`: {error}")),
            Self::GuardMissing => failed(ErrorCode::WRITEBACK_SAFETY_FAILURE).with_detail("the change set has no usable conflict guard"),
        }
    }
}

impl From<SourceError> for Unfit {
    fn from(error: SourceError) -> Self {
        Self::Source(error)
    }
}
