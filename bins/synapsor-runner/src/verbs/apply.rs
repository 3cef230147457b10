//! `apply [ID]`, `apply --job FILE`: put an approved change into the source, once.

use std::process::ExitCode;

use serde_json::{Value, json};
use synapsor_config::executor::Redelivery;
use synapsor_config::{Config, ExecutorKind};
use synapsor_executor::SourceRehearsal;
use synapsor_operator::{Application, OperatorPort, Rehearsal, Waiting};
use synapsor_proposal::Proposal;
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::name::SafeName;
use synapsor_protocol::{ChangeSet, ErrorCode, Outcome, Report};

use super::leave::until_told;
use super::{batch, job, meant};
use crate::cli::Apply;
use crate::compose::Setup;
use crate::failure::Answer;
use crate::output;

pub(super) async fn run(words: &Apply) -> Answer<ExitCode> {
    if words.all.all_approved {
        return batch::apply_all(words).await;
    }
    let setup = Setup::load_served(&words.one.place)?;
    let port = setup.operator_port(words.actor.actor.clone())?.leaving(until_told()?);
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
    let way = way(&setup.config, &port, &id, words.one.format.json).await?;
    let application = match &handed_over {
        Some((job, to)) => port.apply_job(job, to, &mut |held| tell(held)).await?,
        None => port.apply(&id, &mut |held| tell(held)).await?,
    };
    Ok(answer(&application, way.as_ref(), &words.one.place.again()))
}

/// Who will make the change, for a person. Looked at first: what is printed afterwards must not depend on another look at the ledger.
pub(super) async fn way(config: &Config, port: &OperatorPort, id: &ProposalId, json: bool) -> Answer<Option<Way>> {
    if json { Ok(None) } else { Ok(Some(Way::of(&port.show(id).await?.change_set, config))) }
}

/// Prints what came of an attempt, as JSON if nobody looked who makes the change.
pub(super) fn answer(application: &Application, way: Option<&Way>, again: &str) -> ExitCode {
    match way {
        None => output::json(&record(application)),
        Some(way) => print(application.proposal.id(), application, way, again),
    }
    output::exit(application.report.outcome.is_applied())
}

/// Who makes the change.
#[derive(Debug)]
pub(super) enum Way {
    /// The runner itself, in the source.
    Direct,
    /// An application. If it keeps the operation id, it may be asked again.
    Handler { executor: String, keeps_operation_id: bool },
}

impl Way {
    fn of(set: &ChangeSet, config: &Config) -> Self {
        let executor = set.writeback.executor.as_deref().unwrap_or("sql_update");
        let declared = SafeName::new(executor).and_then(|name| config.executors.get(&name)).map(|declared| &declared.kind);
        let redelivery = match declared {
            Some(ExecutorKind::HttpHandler(handler)) => handler.redelivery,
            Some(ExecutorKind::CommandHandler(handler)) => handler.redelivery,
            Some(ExecutorKind::SqlUpdate) | None => return Self::Direct,
        };
        Self::Handler { executor: executor.to_owned(), keeps_operation_id: redelivery == Redelivery::Safe }
    }

    /// What an outcome means, in a sentence.
    fn meaning(&self, report: &Report, proposal: &Proposal) -> String {
        let (parked, attested) = (proposal.dead_letter.is_some(), proposal.attestation.is_some());
        match (report.outcome, self) {
            (Outcome::Applied, Self::Direct) => {
                format!("{} row changed, with a receipt in the same transaction{}", report.rows_affected, versions(report))
            }
            (Outcome::Applied, Self::Handler { executor, .. }) => {
                format!("`{executor}` made the change: {}{}", output::counted(count(report.rows_affected), "row"), versions(report))
            }
            (Outcome::AlreadyApplied, _) if attested => {
                "a person attested that the change had been made; there is no receipt, and nothing was changed now".to_owned()
            }
            (Outcome::AlreadyApplied, _) => "the change had been made before; nothing was changed now".to_owned(),
            (Outcome::Conflict, _) => "the row is not what was approved; nothing was changed, and the agent may propose again".to_owned(),
            (Outcome::Failed, _) => "nothing was changed, and nothing of this attempt can change anything later".to_owned(),
            (Outcome::Unknown, Self::Direct) => {
                "the change may or may not be in the source; applying again finds out and never makes it twice".to_owned()
            }
            (Outcome::Unknown, Self::Handler { executor, keeps_operation_id: true }) if parked => {
                format!("the change may or may not have been made; once you know why `{executor}` did not say, it may be asked again")
            }
            (Outcome::Unknown, Self::Handler { executor, keeps_operation_id: true }) => {
                format!("the change may or may not have been made; applying again asks `{executor}`, which never makes it twice")
            }
            (Outcome::Unknown, Self::Handler { executor, keeps_operation_id: false }) => {
                format!("the change may or may not have been made, and `{executor}` is not asked a second time: look into the application")
            }
        }
    }
}

fn count(rows: u64) -> usize {
    usize::try_from(rows).unwrap_or(usize::MAX)
}

pub(super) fn tell(held: &Waiting) {
    output::note(format_args!("waiting: {} has the job until {} unless it renews its lease", output::visible(&held.holder), held.until));
}

/// The application as `--json` prints it.
pub(super) fn record(application: &Application) -> Value {
    let Application { proposal, report, attempt, .. } = application;
    json!({"ok": report.outcome.is_applied(), "proposal_id": proposal.id(), "status": report.outcome, "proposal_status": proposal.status,
        "attempt": attempt, "idempotency_key": proposal.terms.operation_id, "rows_affected": report.rows_affected,
        "source_database_mutated": report.outcome == Outcome::Applied, "previous_version": report.previous_version,
        "new_version": report.new_version, "also_changed": report.also_changed, "safe_error_code": report.code, "detail": report.detail,
        "details": report.details, "retry_after_seconds": report.retry_after_seconds})
}

