//! How is an approved change applied exactly once, or visibly not, or visibly unknown?
//!
//! # Invariants
//! - This is the one way into a business database for a write.
//! - The receipt row is written in the same transaction as the effect, so it is there if and only if the effect is.
//! - Concurrency control is the database's: a unique key and row locks, nothing in memory.
//!
//! Start reading at [`WriteSource`], then `transaction`, where the order of the steps is; `session` says what an engine does
//! for them, `direct` is the effect, `receipt` decides by what is stored, `fence` stops an operation for good.

mod application;
pub(crate) mod business;
mod change;
mod direct;
mod fence;
pub(crate) mod receipt;
pub(crate) mod session;
pub(crate) mod target;
#[cfg(test)]
mod tests;
mod transaction;
mod tx;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use synapsor_protocol::{ErrorCode, Identifier, Outcome, Report};

pub use application::{Application, Done, Function, Refused, Working};
pub use business::{ColumnFacts, OpenTable, TableOpening, TableRule};
pub use change::{Advance, Change, Claim, Fence, Guard, Rehearsal, RowGuard};
pub use tx::{Tx, TxError};

use crate::Engine;
use crate::catalog::{CatalogFinding, TableCheck, TableUse};
use crate::error::SourceError;
use crate::settings::{Location, SourceSettings};
use application::Applying;
use direct::Direct;
use session::Session;
use target::Target;
use transaction::failed;

/// Where a source keeps the receipts of the guarded transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptTable {
    /// The schema; `None` is `public` on PostgreSQL, `main` on SQLite and the database of the URL on MySQL.
    pub schema: Option<Identifier>,
    /// The table.
    pub table: Identifier,
}

/// A business database to write to, by the guarded transaction alone. Cheap to clone; clones share the connections.
#[derive(Debug, Clone)]
pub struct WriteSource {
    name: Arc<str>,
    engine: Engine,
    receipts: Arc<ReceiptTable>,
    /// The receipt table was found once.
    prepared: Arc<AtomicBool>,
}

/// Runs `$body` with a session of whichever engine; `$absent` turns an error into the answer.
macro_rules! with_session {
    ($source:expr, $session:ident => $body:expr, $error:ident => $absent:expr) => {
        match &$source.engine {
            #[cfg(feature = "mysql")]
            Engine::Mysql(mysql) => match mysql.session(&$source.receipts).await {
                Ok(mut $session) => $body,
                Err($error) => $absent,
            },
            #[cfg(feature = "postgres")]
            Engine::Postgres(postgres) => match postgres.session(&$source.receipts).await {
                Ok(mut $session) => $body,
                Err($error) => $absent,
            },
            #[cfg(feature = "sqlite")]
            Engine::Sqlite(sqlite) => match sqlite.session(&$source.receipts).await {
                Ok(mut $session) => $body,
                Err($error) => $absent,
            },
        }
    };
}

impl WriteSource {
    /// Takes a source into use. Parses the URL and connects nothing.
    pub fn open(settings: SourceSettings, receipts: ReceiptTable) -> Result<Self, SourceError> {
        let name: Arc<str> = settings.name.as_str().into();
        let engine = match &settings.location {
            #[cfg(feature = "mysql")]
            Location::Mysql(url) => Engine::Mysql(crate::mysql::Mysql::writer(&settings, url)?),
            #[cfg(feature = "postgres")]
            Location::Postgres(url) => Engine::Postgres(crate::postgres::Postgres::writer(&settings, url)?),
            #[cfg(feature = "sqlite")]
            Location::Sqlite(path) => Engine::Sqlite(crate::sqlite::Sqlite::writer(&settings, path.clone())?),
            #[cfg(not(all(feature = "mysql", feature = "postgres", feature = "sqlite")))]
            other => return Err(SourceError::EngineMissing { name, engine: other.engine() }),
        };
        Ok(Self { name, engine, receipts: receipts.into(), prepared: Arc::default() })
    }

    /// Compares the use with the catalog, with the rights of the writing account. Changes nothing.
    pub async fn check(&self, usage: &TableUse) -> Result<TableCheck, SourceError> {
        self.engine.check(usage).await
    }

    /// Looks at the receipt table with the rights of the writing account: `RECEIPT_TABLE_UNUSABLE` is an error that every change would
    /// be refused with, `RECEIPT_TABLE_ABSENT` a notice that the first change creates it. Changes nothing.
    pub async fn check_receipts(&self) -> Result<Option<CatalogFinding>, SourceError> {
        with_session!(self, session => receipt::check(&mut session).await, error => Err(error))
    }

    /// Runs the guarded transaction.
    ///
    /// `applied`, `already_applied` and `conflict` are facts of the source's receipt. `failed` is proved: this attempt did
    /// nothing and can do nothing later. Otherwise `unknown`: run it again with a higher attempt to find out and go on, or
    /// [`WriteSource::fence`] it to find out and stop. The same holds if the process dies, or the future is dropped, on the
    /// way: run it again.
    pub async fn apply(&self, change: &Change) -> Report {
        let target = match self.target(change) {
            Ok(target) => target,
            Err(report) => return *report,
        };
        with_session!(self, session => {
            if let Err(report) = self.prepare(&mut session).await {
                return *report;
            }
            let report = transaction::apply(&mut session, &target, &Direct).await;
            self.learn(&report);
            report
        }, error => failed(&error))
    }

    /// Runs the guarded transaction up to its commit and rolls back, a conflict included. No state changes anywhere; an absent
    /// receipt table is not created.
    pub async fn rehearse(&self, change: &Change) -> Rehearsal {
        let target = match self.target(change) {
            Ok(target) => target,
            Err(report) => return Rehearsal { report: *report, receipt_table_present: false },
        };
        with_session!(self, session => {
            let present = match receipt::is_present(&mut session).await {
                Ok(present) => present,
                Err(report) => return Rehearsal { report: *report, receipt_table_present: false },
            };
            let report = transaction::rehearse(&mut session, &target, &Direct, present).await;
            Rehearsal { report, receipt_table_present: present }
        }, error => Rehearsal { report: failed(&error), receipt_table_present: false })
    }

