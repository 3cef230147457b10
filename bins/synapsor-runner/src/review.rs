//! What does a reviewer see?
//!
//! Everything that the approval will bind, complete, with every character visible. The texts of rows come from people nobody trusts.

use std::fmt::Write as _;
use std::io::{BufRead, IsTerminal, Write as _};

use serde_json::{Value, json};
use synapsor_ledger::{Dossier, RecordedEvent, Replay};
use synapsor_proposal::{Attestation, AttestedOutcome, Fact, Proposal, Status};
use synapsor_protocol::change_set::{Mode, ROW_HASH_COLUMN, SINGLE_TENANT_COLUMN, VersionAdvance};
use synapsor_protocol::{ChangeSet, Identifier, Timestamp};

use crate::output::{bold, visible};

/// The proposal as text. Commands in it repeat `again`, to mean the same place.
pub(crate) fn text(dossier: &Dossier, again: &str) -> String {
    let Dossier { proposal, change_set, events, .. } = dossier;
    let mut text = String::new();
    heading(&mut text, proposal, change_set);
    due(&mut text, dossier);
    change(&mut text, change_set);
    guards(&mut text, change_set);
    binding(&mut text, proposal);
    history(&mut text, events);
    next(&mut text, proposal, change_set, again);
    text.trim_end().to_owned()
}

/// The proposal as `--json` prints it.
pub(crate) fn record(dossier: &Dossier) -> Value {
    let Dossier { proposal, change_set, events, evidence, audits, receipts, job } = dossier;
    json!({"ok": true, "proposal": change_set, "state": proposal, "status": proposal.status, "outcome": proposal.outcome(),
        "waits_for": proposal.pending().map(|pending| pending.to_string()), "approval_digest": proposal.terms.approval_digest,
        "events": events, "evidence": evidence, "query_audit": audits, "receipts": receipts, "job": job})
}

/// The story of a proposal as text.
pub(crate) fn story(replay: &Replay) -> String {
    let mut text = String::new();
    heading(&mut text, &replay.state, &replay.proposal);
    change(&mut text, &replay.proposal);
    for evidence in &replay.evidence {
        line(
            &mut text,
            "evidence",
            format_args!("{} read at {} by `{}`", evidence.evidence_id, evidence.created_at, visible(&evidence.capability)),
        );
    }
    for audit in &replay.query_audit {
        line(
            &mut text,
            "query",
            format_args!("{} {} gave {} row(s), shape {}", audit.audit_id, visible(&audit.table), audit.row_count, audit.query_fingerprint),
        );
    }
    history(&mut text, &replay.events);
    for receipt in &replay.receipts {
        let status = serde_json::to_value(receipt.status).unwrap_or_default();
        let status = status.as_str().unwrap_or_default().to_owned();
        line(
            &mut text,
            "receipt",
            format_args!("{status}, {} row(s), {}, {}", receipt.rows_affected, receipt.idempotency_key, receipt.receipt_hash),
        );
    }
    text.trim_end().to_owned()
}

/// What a story in Markdown begins with.
pub(crate) fn markdown_head(replay_id: &str, proposal: &Proposal, set: &ChangeSet) -> String {
    let mut text = format!("# Replay {}\n\n", code(replay_id));
    let row = format!(
        "{} {}.{} where {} = {}",
        set.source.source_id, set.source.schema, set.source.table, set.source.primary_key.column, set.source.primary_key.value
    );
    for (label, value) in [
        ("status", proposal.status.to_string()),
        ("capability", set.action.clone()),
        ("proposed by", set.principal.id.clone()),
        ("tenant", set.scope.tenant_id.clone()),
        ("row", row),
        ("proposal hash", proposal.terms.proposal_hash.to_string()),
        ("approval digest", proposal.terms.approval_digest.to_string()),
    ] {
        let _infallible = writeln!(text, "- {label}: {}", code(&value));
    }
    text.push_str("\n## The change\n\n");
    for (column, proposed) in &set.patch {
        let before = set.before.get(column).map_or("(not read)".to_owned(), ToString::to_string);
        let _infallible = match parameter_for(set, column) {
            Some(executor) => writeln!(text, "- {column}: {}, a parameter for {}", code(&proposed.to_string()), code(executor)),
            None => writeln!(text, "- {column}: {} becomes {}", code(&before), code(&proposed.to_string())),
        };
    }
    text
}

