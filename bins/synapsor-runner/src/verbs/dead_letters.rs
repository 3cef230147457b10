//! `dead-letters list|show|replay|resolve`: what nobody tries again by themselves.

use std::process::ExitCode;

use serde_json::{Value, json};
use synapsor_ledger::{DeadLetterLine, Filter};
use synapsor_operator::{Records, Resolution};
use synapsor_proposal::{AttestedOutcome, Proposal};
use synapsor_protocol::id::ProposalId;

use super::leave::until_told;
use super::listing::{StatusOf, filter, named, print};
use super::{apply, batch, named as id_of};
use crate::cli::{DeadLetters, List, One, ReplayDeadLetter, ResolveDeadLetter, Said};
use crate::compose::Setup;
use crate::failure::{Answer, Failure};
use crate::{output, review};

pub(super) async fn run(verb: DeadLetters) -> Answer<ExitCode> {
    match verb {
        DeadLetters::List(words) => list(&words).await,
        DeadLetters::Show(words) => show(&words).await,
        DeadLetters::Replay(words) => replay(&words).await,
        DeadLetters::Resolve(words) => resolve(&words).await,
    }
}

async fn list(words: &List) -> Answer<ExitCode> {
    let records = Setup::load(&words.place)?.records()?;
    let page = records.dead_letters(&filter(&words.filters, StatusOf::Proposals)?).await?;
    let columns = ["PROPOSAL", "OUTCOME", "CAPABILITY", "TENANT", "OBJECT", "SINCE", "WHY"];
    print(words.format, &page, "dead_letters", columns, |line: &DeadLetterLine| {
        let proposal = &line.proposal;
        let object = named(&proposal.business_object, Some(&proposal.object_id));
        let code = proposal.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
        let outcome = proposal.outcome.map_or("not tried".to_owned(), |outcome| format!("{outcome}{code}"));
        let since = proposal.parked_at.map(|at| at.to_string()).unwrap_or_default();
        let (id, capability, tenant) = (proposal.proposal_id.to_string(), proposal.capability.clone(), proposal.tenant_id.clone());
        [id, outcome, capability, tenant, object, since, line.reason.clone()]
    });
    if !words.format.json && !page.lines.is_empty() {
        output::line(
            "`synapsor-runner dead-letters show ID` says what each one needs: `dead-letters replay ID` tries again, \
             `dead-letters resolve ID --reason '...'` ends it",
        );
    }
    Ok(ExitCode::SUCCESS)
}

async fn show(words: &One) -> Answer<ExitCode> {
    let records = Setup::load(&words.place)?.records()?;
    let dossier = records.proposal(&meant(&records, &words.id).await?).await?;
    if dossier.proposal.dead_letter.is_none() {
        return Err(Failure::new(format_args!("{} is {}, and no dead letter", dossier.proposal.id(), dossier.proposal.status))
            .hint(format_args!("`synapsor-runner proposals show {}` shows it", dossier.proposal.id())));
    }
    if words.format.json {
        output::json(&review::record(&dossier));
    } else {
        output::line(review::text(&dossier, &words.place.again()));
    }
    Ok(ExitCode::SUCCESS)
}

async fn replay(words: &ReplayDeadLetter) -> Answer<ExitCode> {
    let setup = Setup::load_served(&words.one.place)?;
    let at_once = if words.all { usize::from(words.concurrency) } else { 1 };
    let port = setup.worker_port(words.actor.actor.clone(), at_once)?;
    if words.all {
        let ids = port.all_dead_letters(&Filter::default()).await?;
        return batch::each(&port, ids, at_once, words.one.format.json, batch::LeftOut::default()).await;
    }
    let port = port.leaving(until_told()?);
    let id = meant(&Records::of(&port), &words.one.id).await?;
    let way = apply::way(&setup.config, &port, &id, words.one.format.json).await?;
    let application = port.replay_dead_letter(&id, &mut |held| apply::tell(held)).await?;
    Ok(apply::answer(&application, way.as_ref(), &words.one.place.again()))
}

async fn resolve(words: &ResolveDeadLetter) -> Answer<ExitCode> {
    let port = Setup::load_served(&words.place)?.operator_port(words.actor.actor.clone())?;
    let id = meant(&Records::of(&port), &words.id).await?;
    let outcome = words.outcome.map(|said| match said {
        Said::Applied => AttestedOutcome::Applied,
        Said::NotApplied => AttestedOutcome::NotApplied,
    });
    let resolution = port.resolve(&id, outcome, words.reason.clone()).await?;
    if words.format.json {
        output::json(&record(&resolution));
    } else {
        output::line(text(&id, &resolution));
    }
    Ok(ExitCode::SUCCESS)
}

fn record(resolution: &Resolution) -> Value {
    let of = |proposal: &Proposal, how: &str| json!({"ok": true, "proposal_id": proposal.id(), "status": proposal.status, "resolved": how});
    match resolution {
        Resolution::Ended(proposal) if proposal.tombstone.is_some() => of(proposal, "tombstone"),
        Resolution::Ended(proposal) => of(proposal, "canceled"),
        Resolution::Attested(proposal) => of(proposal, "attested"),
        Resolution::Found(application) => of(&application.proposal, "receipt"),
    }
}

fn text(id: &ProposalId, resolution: &Resolution) -> String {
    match resolution {
        Resolution::Ended(proposal) if proposal.tombstone.is_some() => {
            format!("{id} is {}: it had no effect, and a tombstone in the source keeps it so", proposal.status)
        }
        Resolution::Ended(proposal) => format!("{id} is {}: it was never tried", proposal.status),
        // The attempts had reported it, one by one; only the end is a person's.
        Resolution::Attested(proposal) if proposal.attempts.iter().all(|attempt| !attempt.is_unresolved()) => {
            format!("{id} is {}: every attempt is proved to have done nothing", proposal.status)
        }
        Resolution::Attested(proposal) => format!("{id} is {}, by your word: it is on record as attested, not as proved", proposal.status),
        Resolution::Found(application) => {
            let proposal = &application.proposal;
            format!("{id} is {}: the source has its receipt, which says {}", proposal.status, application.report.outcome)
        }
    }
}

/// The dead letter that an argument means: an id, or `latest`.
async fn meant(records: &Records, id: &str) -> Answer<ProposalId> {
    if id != "latest" {
        return id_of(id);
    }
    let newest = records.dead_letters(&Filter { limit: 1, ..Filter::default() }).await?.lines.into_iter().next();
    newest.map(|line| line.proposal.proposal_id).ok_or_else(|| Failure::new("there is no dead letter"))
}