    /// Runs the guarded transaction with an application's function as its effect. The change's patch is not looked at: what is
    /// done with it is the function's affair.
    ///
    /// The outcomes are those of [`WriteSource::apply`]. After a function that was called and did not do it, a tombstone of this
    /// attempt is committed before `failed` is said, so that a lower attempt that was merely slow can do nothing any more. The
    /// function runs at most once for a call; the same holds over all calls of one operation, unless an earlier one was proved to
    /// have done nothing.
    pub async fn apply_with(&self, change: &Change, application: &Application) -> Report {
        let target = match self.business_target(change, application) {
            Ok(target) => target,
            Err(report) => return *report,
        };
        let effect = Applying::new(application);
        let report = with_session!(self, session => {
            if let Err(report) = self.prepare(&mut session).await {
                return *report;
            }
            let report = transaction::apply(&mut session, &target, &effect).await;
            self.learn(&report);
            report
        }, error => failed(&error));
        if report.outcome == Outcome::Failed && effect.has_started() { self.bury(&change.claim, report).await } else { report }
    }

    /// Runs the guarded transaction with an application's function up to its commit and rolls back, a conflict included.
    pub async fn rehearse_with(&self, change: &Change, application: &Application) -> Rehearsal {
        let absent = |report| Rehearsal { report, receipt_table_present: false };
        let target = match self.business_target(change, application) {
            Ok(target) => target,
            Err(report) => return absent(*report),
        };
        let effect = Applying::new(application);
        with_session!(self, session => {
            let present = match receipt::is_present(&mut session).await {
                Ok(present) => present,
                Err(report) => return absent(*report),
            };
            let report = transaction::rehearse(&mut session, &target, &effect, present).await;
            Rehearsal { report, receipt_table_present: present }
        }, error => absent(failed(&error)))
    }

    /// Compares a table that effects may touch with the catalog. Changes nothing.
    pub async fn open_table(&self, rule: &TableRule) -> Result<TableOpening, SourceError> {
        // Every engine has a default; without one the table's own name finds nothing.
        let schema = rule.schema.clone().or_else(|| self.default_schema()).unwrap_or_else(|| rule.table.clone());
        let usage = TableUse {
            schema: schema.clone(),
            table: rule.table.clone(),
            primary_key: rule.table.clone(),
            tenant_key: rule.tenant.clone(),
            columns: Vec::new(),
            patch: Vec::new(),
            version: None,
            writes: true,
        };
        Ok(business::open(&self.name, rule, schema, self.engine.facts(&usage).await?))
    }

    /// The schema of a table that is named without one.
    pub fn default_schema(&self) -> Option<Identifier> {
        match &self.engine {
            #[cfg(feature = "mysql")]
            Engine::Mysql(mysql) => Some(mysql.database().clone()),
            #[cfg(feature = "postgres")]
            Engine::Postgres(_) => Identifier::new("public"),
            #[cfg(feature = "sqlite")]
            Engine::Sqlite(_) => Identifier::new("main"),
        }
    }

    /// Closes an attempt whose effect was rolled back.
    async fn bury(&self, claim: &Claim, report: Report) -> Report {
        match self.fence(claim).await {
            Fence::Tombstoned => report,
            Fence::Found(found) => found,
            Fence::Unresolved(found) => {
                let why = found.detail.unwrap_or_default();
                Report::because(Outcome::Unknown, ErrorCode::HANDLER_EXCEPTION)
                    .with_detail(format_args!("the attempt failed, and could not be closed: {why}"))
            }
        }
    }

    fn business_target<'a>(&self, change: &'a Change, application: &Application) -> Result<Target<'a>, Box<Report>> {
        let foreign = application.tables.iter().any(|table| table.opened().source != self.name);
        if foreign || change.table.checked().source != self.name {
            return Err(Box::new(failed(&SourceError::Foreign { name: self.name.clone() })));
        }
        Target::without_patch(change)
    }

    /// Commits a tombstone, so that no attempt of this operation up to this one can do anything any more; or says what the
    /// source's receipt says. Only after [`Fence::Tombstoned`] may a final state without effect be recorded.
    pub async fn fence(&self, claim: &Claim) -> Fence {
        with_session!(self, session => {
            if let Err(report) = self.prepare(&mut session).await {
                return Fence::Unresolved(*report);
            }
            let found = fence::fence(&mut session, claim).await;
            if let Fence::Unresolved(report) = &found {
                self.learn(report);
            }
            found
        }, error => Fence::Unresolved(failed(&error)))
    }

    /// The change, if it was checked against this source.
    fn target<'a>(&self, change: &'a Change) -> Result<Target<'a>, Box<Report>> {
        if change.table.checked().source != self.name {
            return Err(Box::new(failed(&SourceError::Foreign { name: self.name.clone() })));
        }
        Target::new(change)
    }

    async fn prepare<S: Session>(&self, session: &mut S) -> Result<(), Box<Report>> {
        if self.prepared.load(Ordering::Relaxed) {
            return Ok(());
        }
        receipt::prepare(session).await?;
        self.prepared.store(true, Ordering::Relaxed);
        Ok(())
    }

    /// After a failed transaction the receipt table is looked at again: somebody may have dropped it.
    fn learn(&self, report: &Report) {
        if report.code == Some(ErrorCode::TRANSACTION_FAILED) {
            self.prepared.store(false, Ordering::Relaxed);
        }
    }
}
