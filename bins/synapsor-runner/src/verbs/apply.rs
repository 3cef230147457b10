//! `apply [ID]`, `apply --job FILE`: put an approved change into the source, once.

use std::process::ExitCode;

use serde_json::{Value, json};
use synapsor_operator::{Application, Rehearsal, Waiting};
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{Outcome, Report};

use super::{job, meant};
use crate::cli::Apply;
use crate::compose::Setup;
use crate::failure::Answer;
use crate::output;

pub(super) async fn run(words: &Apply) -> Answer<ExitCode> {
    let port = Setup::load_served(&words.one.place)?.operator_port(words.actor.actor.clone())?;
    let handed_over = job::handed_over(&words.handed_over)?;
    let id = match &handed_over {
        Some((job, _)) => job.proposal_id.clone(),
        None => meant(&port, &words.one.id).await?,
    };
    if words.dry_run {
        let rehearsal = match &handed_over {
            Some((job, to)) => port.rehearse_job(job, to).await?,
            None => port.rehearse(&id).await?,
        };
        return Ok(rehearsed(&id, &rehearsal, words.one.format.json));
    }
    let application = match &handed_over {
        Some((job, to)) => port.apply_job(job, to, &mut |held| tell(held)).await?,
        None => port.apply(&id, &mut |held| tell(held)).await?,
    };
    if words.one.format.json {
        output::json(&record(&application));
    } else {
        print(&id, &application, &words.one.place.again());
    }
    Ok(output::exit(application.report.outcome.is_applied()))
}

fn tell(held: &Waiting) {
    output::note(format_args!("waiting: {} has the job until {} unless it renews its lease", output::visible(&held.holder), held.until));
}

/// The application as `--json` prints it.
pub(super) fn record(application: &Application) -> Value {
    let Application { proposal, report, attempt } = application;
    json!({"ok": report.outcome.is_applied(), "proposal_id": proposal.id(), "status": report.outcome, "proposal_status": proposal.status,
        "attempt": attempt, "idempotency_key": proposal.terms.operation_id, "rows_affected": report.rows_affected,
        "source_database_mutated": report.outcome == Outcome::Applied, "previous_version": report.previous_version,
        "new_version": report.new_version, "also_changed": report.also_changed, "safe_error_code": report.code, "detail": report.detail})
}

fn print(id: &ProposalId, application: &Application, again: &str) {
    let report = &application.report;
    output::line(format_args!("{}: {id}{}", output::bold(report.outcome.as_str()), because(report)));
    output::line(match report.outcome {
        Outcome::Applied => format!("{} row changed, with a receipt in the same transaction{}", report.rows_affected, versions(report)),
        Outcome::AlreadyApplied => "the change had been made before; nothing was changed now".to_owned(),
        Outcome::Conflict => "the row is not what was approved; nothing was changed, and the agent may propose again".to_owned(),
        Outcome::Failed => "nothing was changed, and nothing of this attempt can change anything later".to_owned(),
        Outcome::Unknown => "the change may or may not be in the source; applying again finds out and never makes it twice".to_owned(),
    });
    if report.outcome == Outcome::Applied && !report.also_changed.is_empty() {
        let columns: Vec<_> = report.also_changed.iter().map(AsRef::as_ref).collect();
        output::line(format_args!("also changed by the database or the guard: {}", columns.join(", ")));
    }
    if let Some(detail) = report.detail.as_deref().filter(|_| !report.outcome.is_applied()) {
        output::line(format_args!("detail: {}", output::visible(detail)));
    }
    output::line(match report.outcome {
        Outcome::Failed | Outcome::Unknown => format!("try again: synapsor-runner apply {id}{again}"),
        Outcome::Applied | Outcome::AlreadyApplied | Outcome::Conflict => {
            format!("the whole story: synapsor-runner replay show {id}{again}")
        }
    });
}

fn because(report: &Report) -> String {
    report.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default()
}

fn versions(report: &Report) -> String {
    match (&report.previous_version, &report.new_version) {
        (Some(before), Some(after)) => format!(", version {before} -> {after}"),
        _ => String::new(),
    }
}

fn rehearsed(id: &ProposalId, rehearsal: &Rehearsal, as_json: bool) -> ExitCode {
    let Rehearsal { report, receipt_table_present } = rehearsal;
    let ok = report.outcome.is_applied();
    if as_json {
        output::json(&json!({"ok": ok, "dry_run": true, "proposal_id": id, "would_be": report.outcome, "safe_error_code": report.code,
            "previous_version": report.previous_version, "new_version": report.new_version, "also_changed": report.also_changed,
            "receipt_table_present": receipt_table_present, "source_database_mutated": false, "detail": report.detail}));
        return output::exit(ok);
    }
    output::line(format_args!("dry run: {id} would be {}{}{}", output::bold(report.outcome.as_str()), because(report), versions(report)));
    output::line("everything was rolled back: no state changed, neither in the source nor in the ledger");
    if !receipt_table_present {
        output::line("the receipt table is not there yet, so claiming the operation was left out; applying makes it");
    }
    if let Some(detail) = report.detail.as_deref().filter(|_| !ok) {
        output::line(format_args!("detail: {}", output::visible(detail)));
    }
    output::exit(ok)
}
