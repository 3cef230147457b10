//! `activity search [ID]`: everything that is on record, newest first.

use std::process::ExitCode;

use synapsor_ledger::{Activity as Found, Filter, Page};

use super::listing::{StatusOf, filter, named, print};
use crate::cli::{Activity, Search};
use crate::compose::Setup;
use crate::failure::{Answer, Failure};
use crate::output;

pub(super) async fn run(verb: Activity) -> Answer<ExitCode> {
    let Activity::Search(words) = verb;
    let records = Setup::load(&words.list.place)?.records()?;
    let filter = filter(&words.list.filters, StatusOf::Either)?;
    let page = match id_of(&words) {
        None => records.activity(&filter).await?,
        Some(id) => {
            let lines = records.related(id, &filter).await?;
            if lines.is_empty() && records.related(id, &Filter::default()).await?.is_empty() {
                return Err(Failure::new(format_args!("nothing on record belongs to {}", output::visible(id)))
                    .hint("`synapsor-runner activity search` without an id shows what there is"));
            }
            Page { lines, next: None, unreadable: 0 }
        }
    };
    let columns = ["KIND", "ID", "STATUS", "CAPABILITY", "TENANT", "OBJECT", "CREATED"];
    print(words.list.format, &page, "activity", columns, row);
    if !words.list.format.json {
        page.lines.iter().for_each(cause);
    }
    Ok(ExitCode::SUCCESS)
}

fn id_of(words: &Search) -> Option<&str> {
    [&words.id, &words.proposal, &words.replay, &words.receipt, &words.evidence].into_iter().flatten().next().map(String::as_str)
}

fn row(found: &Found) -> [String; 7] {
    let text = |text: &str| text.to_owned();
    match found {
        Found::Proposal(line) => {
            let object = named(&line.business_object, Some(&line.object_id));
            let (id, status, at) = (line.proposal_id.to_string(), line.status.to_string(), line.created_at.to_string());
            [text("proposal"), id, status, line.capability.clone(), line.tenant_id.clone(), object, at]
        }
        Found::Receipt(line) => {
            let object = named(&line.business_object, Some(&line.object_id));
            let (status, at) = (line.status.to_string(), line.created_at.to_string());
            [text("receipt"), line.receipt_id.clone(), status, line.capability.clone(), line.tenant_id.clone(), object, at]
        }
        Found::Evidence(line) => {
            let (of, object) = (&line.of, named(&line.of.business_object, line.of.object_id.as_deref()));
            let (id, at) = (line.evidence_id.to_string(), line.created_at.to_string());
            [text("evidence"), id, text("-"), of.capability.clone(), of.tenant_id.clone(), object, at]
        }
        Found::QueryAudit(line) => {
            let (of, object) = (&line.of, named(&line.of.business_object, line.of.object_id.as_deref()));
            let (id, at) = (line.audit_id.to_string(), line.created_at.to_string());
            [text("query_audit"), id, text("-"), of.capability.clone(), of.tenant_id.clone(), object, at]
        }
        Found::Diagnostic(found) => {
            let (id, tenant) = (found.diagnostic_id.to_string(), found.tenant_id.clone().unwrap_or_else(|| text("-")));
            [text("diagnostic"), id, found.code.clone(), found.capability.clone(), tenant, text("-"), found.created_at.to_string()]
        }
    }
}

/// What no column has room for: why a call was refused.
fn cause(found: &Found) {
    if let Found::Diagnostic(found) = found {
        output::line(format_args!("{}: {}", found.diagnostic_id, output::visible(&found.detail)));
    }
}
