//! A file that was damaged: what is shown is what was written, or it is an error; never a panic, and no claim but on what
//! verifies.
//!
//! Bits are flipped at seeded offsets all over the file, once with everything in the file itself and once with everything in
//! its log. A log that ends early is a ledger that is shorter: then an earlier moment of the ledger is the right answer.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use synapsor_ledger::{
    Activity, AuditLine, Claim, Diagnostic, Dossier, EvidenceLine, Filter, Ledger, LedgerError, OpenOptions, OperatorLedger, ReceiptLine,
    Summary,
};
use synapsor_proposal::Delivery;
use synapsor_protocol::id::{AuditId, DiagnosticId, EvidenceId, ProposalId};
use synapsor_protocol::{ErrorCode, Outcome, Report, Timestamp};
use tempfile::TempDir;

use crate::fixture::{Fixture, dana, holder, read};

/// Flips per place; enough to meet every table and index of the small file.
const FLIPS: u64 = 150;

/// The files of a ledger, and everything that it answers.
struct Sound {
    files: Vec<(&'static str, Vec<u8>)>,
    answers: Answers,
}

/// Everything that a ledger answers.
struct Answers {
    proposals: Vec<Dossier>,
    lines: Vec<Summary>,
    receipts: Vec<ReceiptLine>,
    evidence: Vec<EvidenceLine>,
    audits: Vec<AuditLine>,
    diagnostics: Vec<Diagnostic>,
}

/// Three proposals in different states, reads without a proposal, a refusal.
async fn sound(log: bool) -> Sound {
    let fixture = Fixture::new();
    fixture.proposed("INV-1").await;
    let applied = fixture.approved("INV-2").await;
    for (attempt, report) in [(1, Report::because(Outcome::Failed, ErrorCode::DATABASE_UNAVAILABLE)), (2, Report::new(Outcome::Applied))] {
        fixture.operator.claim(applied.id(), &holder("worker"), Duration::ZERO, Delivery::Again).await.unwrap();
        fixture.operator.report(applied.id(), &dana(), attempt, &report).await.unwrap();
    }
    fixture.approved("INV-3").await;
    for object in ["INV-1", "INV-4"] {
        fixture.agent.record_read(read(object)).await.unwrap();
    }
    let diagnostic = Diagnostic {
        diagnostic_id: DiagnosticId::generate(),
        tenant_id: Some("acme".into()),
        capability: "billing.propose_status".into(),
        code: "TEMPORARILY_UNAVAILABLE".into(),
        detail: "no answer".into(),
        created_at: Timestamp::now(),
    };
    fixture.agent.record_diagnostic(diagnostic).await.unwrap();
    if !log {
        let connection = rusqlite::Connection::open(fixture.path()).unwrap();
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    }
    let answers = answers(&fixture.operator).await;
    let names: &[&str] = if log { &["ledger.db", "ledger.db-wal"] } else { &["ledger.db"] };
    let files = names.iter().map(|name| (*name, fs::read(fixture.folder.path().join(name)).unwrap())).collect();
    Sound { files, answers }
}

async fn answers(ledger: &OperatorLedger) -> Answers {
    let all = Filter { limit: 200, ..Filter::default() };
    let lines = ledger.list(&all).await.unwrap().lines;
    let mut proposals = Vec::new();
    for line in &lines {
        proposals.push(ledger.load(&line.proposal_id).await.unwrap());
    }
    let activity = ledger.activity(&all).await.unwrap().lines;
    let diagnostics = activity.into_iter().filter_map(|one| if let Activity::Diagnostic(one) = one { Some(one) } else { None }).collect();
    Answers {
        proposals,
        lines,
        receipts: ledger.receipts(&all).await.unwrap().lines,
        evidence: ledger.evidence_list(&all).await.unwrap().lines,
        audits: ledger.audit_list(&all).await.unwrap().lines,
        diagnostics,
    }
}

impl Sound {
    fn copy(&self) -> (TempDir, PathBuf) {
        let folder = TempDir::new().unwrap();
        for (name, bytes) in &self.files {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        let path = folder.path().join("ledger.db");
        (folder, path)
    }
}

fn open(path: &Path) -> Result<Ledger, LedgerError> {
    Ledger::open(path, OpenOptions { create: false, busy_timeout: Duration::from_millis(300), readers: 1 })
}

/// What a damaged ledger may answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Truth {
    /// What was there, or an error.
    Whole,
    /// What was there at an earlier moment too.
    Earlier,
}

/// Asks everything. The text says what was refused, for counting.
async fn ask(path: &Path, truth: Truth, right: &Answers) -> Result<(), LedgerError> {
    let ledger = open(path)?.operator();
    let all = Filter { limit: 200, ..Filter::default() };
    let by_tenant = Filter { tenant_id: Some("acme".into()), ..all.clone() };
    let mut refused = Ok(());
    let mut hear = |error: LedgerError| refused = Err(error);
    for filter in [&all, &by_tenant] {
        match ledger.list(filter).await {
            Ok(page) => assert!(page.lines.iter().all(|line| is_true(line, truth, right)), "{:#?}", page.lines),
            Err(error) => hear(error),
        }
        match ledger.receipts(filter).await {
            Ok(page) => assert!(page.lines.iter().all(|line| right.receipts.contains(line)), "{:#?}", page.lines),
            Err(error) => hear(error),
        }
        match ledger.evidence_list(filter).await {
            Ok(page) => assert!(page.lines.iter().all(|line| is_shown(line, right)), "{:#?}", page.lines),
            Err(error) => hear(error),
        }
        match ledger.audit_list(filter).await {
            Ok(page) => assert!(page.lines.iter().all(|line| is_asked(line, right)), "{:#?}", page.lines),
            Err(error) => hear(error),
        }
        match ledger.activity(filter).await {
            Ok(page) => assert!(page.lines.iter().all(|line| is_known(line, truth, right)), "{:#?}", page.lines),
            Err(error) => hear(error),
        }
    }
    for dossier in &right.proposals {
        match ledger.load(dossier.proposal.id()).await {
            Ok(found) => assert!(is_history(&found, dossier, truth), "{found:#?}"),
            Err(error) => hear(error),
        }
        match ledger.related(dossier.proposal.id().as_str(), &all).await {
            Ok(lines) => assert!(lines.iter().all(|line| is_known(line, truth, right)), "{lines:#?}"),
            Err(error) => hear(error),
        }
    }
    single(&ledger, right, &mut hear).await;
    ledger.verify().await.map(drop).unwrap_or_else(&mut hear);
    claim(&ledger, right, truth, &mut hear).await;
    refused
}

async fn single(ledger: &OperatorLedger, right: &Answers, hear: &mut impl FnMut(LedgerError)) {
    for line in &right.evidence {
        match ledger.evidence(&line.evidence_id).await {
            Ok(found) => assert!(found.is_none_or(|found| found.tenant_id == line.of.tenant_id && found.created_at == line.created_at)),
            Err(error) => hear(error),
        }
    }
    for line in &right.audits {
        match ledger.audit(&line.audit_id).await {
            Ok(found) => assert!(found.is_none_or(|found| found.tenant_id == line.of.tenant_id && found.row_count == line.row_count)),
            Err(error) => hear(error),
        }
    }
}

/// A claim is granted only on a change that is the right one.
async fn claim(ledger: &OperatorLedger, right: &Answers, truth: Truth, hear: &mut impl FnMut(LedgerError)) {
    for dossier in &right.proposals {
        let id: &ProposalId = dossier.proposal.id();
        match ledger.claim(id, &holder("worker"), Duration::from_secs(30), Delivery::Again).await {
            Ok(Claim::Granted(_)) => match ledger.load(id).await {
                Ok(after) => {
                    assert_eq!(after.change_set, dossier.change_set);
                    assert!(after.proposal.approval.is_some() && is_prefix(&after, dossier, truth), "{after:#?}");
                }
                Err(error) => hear(error),
            },
            // Not every one of them is approved.
            Ok(Claim::Held { .. } | Claim::Settled(_)) | Err(LedgerError::Refused(_)) => {}
            Err(error) => hear(error),
        }
    }
}

fn is_history(found: &Dossier, right: &Dossier, truth: Truth) -> bool {
    let same = found.change_set == right.change_set && found.evidence == right.evidence && found.audits == right.audits;
    let whole = truth == Truth::Earlier || found.events.len() == right.events.len();
    same && whole && right.events.starts_with(&found.events) && right.receipts.starts_with(&found.receipts)
}

/// The same, with the claim that was just made at its end.
fn is_prefix(found: &Dossier, right: &Dossier, truth: Truth) -> bool {
    let before = &found.events[..found.events.len() - 1];
    right.events.starts_with(before) && (truth == Truth::Earlier || before.len() == right.events.len())
}

/// Whether a line is that of the sound ledger; one of an earlier moment may stand otherwise in what moves.
fn is_true(line: &Summary, truth: Truth, right: &Answers) -> bool {
    let still = |right: &Summary| Summary {
        status: line.status,
        events: line.events,
        attempts: line.attempts,
        outcome: line.outcome,
        code: line.code.clone(),
        updated_at: line.updated_at,
        ..right.clone()
    };
    right.lines.contains(line) || (truth == Truth::Earlier && right.lines.iter().any(|right| still(right) == *line))
}

fn is_known(line: &Activity, truth: Truth, right: &Answers) -> bool {
    match line {
        Activity::Proposal(line) => is_true(line, truth, right),
        Activity::Receipt(line) => right.receipts.contains(line),
        Activity::Evidence(line) => is_shown(line, right),
        Activity::QueryAudit(line) => is_asked(line, right),
        Activity::Diagnostic(one) => right.diagnostics.contains(one),
    }
}

/// An index that was damaged may not lead to the proposal that was made of a read; it must lead to no other.
fn is_shown(line: &EvidenceLine, right: &Answers) -> bool {
    let link = |right: &EvidenceLine| EvidenceLine { proposal_id: line.proposal_id.clone(), ..right.clone() };
    right.evidence.iter().any(|right| right == line || (line.proposal_id.is_none() && link(right) == *line))
}

fn is_asked(line: &AuditLine, right: &Answers) -> bool {
    let link = |right: &AuditLine| AuditLine { proposal_id: line.proposal_id.clone(), ..right.clone() };
    right.audits.iter().any(|right| right == line || (line.proposal_id.is_none() && link(right) == *line))
}

/// The next number of a fixed sequence.
fn next(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *seed >> 33
}

async fn flip(log: bool, target: &str, truth: Truth) -> (usize, usize) {
    let sound = sound(log).await;
    let (mut seed, mut refused, mut answered) = (20_261, 0, 0);
    for _ in 0..FLIPS {
        let (_folder, path) = sound.copy();
        let file = path.with_file_name(target);
        let mut bytes = fs::read(&file).unwrap();
        let (at, bit) = (next(&mut seed) as usize % bytes.len(), next(&mut seed) % 8);
        bytes[at] ^= 1 << bit;
        fs::write(&file, bytes).unwrap();
        match ask(&path, truth, &sound.answers).await {
            Ok(()) => answered += 1,
            Err(error) => {
                assert!(!error.to_string().is_empty() && !matches!(error, LedgerError::Closed), "bit {bit} of byte {at}: {error}");
                refused += 1;
            }
        }
    }
    (refused, answered)
}

#[tokio::test]
async fn a_flipped_bit_in_the_file_gives_the_right_answer_or_an_error() {
    let (refused, answered) = flip(false, "ledger.db", Truth::Whole).await;
    assert!(refused > 20 && answered > 20, "{refused} {answered}");
}

#[tokio::test]
async fn a_flipped_bit_in_the_log_gives_an_earlier_answer_or_an_error() {
    let (refused, answered) = flip(true, "ledger.db-wal", Truth::Earlier).await;
    assert!(refused > 20 && answered > 0, "{refused} {answered}");
}

#[tokio::test]
async fn a_file_that_was_cut_off_gives_the_right_answer_or_an_error() {
    for (log, target, truth) in [(false, "ledger.db", Truth::Whole), (true, "ledger.db-wal", Truth::Earlier)] {
        let sound = sound(log).await;
        let length = sound.files.iter().find(|(name, _)| *name == target).unwrap().1.len();
        let mut seed = 7;
        let cuts = [0, 1, 16, 31, 32, 99, 100, 512, 4095, 4096, 4097, length - 1].into_iter().filter(|cut| *cut < length);
        let cuts: Vec<_> = cuts.chain((0..30).map(|_| next(&mut seed) as usize % length)).collect();
        for cut in cuts {
            let (_folder, path) = sound.copy();
            let file = fs::OpenOptions::new().write(true).open(path.with_file_name(target)).unwrap();
            file.set_len(cut as u64).unwrap();
            let asked = ask(&path, truth, &sound.answers).await;
            // Nothing of the file but its end can be missing without notice, and there is only free space behind that.
            assert!(log || asked.is_err(), "cut at {cut}");
        }
    }
}

/// The pages of another ledger in the log: what they say together is neither's, or the other's, so it is not opened.
#[tokio::test]
async fn the_log_of_another_ledger_grants_nothing_of_this_one() {
    let (one, other) = (sound(false).await, sound(true).await);
    let (_folder, path) = one.copy();
    fs::write(path.with_file_name("ledger.db-wal"), &other.files[1].1).unwrap();
    let before = fs::read(&path).unwrap();
    let refused = open(&path).unwrap_err();
    assert!(fs::read(&path).unwrap() == before, "the log was moved into the file");
    let LedgerError::Corrupt { source, .. } = &refused else { panic!("{refused}") };
    assert!(source.to_string().contains("the log beside it belongs to another ledger"), "{source}");
    for answers in [&one.answers, &other.answers] {
        ask(&path, Truth::Whole, answers).await.unwrap_err();
    }
}

/// A backup that was copied over its ledger, while the log of what came later still lay there: neither swallows the other.
#[tokio::test]
async fn the_log_of_what_came_after_a_backup_is_another_ledgers() {
    for later in 1..=3 {
        let fixture = Fixture::new();
        fixture.approved("INV-1").await;
        let backup = fixture.folder.path().join("backup.db");
        fixture.operator.backup(&backup, false).await.unwrap();
        for number in 0..later {
            fixture.approved(&format!("INV-{}", 2 + number)).await;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger.db");
        fs::copy(&backup, &path).unwrap();
        fs::copy(fixture.folder.path().join("ledger.db-wal"), path.with_file_name("ledger.db-wal")).unwrap();
        let before = fs::read(&path).unwrap();
        let refused = open(&path).unwrap_err();
        assert!(matches!(refused, LedgerError::Corrupt { .. }), "{later}: {refused}");
        assert!(fs::read(&path).unwrap() == before, "{later}: the log was moved into the file");
        fs::remove_file(path.with_file_name("ledger.db-wal")).unwrap();
        assert_eq!(open(&path).unwrap().operator().list(&Filter::default()).await.unwrap().lines.len(), 1);
    }
}

#[tokio::test]
async fn a_file_that_was_emptied_is_no_ledger_for_whoever_only_looks() {
    let (_folder, path) = sound(false).await.copy();
    fs::write(&path, "").unwrap();
    assert!(matches!(open(&path), Err(LedgerError::Missing(_))));
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
}

#[tokio::test]
async fn a_record_that_was_damaged_in_its_text_is_named_by_its_commit() {
    let fixture = Fixture::new();
    fixture.agent.record_read(read("INV-1")).await.unwrap();
    let line = fixture.operator.evidence_list(&Filter::default()).await.unwrap().lines.remove(0);
    let audit = fixture.operator.audit_list(&Filter::default()).await.unwrap().lines.remove(0);
    fixture.edit("UPDATE evidence SET body_json = replace(body_json, 'open', 'oqen')");
    fixture.edit("UPDATE query_audit SET body_json = replace(body_json, 'shop', 'shoq')");
    assert!(matches!(fixture.operator.evidence(&line.evidence_id).await, Err(LedgerError::AlteredCommit(1))));
    assert!(matches!(fixture.operator.audit(&audit.audit_id).await, Err(LedgerError::AlteredCommit(1))));
    assert!(fixture.agent.evidence("acme", "agent-7", &line.evidence_id).await.is_err());
    assert!(fixture.agent.evidence("acme", "agent-8", &line.evidence_id).await.unwrap().is_none());
    let (evidence, audit) = (EvidenceId::new("ev_none").unwrap(), AuditId::new("qa_none").unwrap());
    assert!(fixture.operator.evidence(&evidence).await.unwrap().is_none() && fixture.operator.audit(&audit).await.unwrap().is_none());
}

/// What an older program wrote is found as what this one writes.
#[tokio::test]
async fn a_ledger_of_the_first_layout_is_brought_up_to_date() {
    let sound = sound(false).await;
    let (_folder, path) = sound.copy();
    let older = rusqlite::Connection::open(&path).unwrap();
    let indexes: Vec<String> = {
        let mut select =
            older.prepare("SELECT name FROM sqlite_schema WHERE type = 'index' AND name LIKE '%\\_by\\_%' ESCAPE '\\'").unwrap();
        select.query_map([], |row| row.get(0)).unwrap().collect::<rusqlite::Result<_>>().unwrap()
    };
    let of_the_agenda = ["writeback_jobs_due", "writeback_jobs_parked", "proposals_open_until"].map(str::to_owned);
    for index in indexes.into_iter().chain(of_the_agenda) {
        older.execute_batch(&format!("DROP INDEX {index}")).unwrap();
    }
    for (table, columns) in [
        ("commits", &["ledger", "remaining"][..]),
        ("evidence", &["checksum"]),
        ("query_audit", &["checksum", "shape", "object_id", "at_micros"]),
        ("diagnostics", &["checksum", "capability", "at_micros"]),
        ("proposals", &["checksum", "shape", "at_micros", "evidence_id", "audit_id"]),
        ("writeback_receipts", &["checksum", "shape", "object_id", "at_micros"]),
        ("writeback_jobs", &["parked_at", "due_at", "lane"]),
    ] {
        for column in columns {
            older.execute_batch(&format!("ALTER TABLE {table} DROP COLUMN {column}")).unwrap();
        }
    }
    older
        .execute_batch(
            "DROP TABLE shapes; DROP TABLE upkeep; DROP TABLE runner_state; DELETE FROM schema_version WHERE version > 1;
             CREATE INDEX proposals_filter ON proposals (status, tenant_id, capability, object_id, business_object);",
        )
        .unwrap();
    drop(older);
    ask(&path, Truth::Whole, &sound.answers).await.unwrap();
    let found = answers(&open(&path).unwrap().operator()).await;
    assert_eq!((found.receipts, found.evidence, found.audits), (sound.answers.receipts, sound.answers.evidence, sound.answers.audits));
    assert_eq!(found.diagnostics, sound.answers.diagnostics);
}
