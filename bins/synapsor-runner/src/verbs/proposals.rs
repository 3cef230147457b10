//! `proposals list|show|approve|reject|cancel`: look at what waits, and decide.

use std::process::ExitCode;

use serde_json::json;
use synapsor_ledger::{Cursor, Dossier, Filter, Page, Summary};
use synapsor_operator::{Application, Cancellation, OperatorPort};
use synapsor_proposal::{Proposal, Status};
use synapsor_protocol::Digest;
use synapsor_protocol::id::ProposalId;

use super::{apply, meant};
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
    }
}

async fn list(words: &List) -> Answer<ExitCode> {
    let port = Setup::load(&words.place)?.operator_port(None)?;
    let found = port.list(&filter(words)?).await?;
    if words.format.json {
        output::json(&json!({"ok": true, "proposals": found.lines, "next_cursor": found.next}));
    } else {
        print_list(&found);
    }
    Ok(ExitCode::SUCCESS)
}

fn filter(words: &List) -> Answer<Filter> {
    let status = match words.status.as_deref() {
        Some(word) => Some(Status::parse(word).ok_or_else(|| {
            let known = Status::ALL.map(Status::as_str).join(", ");
            Failure::new(format_args!("`{}` is no status", output::visible(word))).hint(format_args!("one of: {known}"))
        })?),
        None => None,
    };
    let object = words.object.as_deref().map(|object| object.split_once(':').unwrap_or(("", object)));
    Ok(Filter {
        status,
        tenant_id: words.tenant.clone(),
        capability: words.capability.clone(),
        business_object: object.map(|(kind, _)| kind.to_owned()).filter(|kind| !kind.is_empty()),
        object_id: object.map(|(_, id)| id.to_owned()),
        before: words.before.as_deref().and_then(Cursor::parse),
        limit: words.limit,
        ..Filter::default()
    })
}

fn print_list(found: &Page<Summary>) {
    if found.lines.is_empty() {
        output::line("no proposals");
        return;
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING);
    table.set_header(["PROPOSAL", "STATUS", "CAPABILITY", "TENANT", "OBJECT", "CREATED"]);
    for summary in &found.lines {
        let object = format!("{}:{}", summary.business_object, summary.object_id);
        let status = summary.code.as_ref().map_or(summary.status.to_string(), |code| format!("{} ({code})", summary.status));
        let cells = [
            summary.proposal_id.to_string(),
            status,
            summary.capability.clone(),
            summary.tenant_id.clone(),
            object,
            summary.created_at.to_string(),
        ];
        table.add_row(cells.map(|cell| output::visible(&cell)));
    }
    output::line(table.trim_fmt());
    if let Some(next) = &found.next {
        output::line(format_args!("more: --before {next}"));
    }
}

async fn show(words: &One) -> Answer<ExitCode> {
    let port = Setup::load(&words.place)?.operator_port(None)?;
    let dossier = port.show(&meant(&port, &words.id).await?).await?;
    if words.format.json {
        output::json(&review::record(&dossier));
    } else {
        output::line(review::text(&dossier));
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
    decided(words.one.format.json, &proposal, &format!("Approved {id}. Apply it: synapsor-runner apply {id}"));
    Ok(ExitCode::SUCCESS)
}

/// Shows the change, asks, and gives the digest of exactly what was shown.
async fn shown_digest(port: &OperatorPort, id: &ProposalId, words: &Approve) -> Answer<Digest> {
    let dossier = port.show(id).await?;
    output::note(review::text(&dossier));
    confirm(words.yes, "approve", &dossier)?;
    Ok(dossier.proposal.terms.approval_digest)
}

async fn reject(words: &Reject) -> Answer<ExitCode> {
    let port = Setup::load(&words.one.place)?.operator_port(words.actor.actor.clone())?;
    let id = meant(&port, &words.one.id).await?;
    confirm(words.yes, "reject", &port.show(&id).await?)?;
    let proposal = port.reject(&id, words.reason.clone()).await?;
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
            Err(Failure::new(format_args!("{id} was claimed, and what became of it cannot be found out now: {detail}"))
                .hint("nothing was changed; cancel it again when the source can be reached"))
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