/// One event of a story in Markdown.
pub(crate) fn markdown_event(RecordedEvent { sequence, event, .. }: &RecordedEvent) -> String {
    let told =
        Some(told(&event.fact)).filter(|told| !told.is_empty()).map(|told| format!(" {}", code(told.trim_start_matches(": ").trim())));
    format!("{sequence}. {} {} by {}{}", event.at, code(event.fact.kind()), code(&event.actor), told.unwrap_or_default())
}

/// A text that Markdown shows as it is, every character visible.
pub(crate) fn code(text: &str) -> String {
    let text = visible(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let (fence, pad) = ("`".repeat(longest + 1), if longest > 0 || text.is_empty() { " " } else { "" });
    format!("{fence}{pad}{text}{pad}{fence}")
}

/// Asks a person on the terminal; `None` if there is none. Everything but `y` and `yes` is no.
pub(crate) fn ask(question: &str) -> Option<bool> {
    if !std::io::stdin().is_terminal() || !std::io::stderr().is_terminal() {
        return None;
    }
    let mut stderr = anstream::stderr().lock();
    let _gone = write!(stderr, "{question} [y/N] ").and_then(|()| stderr.flush());
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer).ok()?;
    Some(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

fn heading(text: &mut String, proposal: &Proposal, set: &ChangeSet) {
    let waits = proposal.pending().map(|pending| format!(": {}", visible(&pending.to_string()))).unwrap_or_default();
    let waits = if is_over(proposal) { ": its time passed, which is not on record yet".to_owned() } else { waits };
    line(text, "proposal", format_args!("{} version {}", bold(proposal.id().as_str()), set.proposal_version));
    line(text, "status", format_args!("{}{waits}", bold(proposal.status.as_str())));
    if let Some(attested) = &proposal.attestation {
        line(
            text,
            "attested",
            format_args!("{}, by {}: {}", said(attested), visible(&attested.operator.account), visible(&attested.reason)),
        );
    }
    if let Some(last) = &proposal.last_report {
        let code = last.report.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
        let detail = last.report.detail.as_deref().map(|detail| format!(", {}", visible(detail))).unwrap_or_default();
        line(text, "last outcome", format_args!("attempt {}: {}{code}{detail}", last.attempt, last.report.outcome));
    }
    line(text, "capability", visible(&set.action));
    line(text, "proposed by", format_args!("{} (from {})", visible(&set.principal.id), set.principal.source.as_str()));
    line(text, "tenant", visible(&set.scope.tenant_id));
    let key = &set.source.primary_key;
    let (source, schema, table) = (visible(&set.source.source_id), &set.source.schema, &set.source.table);
    line(text, "row", format_args!("{source} {schema}.{table} where {} = {}", key.column, visible(&key.value.to_string())));
}

/// From when on a worker takes it up, if that is not now.
fn due(text: &mut String, dossier: &Dossier) {
    let leased = dossier.job.as_ref().is_some_and(|job| job.lease_expires_at.is_some());
    if let Some(due_at) = dossier.job.as_ref().and_then(|job| job.due_at).filter(|due_at| !leased && *due_at > Timestamp::now()) {
        line(text, "tried again", format_args!("by a worker, from {due_at} on"));
    }
}

fn change(text: &mut String, set: &ChangeSet) {
    let _infallible = writeln!(text, "{}", bold("change"));
    for (column, proposed) in &set.patch {
        let before = set.before.get(column).map_or("(not read)".to_owned(), |value| visible(&value.to_string()));
        let proposed = bold(&visible(&proposed.to_string()));
        let _infallible = match parameter_for(set, column) {
            Some(executor) => writeln!(text, "  {column}: {proposed} (a parameter for `{}`, no column of the table)", visible(executor)),
            None => writeln!(text, "  {column}: {before} -> {proposed}"),
        };
    }
    let _infallible = writeln!(text, "{}", bold("the rest of the row, as it was read"));
    for (column, value) in set.before.iter().filter(|(column, _)| !set.patch.contains_key(*column)) {
        let _infallible = writeln!(text, "  {column}: {}", visible(&value.to_string()));
    }
}

/// The executor that a part of the patch is for alone; none if it is a column.
fn parameter_for<'a>(set: &'a ChangeSet, column: &Identifier) -> Option<&'a str> {
    set.writeback.parameters.contains(column).then(|| set.writeback.executor.as_deref().unwrap_or("sql_update"))
}

