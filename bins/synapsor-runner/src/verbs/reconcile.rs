//! `reconcile [ID]`: find out what became of attempts whose outcome is unknown.

use std::process::ExitCode;

use serde_json::{Value, json};
use synapsor_ledger::LedgerError;
use synapsor_operator::{OperatorError, OperatorPort, Reconciled};
use synapsor_proposal::{Proposal, Status};
use synapsor_protocol::Outcome;
use synapsor_protocol::chain::chain;
use synapsor_protocol::id::ProposalId;

use super::leave::until_told;
use super::{apply, named};
use crate::cli::Reconcile;
use crate::compose::Setup;
use crate::failure::Answer;
use crate::output::{self, visible};

/// What came of one of them.
struct Line {
    /// Whether it is settled now; none if nothing about it was unknown.
    settled: Option<bool>,
    text: String,
    record: Value,
}

pub(super) async fn run(words: &Reconcile) -> Answer<ExitCode> {
    let port = Setup::load_served(&words.place)?.operator_port(words.actor.actor.clone())?.leaving(until_told()?);
    let ids = match &words.id {
        Some(id) => vec![named(id)?],
        None => port.unresolved().await?,
    };
    let (mut unknown, mut settled, mut records) = (0, 0, Vec::new());
    for id in &ids {
        let line = reconciled(&port, id, &words.place.again()).await?;
        unknown += usize::from(line.settled.is_some());
        settled += usize::from(line.settled == Some(true));
        if words.format.json {
            records.push(line.record);
        } else {
            output::line(line.text);
        }
    }
    let ok = settled == unknown;
    if words.format.json {
        output::json(&json!({"ok": ok, "unresolved": unknown, "settled": settled, "results": records}));
    } else if ids.is_empty() {
        output::line("no outcome is unknown");
    } else if unknown > 0 {
        output::line(format_args!("{settled} of {} settled", output::counted(unknown, "unknown outcome")));
    }
    Ok(output::exit(ok))
}

async fn reconciled(port: &OperatorPort, id: &ProposalId, again: &str) -> Answer<Line> {
    Ok(match port.reconcile(id, &mut |held| apply::tell(held)).await {
        Ok(reconciled) => told(id, &reconciled, again),
        Err(error) if error.is_of_the_store() => return Err(error.into()),
        Err(OperatorError::Ledger(error @ LedgerError::NoProposal(_))) => return Err(error.into()),
        Err(error) => trouble(id, &error),
    })
}

fn told(id: &ProposalId, reconciled: &Reconciled, again: &str) -> Line {
    match reconciled {
        Reconciled::Tried(application) => {
            let report = &application.report;
            let code = report.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
            let settled = !matches!(report.outcome, Outcome::Failed | Outcome::Unknown);
            let what = if settled { "" } else { "; it is not settled yet" };
            let mut record = apply::record(application);
            record["settled"] = json!(settled);
            Line { settled: Some(settled), text: format!("{} {id}{code}{what}", report.outcome), record }
        }
        Reconciled::Stopped(proposal) => Line {
            settled: Some(true),
            text: format!("{} {id}: it had no effect, and a tombstone in the source keeps it so", proposal.status),
            record: json!({"ok": true, "settled": true, "proposal_id": id, "proposal_status": proposal.status, "resolved": "tombstone"}),
        },
        Reconciled::Known(proposal) => Line {
            settled: None,
            text: format!("{id} is {}{}: nothing about it is unknown", proposal.status, after_failure(proposal)),
            record: json!({"ok": true, "settled": null, "proposal_id": id, "proposal_status": proposal.status}),
        },
        Reconciled::Person { attempt, possible_from } => Line {
            settled: Some(false),
            text: format!(
                "unknown {id}: attempt {attempt} may have acted, and another one would not find out; look into the application, and from \
                 {possible_from} on say what you find: synapsor-runner dead-letters resolve {id} --outcome applied|not-applied \
                 --reason '...'{again}"
            ),
            record: json!({"ok": false, "settled": false, "proposal_id": id, "waits_for": "person", "attempt": attempt,
                "possible_from": possible_from}),
        },
    }
}

/// Claimed, and no attempt did anything: that is known as well.
fn after_failure(proposal: &Proposal) -> &'static str {
    if proposal.status == Status::PendingWorker { ", and each attempt is proved to have done nothing" } else { "" }
}

fn trouble(id: &ProposalId, error: &OperatorError) -> Line {
    let why = chain(error);
    Line {
        settled: Some(false),
        text: format!("unknown {id}: {}", visible(&why)),
        record: json!({"ok": false, "settled": false, "proposal_id": id, "error": why}),
    }
}
