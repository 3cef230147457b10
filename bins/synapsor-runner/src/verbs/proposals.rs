//! `proposals list|show|approve|reject|cancel`: look at what waits, and decide.

use std::process::ExitCode;

use serde_json::json;
use synapsor_ledger::{Dossier, Summary};
use synapsor_operator::{Application, Cancellation, OperatorPort};
use synapsor_proposal::Proposal;
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{Digest, ErrorCode};

use super::listing::{StatusOf, filter, named, print};
use super::{apply, job, meant, recorded};
use crate::cli::{Approve, Cancel, List, One, Proposals, Reject};
use crate::compose::Setup;
use crate::failure::{Answer, Failure};
use crate::{output, review};

pub(super) async fn run(verb: Proposals) -> Answer<ExitCode> {
    match verb {
        Proposals::List(words) => list(&words).await,
        Proposals::Show(words) => show(&words).await,
        Proposals::Approve(words) => approve(&words).await,
        Proposals::Reject(words) => reject(&words).await,
        Proposals::Cancel(words) => cancel(&words).await,
        Proposals::WritebackJob(words) => job::export(&words).await,
    }
}

async fn list(words: &List) -> Answer<ExitCode> {
    let records = Setup::load(&words.place)?.records()?;
    let page = records.proposals(&filter(&words.filters, StatusOf::Proposals)?).await?;
    let columns = ["PROPOSAL", "STATUS", "CAPABILITY", "TENANT", "OBJECT", "CREATED"];
    print(words.format, &page, "proposals", columns, |summary: &Summary| {
        let object = named(&summary.business_object, Some(&summary.object_id));
        let parked = if summary.parked_at.is_some() { ", dead letter" } else { "" };
        let code = summary.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
        let status = format!("{}{parked}{code}", summary.status);
        let (id, created) = (summary.proposal_id.to_string(), summary.created_at.to_string());
        [id, status, summary.capability.clone(), summary.tenant_id.clone(), object, created]
    });
    Ok(ExitCode::SUCCESS)
}

async fn show(words: &One) -> Answer<ExitCode> {
    let records = Setup::load(&words.place)?.records()?;
    let dossier = records.proposal(&recorded(&records, &words.id).await?).await?;
    if words.format.json {
        output::json(&review::record(&dossier));
    } else {
        output::line(review::text(&dossier, &words.place.again()));
    }
    Ok(ExitCode::SUCCESS)
}

async fn approve(words: &Approve) -> Answer<ExitCode> {
    let port = Setup::load_served(&words.one.place)?.operator_port(words.actor.actor.clone())?;
    let id = meant(&port, &words.one.id).await?;
    let digest = match &words.digest {
        Some(text) => Digest::new(text).ok_or_else(|| Failure::new("`--digest` takes a digest: `sha256:` and the hash"))?,
        None => shown_digest(&port, &id, words).await?,
    };
    let proposal = port.approve(&id, digest, words.reason.clone()).await?;
    decided(words.one.format.json, &proposal, &format!("Approved {id}. Apply it: synapsor-runner apply {id}{}", words.one.place.again()));
    Ok(ExitCode::SUCCESS)
}

/// Shows the change, asks, and gives the digest of exactly what was shown.
async fn shown_digest(port: &OperatorPort, id: &ProposalId, words: &Approve) -> Answer<Digest> {
    let dossier = port.show(id).await?;
    output::note(review::text(&dossier, &words.one.place.again()));
    confirm(words.yes, "approve", &dossier)?;
    Ok(dossier.proposal.terms.approval_digest)
}

async fn reject(words: &Reject) -> Answer<ExitCode> {
    let reason = words.reason.clone().ok_or_else(|| Failure::new("a rejection has a reason").hint("say why with `--reason '...'`"))?;
    let port = Setup::load(&words.one.place)?.operator_port(words.actor.actor.clone())?;
    let id = meant(&port, &words.one.id).await?;
    confirm(words.yes, "reject", &port.show(&id).await?)?;
    let proposal = port.reject(&id, reason).await?;
    decided(words.one.format.json, &proposal, &format!("Rejected {id}; nothing was changed in the database."));
    Ok(ExitCode::SUCCESS)
}

async fn cancel(words: &Cancel) -> Answer<ExitCode> {
    let port = Setup::load(&words.one.place)?.operator_port(words.actor.actor.clone())?;
    let id = meant(&port, &words.one.id).await?;
    confirm(words.yes, "cancel", &port.show(&id).await?)?;
    match port.cancel(&id, words.reason.clone()).await? {
        Cancellation::Canceled(proposal) => {
            decided(words.one.format.json, &proposal, &format!("Canceled {id}; it was not applied and cannot be any more."));
            Ok(ExitCode::SUCCESS)
        }
        Cancellation::Settled(application) => Ok(too_late(&id, &application, words.one.format.json)),
        Cancellation::Unresolved(report) => {
            let detail = report.detail.unwrap_or_else(|| "the source gives no certain answer".to_owned());
            let failure = Failure::new(format_args!("{id} was claimed, and what became of it cannot be found out now: {detail}"));
            // Waiting does not help where nothing can be asked.
            let waits = report.code != Some(ErrorCode::HANDLER_NOT_FENCED);
            Err(failure.hint(match waits {
                true => "nothing was changed; cancel it again when the source can be reached".to_owned(),
                false => format!("nothing was changed; `synapsor-runner dead-letters resolve {id}` ends it, and says what it needs"),
            }))
        }
    }
}

fn too_late(id: &ProposalId, application: &Application, as_json: bool) -> ExitCode {
    if as_json {
        output::json(&apply::record(application));
    } else {
        output::line(format_args!("{id} cannot be canceled: the source has its receipt, {}", application.report.outcome));
    }
    output::exit(false)
}

fn decided(as_json: bool, proposal: &Proposal, sentence: &str) {
    if as_json {
        output::json(&json!({"ok": true, "proposal_id": proposal.id(), "status": proposal.status,
            "approval_digest": proposal.terms.approval_digest, "proposal_hash": proposal.terms.proposal_hash}));
    } else {
        output::line(sentence);
    }
}

/// Asks a person, if there is one. Without a terminal `--yes` must say it.
fn confirm(yes: bool, verb: &str, dossier: &Dossier) -> Answer<()> {
    if yes {
        return Ok(());
    }
    let id = dossier.proposal.id();
    match review::ask(&format!("{verb} {id}?")) {
        Some(true) => Ok(()),
        Some(false) => Err(Failure::new(format_args!("{id} was left as it is"))),
        None => Err(Failure::new(format_args!("there is no terminal to ask on, so {id} was left as it is"))
            .hint("say `--yes`, or name what you saw with `--digest`")),
    }
}