fn guards(text: &mut String, set: &ChangeSet) {
    let version = &set.guards.expected_version;
    match version.column.as_str() {
        ROW_HASH_COLUMN => line(text, "guard", format_args!("the whole row, hash {}", visible(&version.value.plain_text()))),
        column => line(text, "guard", format_args!("`{column}` must still be {}; {}", visible(&version.value.to_string()), moved_by(set))),
    }
    let tenant = &set.guards.tenant;
    match tenant.column.as_str() {
        SINGLE_TENANT_COLUMN => line(text, "tenant guard", "none: the capability declares that there is one tenant only"),
        column => line(text, "tenant guard", format_args!("`{column}` = {}", visible(&tenant.value.to_string()))),
    }
    let allowed: Vec<_> = set.guards.allowed_columns.iter().map(AsRef::as_ref).collect();
    line(text, "may change", allowed.join(", "));
    line(text, "executor", visible(set.writeback.executor.as_deref().unwrap_or("sql_update")));
}

/// Who moves the version: the one column that may change without being in the patch.
fn moved_by(set: &ChangeSet) -> &'static str {
    match set.writeback.version_advance {
        Some(VersionAdvance::Auto) | None => "it moves on with the change",
        Some(VersionAdvance::Database) => "the database moves it on",
    }
}

fn binding(text: &mut String, proposal: &Proposal) {
    let terms = &proposal.terms;
    line(text, "evidence", proposal.evidence.as_ref().map_or("none".to_owned(), |link| link.evidence_id.to_string()));
    line(text, "needs role", terms.required_role.as_deref().map_or("none".to_owned(), visible));
    line(text, "expires at", terms.expires_at);
    line(text, "proposal hash", &terms.proposal_hash);
    line(text, "approval digest", bold(terms.approval_digest.as_str()));
}

fn history(text: &mut String, events: &[RecordedEvent]) {
    let _infallible = writeln!(text, "{}", bold("history"));
    for RecordedEvent { sequence, event, .. } in events {
        let told = told(&event.fact);
        let _infallible = writeln!(text, "  {sequence:>2} {} {} by {}{told}", event.at, event.fact.kind(), visible(&event.actor));
    }
}

