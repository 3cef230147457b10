//! What does the receipt in the source say, and may this attempt go on?
//!
//! One row per operation. Its attempt number is the fencing token: a tombstone stops every attempt up to its own.

use synapsor_protocol::{ErrorCode, Outcome, Report};

use super::change::Claim;
use super::session::Session;
use super::transaction::{Stop, failed};
use crate::catalog::{CatalogFinding, Severity};
use crate::error::SourceError;

/// What `apply` would be refused with.
const UNUSABLE: &str = "RECEIPT_TABLE_UNUSABLE";

/// The columns of a receipt table.
pub(crate) const COLUMNS: [&str; 10] =
    ["operation_id", "job_id", "proposal_id", "proposal_hash", "attempt", "action", "status", "receipt_json", "created_at", "completed_at"];

/// What we write into `status`. Other words may stand there; they are for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    InProgress,
    Applied,
    Conflict,
    Tombstone,
}

impl Status {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "in_progress",
            Self::Applied => "applied",
            Self::Conflict => "conflict",
            Self::Tombstone => "tombstone",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        [Self::InProgress, Self::Applied, Self::Conflict, Self::Tombstone].into_iter().find(|status| status.as_str() == word)
    }
}

/// A receipt as it was found.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) proposal_hash: String,
    pub(crate) attempt: i64,
    pub(crate) status: String,
    pub(crate) receipt_json: Option<String>,
}

/// The state of the receipt table.
#[derive(Debug)]
pub(crate) enum Receipts {
    Ready,
    Absent,
    /// It lacks something; these statements add it.
    Unusable(String),
}

impl Receipts {
    /// Judges the columns that were found, each with whether it alone is unique.
    pub(crate) fn judge(found: &[(String, bool)], alter: impl Fn(&str, bool) -> String, make_unique: impl Fn() -> String) -> Self {
        if found.is_empty() {
            return Self::Absent;
        }
        let has = |name: &str| found.iter().any(|(column, _)| column == name);
        let reference = has("idempotency_key");
        let lacking: Vec<String> = COLUMNS.iter().filter(|name| !has(name)).map(|name| alter(name, reference)).collect();
        let unique = found.iter().any(|(column, unique)| column == "operation_id" && *unique);
        match lacking.is_empty() {
            false => Self::Unusable(lacking.join(" ")),
            true if unique => Self::Ready,
            true => Self::Unusable(make_unique()),
        }
    }
}

/// What a look at the receipt table finds, before anything is applied. Changes nothing.
pub(super) async fn check<S: Session>(session: &mut S) -> Result<Option<CatalogFinding>, SourceError> {
    let (severity, code, message) = match session.receipts().await? {
        Receipts::Unusable(statements) => {
            (Severity::Error, UNUSABLE, format!("the receipt table cannot be used as it is; run: {statements}"))
        }
        Receipts::Ready if session.may_write_receipts(true).await? => return Ok(None),
        Receipts::Ready => (Severity::Error, UNUSABLE, "the account may not read, insert and update receipts".to_owned()),
        Receipts::Absent if session.may_write_receipts(false).await? => {
            (Severity::Notice, "RECEIPT_TABLE_ABSENT", "there is no receipt table yet; the first change creates it".to_owned())
        }
        Receipts::Absent => {
            let statement = session.create_receipts_sql();
            (Severity::Error, UNUSABLE, format!("there is no receipt table, and the account may not create it; run: {statement}"))
        }
    };
    Ok(Some(CatalogFinding { severity, code, column: None, message }))
}

/// Makes sure that there is a receipt table, outside any transaction.
pub(super) async fn prepare<S: Session>(session: &mut S) -> Result<(), Box<Report>> {
    if is_present(session).await? { Ok(()) } else { create(session).await }
}

/// Whether there is a receipt table. One that cannot be used is refused.
pub(super) async fn is_present<S: Session>(session: &mut S) -> Result<bool, Box<Report>> {
    match session.receipts().await.map_err(|error| Box::new(failed(&error)))? {
        Receipts::Ready => Ok(true),
        Receipts::Absent => Ok(false),
        Receipts::Unusable(statements) => Err(unusable("the receipt table cannot be used as it is; run", &statements)),
    }
}

