//! `evidence list|show|export`: what were agents shown?

use std::fmt::Write as _;
use std::process::ExitCode;

use serde_json::{Value, json};
use synapsor_ledger::{Evidence as Bundle, EvidenceLine, Filter, QueryAudit};
use synapsor_operator::Records;
use synapsor_protocol::id::{EvidenceId, ProposalId};

use super::export;
use super::listing::{StatusOf, filter, named, print};
use crate::cli::{Evidence, Export, List, Record, Written};
use crate::compose::Setup;
use crate::failure::{Answer, Failure};
use crate::{output, review};

pub(super) async fn run(verb: Evidence) -> Answer<ExitCode> {
    match verb {
        Evidence::List(words) => list(&words).await,
        Evidence::Show(words) => show(&words).await,
        Evidence::Export(words) => export(&words).await,
    }
}

async fn list(words: &List) -> Answer<ExitCode> {
    let records = Setup::load(&words.place)?.records()?;
    let page = records.evidence_list(&filter(&words.filters, StatusOf::Proposals)?).await?;
    let columns = ["EVIDENCE", "CAPABILITY", "TENANT", "OBJECT", "ROWS", "PROPOSAL", "CREATED"];
    print(words.format, &page, "evidence", columns, |line: &EvidenceLine| {
        let proposal = line.proposal_id.as_ref().map_or("-".to_owned(), ToString::to_string);
        let (of, object) = (&line.of, named(&line.of.business_object, line.of.object_id.as_deref()));
        let items = line.items.to_string();
        [line.evidence_id.to_string(), of.capability.clone(), of.tenant_id.clone(), object, items, proposal, line.created_at.to_string()]
    });
    Ok(ExitCode::SUCCESS)
}

async fn show(words: &Record) -> Answer<ExitCode> {
    let records = Setup::load(&words.place)?.records()?;
    let found = found(&records, &words.id).await?;
    if words.format.json {
        let Found { bundle, audit, proposal } = &found;
        output::json(&json!({"ok": true, "evidence": bundle, "query_audit": audit, "proposal_id": proposal}));
    } else {
        output::line(text(&found));
    }
    Ok(ExitCode::SUCCESS)
}

async fn export(words: &Export) -> Answer<ExitCode> {
    let records = Setup::load(&words.record.place)?.records()?;
    let found = found(&records, &words.record.id).await?;
    let bytes = match words.written {
        Written::Json => export::json_file(&words.file, &found.record())?,
        Written::Markdown => export::text_file(&words.file, &markdown(&found))?,
    };
    Ok(export::done(&words.file, found.bundle.evidence_id.as_str(), bytes, words.record.format))
}

/// One bundle with what belongs to it.
struct Found {
    bundle: Bundle,
    audit: Vec<QueryAudit>,
    proposal: Option<ProposalId>,
}

impl Found {
    /// The bundle with its audit rows, as it is exported.
    fn record(&self) -> Value {
        let mut record = json!(self.bundle);
        if let Some(members) = record.as_object_mut() {
            members.insert("query_audit".to_owned(), json!(self.audit));
            members.insert("proposal_id".to_owned(), json!(self.proposal));
        }
        record
    }
}

/// The bundle that an argument means. One that a proposal was made of is verified with it.
async fn found(records: &Records, id: &str) -> Answer<Found> {
    let id = meant(records, id).await?;
    let proposal = records.made_of(&id).await?;
    if let Some(proposal) = &proposal {
        records.proposal(proposal).await?;
    }
    let Some(bundle) = records.evidence(&id).await? else {
        let id = output::visible(id.as_str());
        return Err(Failure::new(format_args!("there is no evidence {id}")).hint("`synapsor-runner evidence list` shows what there is"));
    };
    let audit = records.audit_of(&bundle).await?.into_iter().collect();
    Ok(Found { bundle, audit, proposal })
}

async fn meant(records: &Records, id: &str) -> Answer<EvidenceId> {
    if id == "latest" {
        let latest = records.evidence_list(&Filter { limit: 1, ..Filter::default() }).await?.lines.into_iter().next();
        return latest.map(|line| line.evidence_id).ok_or_else(|| Failure::new("there is no evidence yet"));
    }
    EvidenceId::new(id).ok_or_else(|| Failure::new(format_args!("`{}` is no evidence id", output::visible(id))))
}

fn text(found: &Found) -> String {
    let mut text = String::new();
    for (label, value) in facts(found) {
        review::line(&mut text, label, value);
    }
    let _infallible = writeln!(text, "{}", output::bold("what was read"));
    for item in &found.bundle.items {
        let _infallible = writeln!(text, "  {}", output::visible_json(&item.to_string()));
    }
    text.trim_end().to_owned()
}

fn markdown(found: &Found) -> String {
    let mut text = format!("# Evidence {}\n\n", review::code(found.bundle.evidence_id.as_str()));
    for (label, value) in facts(found).into_iter().skip(1) {
        let _infallible = writeln!(text, "- {label}: {}", review::code(&value));
    }
    text.push_str("\n## What was read\n\n");
    for item in &found.bundle.items {
        let _infallible = writeln!(text, "    {}", output::visible_json(&item.to_string()));
    }
    text.trim_end().to_owned()
}

fn facts(Found { bundle, audit, proposal }: &Found) -> Vec<(&'static str, String)> {
    let object = named(&bundle.business_object, bundle.object_id.as_deref());
    let mut facts = vec![
        ("evidence", bundle.evidence_id.to_string()),
        ("read at", bundle.created_at.to_string()),
        ("capability", output::visible(&bundle.capability)),
        ("read for", output::visible(&bundle.principal)),
        ("tenant", output::visible(&bundle.tenant_id)),
        ("table", format!("{} {}", output::visible(&bundle.source_id), output::visible(&bundle.table))),
        ("object", output::visible(&object)),
        ("query shape", bundle.query_fingerprint.to_string()),
        ("proposal", proposal.as_ref().map_or("none was made of it".to_owned(), ToString::to_string)),
    ];
    facts.extend(audit.iter().map(|audit| ("query", format!("{} gave {} row(s)", audit.audit_id, audit.row_count))));
    facts
}