/// What an event adds to its kind.
fn told(fact: &Fact) -> String {
    match fact {
        Fact::Created(_) | Fact::EvidenceRecorded(_) | Fact::JobRecorded { .. } => String::new(),
        Fact::Approved(approval) => with_note(approval.operator.note.as_deref(), approval.reason.as_deref()),
        Fact::Rejected(closing) | Fact::Canceled(closing) => with_note(closing.operator.note.as_deref(), closing.reason.as_deref()),
        Fact::Expired { expires_at } => format!(": its time ended at {expires_at}"),
        Fact::Superseded { by } => format!(": {by} took its place"),
        Fact::AttemptClaimed(claimed) => format!(": attempt {}, {}", claimed.attempt, visible(&claimed.holder)),
        Fact::Applied(reported)
        | Fact::AlreadyApplied(reported)
        | Fact::Conflict(reported)
        | Fact::Failed(reported)
        | Fact::Unknown(reported) => {
            let code = reported.report.code.as_ref().map(|code| format!(", {code}")).unwrap_or_default();
            format!(": attempt {}{code}", reported.attempt)
        }
        Fact::Contradicted(found) => {
            format!(": attempt {} reports {} though {} is on record", found.attempt, found.report.outcome, found.recorded)
        }
        Fact::Tombstoned(stone) => format!(": attempt {}, ended as {}", stone.attempt, stone.ending.status()),
        Fact::DeadLettered(letter) => {
            let code = letter.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
            format!(": outcome {}{code}: {}", letter.outcome, visible(&letter.reason))
        }
        Fact::Attested(attestation) => {
            let said = said(attestation);
            format!(": {said}, by the word of a person{}", with_note(attestation.operator.note.as_deref(), Some(&attestation.reason)))
        }
        Fact::HumanActed(action) => {
            let columns: Vec<_> = action.patch.keys().map(AsRef::as_ref).collect();
            format!(": {}{}", columns.join(", "), with_note(action.operator.note.as_deref(), action.notes.as_deref()))
        }
    }
}

fn said(attestation: &Attestation) -> &'static str {
    if attestation.outcome == AttestedOutcome::Applied { "applied" } else { "not applied" }
}

/// Whether its time passed before anybody claimed it, and nobody has put that on record yet.
fn is_over(proposal: &Proposal) -> bool {
    matches!(proposal.status, Status::PendingReview | Status::Approved) && proposal.is_past(Timestamp::now())
}

fn with_note(note: Option<&str>, reason: Option<&str>) -> String {
    let note = note.map(|note| format!(" (noted as {})", visible(note))).unwrap_or_default();
    let reason = reason.map(|reason| format!(": {}", visible(reason))).unwrap_or_default();
    format!("{note}{reason}")
}

fn next(text: &mut String, proposal: &Proposal, set: &ChangeSet, again: &str) {
    use Status::{Applied, Approved, Canceled, Conflict, Expired, Failed, PendingReview, PendingWorker, Rejected};
    let id = proposal.id();
    let digest = &proposal.terms.approval_digest;
    let command = match proposal.status {
        Approved | PendingWorker if proposal.dead_letter.is_some() => {
            let handler = set.writeback.executor.as_deref().is_some_and(|name| name != "sql_update");
            if handler && proposal.unresolved() {
                // Only a person can say what became of it, unless the handler keeps operation ids and may be asked again.
                format!(
                    "synapsor-runner dead-letters resolve {id} --outcome applied|not-applied --reason '...'{again}\n  \
                     synapsor-runner dead-letters replay {id}{again}   (only if its executor takes it twice)"
                )
            } else {
                format!(
                    "synapsor-runner dead-letters replay {id}{again}\n  \
                     synapsor-runner dead-letters resolve {id} --reason '...'{again}"
                )
            }
        }
        PendingReview | Approved if is_over(proposal) => {
            format!("nothing: the agent can propose it again\n  synapsor-runner replay show {id}{again}")
        }
        PendingReview if set.mode == Mode::Shadow => {
            format!("nothing: a shadow proposal is never approved or applied\n  synapsor-runner replay show {id}{again}")
        }
        PendingReview => {
            format!(
                "synapsor-runner proposals approve {id} --digest {digest}{again}\n  \
                 synapsor-runner proposals reject {id} --reason '...'{again}"
            )
        }
        Approved | PendingWorker => format!("synapsor-runner apply {id}{again}\n  synapsor-runner proposals cancel {id}{again}"),
        Applied | Conflict | Failed | Rejected | Canceled | Expired => format!("synapsor-runner replay show {id}{again}"),
    };
    let _infallible = writeln!(text, "{}\n  {command}", bold("next"));
}

pub(crate) fn line(text: &mut String, label: &str, value: impl std::fmt::Display) {
    let _infallible = writeln!(text, "{label:<16} {value}");
}