fn print(id: &ProposalId, application: &Application, way: &Way, again: &str) {
    let report = &application.report;
    output::line(format_args!("{}: {id}{}", output::bold(report.outcome.as_str()), because(report)));
    output::line(way.meaning(report, &application.proposal));
    if report.outcome == Outcome::Applied && !report.also_changed.is_empty() {
        let columns: Vec<_> = report.also_changed.iter().map(AsRef::as_ref).collect();
        output::line(format_args!("also changed by the database or the guard: {}", columns.join(", ")));
    }
    if !report.details.is_empty() {
        output::line(format_args!("the application adds: {}", output::visible(&Value::Object(report.details.clone()).to_string())));
    }
    told(report);
    let may_follow = match report.outcome {
        Outcome::Failed => true,
        Outcome::Unknown => !matches!(way, Way::Handler { keeps_operation_id: false, .. }),
        Outcome::Applied | Outcome::AlreadyApplied | Outcome::Conflict => false,
    };
    if let Some(parked) = &application.proposal.dead_letter {
        output::line(format_args!("it is a dead letter now, which no worker tries again: {}", output::visible(&parked.letter.reason)));
        // Nothing that can be sent to a handler ends what may have acted: whoever does has to say what became of it.
        let outcome =
            if matches!(way, Way::Handler { .. }) && application.proposal.unresolved() { " --outcome applied|not-applied" } else { "" };
        output::line(format_args!("end it: synapsor-runner dead-letters resolve {id}{outcome} --reason '...'{again}"));
    }
    output::line(match may_follow {
        true => format!("try again: synapsor-runner apply {id}{again}"),
        false => format!("the whole story: synapsor-runner replay show {id}{again}"),
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
    let ok = match rehearsal {
        Rehearsal::Source(SourceRehearsal { report, .. }) | Rehearsal::Handler(report) => report.outcome.is_applied(),
        Rehearsal::Local => true,
    };
    if as_json {
        output::json(&rehearsal_record(id, rehearsal, ok));
        return output::exit(ok);
    }
    match rehearsal {
        Rehearsal::Source(SourceRehearsal { report, receipt_table_present }) => {
            would_be(id, report);
            output::line("everything was rolled back: no state changed, neither in the source nor in the ledger");
            if !receipt_table_present {
                output::line("the receipt table is not there yet, so claiming the operation was left out; applying makes it");
            }
            told(report);
        }
        Rehearsal::Handler(report) => {
            handler_would(id, report);
            told(report);
        }
        Rehearsal::Local => {
            output::line(format_args!(
                "dry run: {id} is in order on this side: approval, hash, configuration and what the handler is reached with"
            ));
            output::line("the handler was not called, so what it would do is not known; no state changed in the ledger");
        }
    }
    output::exit(ok)
}

fn would_be(id: &ProposalId, report: &Report) {
    output::line(format_args!("dry run: {id} would be {}{}{}", output::bold(report.outcome.as_str()), because(report), versions(report)));
}

/// What a handler said to a dry run. Only it can know what it did.
fn handler_would(id: &ProposalId, report: &Report) {
    match (report.outcome, &report.code) {
        (Outcome::Unknown, _) => {
            output::line(format_args!("dry run: {id} was sent to the handler, and no certain answer came{}", because(report)));
            output::line("what the handler did with the dry run is not known; no state changed in the ledger");
        }
        (Outcome::Failed, Some(code)) if *code == ErrorCode::DRY_RUN_UNSUPPORTED => {
            output::line(format_args!("dry run: the handler does not try {id} without making the change{}", because(report)));
            output::line("it says that it changed nothing; no state changed in the ledger");
        }
        (Outcome::Failed, Some(code)) if *code == ErrorCode::HANDLER_UNREACHABLE => {
            would_be(id, report);
            output::line("the handler was given nothing; no state changed in the ledger");
        }
        (Outcome::Applied | Outcome::AlreadyApplied | Outcome::Conflict | Outcome::Failed, _) => {
            would_be(id, report);
            output::line("the handler was asked for a dry run, and says that it changed nothing; no state changed in the ledger");
        }
    }
}

fn told(report: &Report) {
    if let Some(detail) = report.detail.as_deref().filter(|_| !report.outcome.is_applied()) {
        output::line(format_args!("detail: {}", output::visible(detail)));
    }
}

fn rehearsal_record(id: &ProposalId, rehearsal: &Rehearsal, ok: bool) -> Value {
    let of = |report: &Report| {
        json!({"ok": ok, "dry_run": true, "proposal_id": id, "would_be": report.outcome, "safe_error_code": report.code,
            "previous_version": report.previous_version, "new_version": report.new_version, "also_changed": report.also_changed,
            "source_database_mutated": false, "detail": report.detail})
    };
    let (mut record, by) = match rehearsal {
        Rehearsal::Source(SourceRehearsal { report, receipt_table_present }) => {
            let mut record = of(report);
            record["receipt_table_present"] = json!(receipt_table_present);
            (record, "source")
        }
        // Whether a handler kept to the dry run is not for us to say where its answer says nothing.
        Rehearsal::Handler(report) if report.outcome == Outcome::Unknown => {
            let mut record = of(report);
            record["source_database_mutated"] = Value::Null;
            (record, "handler")
        }
        Rehearsal::Handler(report) => (of(report), "handler"),
        Rehearsal::Local => {
            (json!({"ok": ok, "dry_run": true, "proposal_id": id, "would_be": null, "source_database_mutated": false}), "runner")
        }
    };
    record["rehearsed_by"] = json!(by);
    record
}