async fn create<S: Session>(session: &mut S) -> Result<(), Box<Report>> {
    match session.create_receipts().await {
        Ok(()) => Ok(()),
        Err(SourceError::PermissionDenied { .. }) => {
            Err(unusable("the account may not create the receipt table; run", &session.create_receipts_sql()))
        }
        // Another process may have created it meanwhile.
        Err(error) => match session.receipts().await {
            Ok(Receipts::Ready) => Ok(()),
            _ => Err(Box::new(failed(&error))),
        },
    }
}

fn unusable(why: &str, statements: &str) -> Box<Report> {
    Box::new(Report::because(Outcome::Failed, ErrorCode::RECEIPT_TABLE_UNUSABLE).with_detail(format_args!("{why}: {statements}")))
}

/// Step 2: claims the operation for this attempt, or answers by what is stored.
pub(super) async fn claim<S: Session>(session: &mut S, claim: &Claim) -> Result<(), Stop> {
    if session.insert_receipt(claim, Status::InProgress).await? {
        return Ok(());
    }
    let stored = find(session, claim).await?;
    match Status::parse(&stored.status) {
        Some(Status::Tombstone) if stored.attempt < i64::from(claim.attempt) => {
            let revived = session.revive_receipt(claim, Status::InProgress).await?;
            if revived { Ok(()) } else { Err(Stop::Answered(Box::new(stored.unreadable()))) }
        }
        Some(Status::Tombstone) => Err(Stop::failed(ErrorCode::FENCED, "the operation was closed at this attempt or a higher one")),
        _ => Err(Stop::Answered(Box::new(stored.report()))),
    }
}

/// The operation's receipt, if it is of the same change.
pub(super) async fn find<S: Session>(session: &mut S, claim: &Claim) -> Result<Stored, Stop> {
    let Some(stored) = session.find_receipt(&claim.operation_id).await? else {
        // Somebody deleted it between the two statements. The next attempt inserts it.
        let report = Report::because(Outcome::Failed, ErrorCode::TRANSACTION_FAILED).transient();
        return Err(Stop::Failed(Box::new(report.with_detail("the receipt vanished"))));
    };
    if stored.proposal_hash != claim.proposal_hash.as_str() {
        return Err(Stop::failed(ErrorCode::IDEMPOTENCY_KEY_REUSED, "the operation id belongs to another change"));
    }
    Ok(stored)
}

impl Stored {
    pub(super) fn status(&self) -> Option<Status> {
        Status::parse(&self.status)
    }

    /// What a stored receipt says to a later attempt.
    pub(super) fn report(&self) -> Report {
        let written = || self.receipt_json.as_deref().and_then(|json| serde_json::from_str::<Report>(json).ok());
        match self.status() {
            Some(Status::Applied) => {
                let written = written().unwrap_or_else(|| Report::new(Outcome::Applied));
                Report { outcome: Outcome::AlreadyApplied, rows_affected: 0, ..written }
            }
            Some(Status::Conflict) => {
                let written = written().unwrap_or_else(|| Report::new(Outcome::Conflict));
                Report { outcome: Outcome::Conflict, ..written }
            }
            Some(Status::InProgress) => Report::because(Outcome::Unknown, ErrorCode::IDEMPOTENCY_RECEIPT_IN_PROGRESS)
                .with_detail("a receipt in progress is committed: an older or foreign writer left it"),
            Some(Status::Tombstone) | None => self.unreadable(),
        }
    }

    fn unreadable(&self) -> Report {
        let word: String = self.status.chars().take(40).filter(|c| !c.is_control()).collect();
        Report::because(Outcome::Unknown, ErrorCode::IDEMPOTENCY_RECEIPT_UNREADABLE)
            .with_detail(format_args!("the stored receipt has the status `{word}`"))
    }
}
