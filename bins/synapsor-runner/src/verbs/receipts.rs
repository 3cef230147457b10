//! `receipts list|show`: what came of the attempts?

use std::process::ExitCode;

use serde_json::{Value, json};
use synapsor_ledger::{Activity, Filter, ReceiptLine};
use synapsor_operator::Records;
use synapsor_protocol::ExecutionReceipt;

use super::listing::{StatusOf, filter, named, print};
use crate::cli::{List, Receipts, Record};
use crate::compose::Setup;
use crate::failure::{Answer, Failure};
use crate::{output, review};

pub(super) async fn run(verb: Receipts) -> Answer<ExitCode> {
    match verb {
        Receipts::List(words) => list(&words).await,
        Receipts::Show(words) => show(&words).await,
    }
}

async fn list(words: &List) -> Answer<ExitCode> {
    let records = Setup::load(&words.place)?.records()?;
    let page = records.receipts(&filter(&words.filters, StatusOf::Receipts)?).await?;
    let columns = ["RECEIPT", "STATUS", "CAPABILITY", "TENANT", "OBJECT", "CREATED"];
    print(words.format, &page, "receipts", columns, |line: &ReceiptLine| {
        let object = named(&line.business_object, Some(&line.object_id));
        let code = line.safe_error_code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
        let status = format!("{}{code}", line.status);
        [line.receipt_id.clone(), status, line.capability.clone(), line.tenant_id.clone(), object, line.created_at.to_string()]
    });
    Ok(ExitCode::SUCCESS)
}

async fn show(words: &Record) -> Answer<ExitCode> {
    let records = Setup::load(&words.place)?.records()?;
    let found = found(&records, &words.id).await?;
    if words.format.json {
        let receipts: Vec<Value> = found.iter().map(|(line, receipt)| named_record(line, receipt)).collect();
        output::json(&json!({"ok": true, "receipts": receipts}));
    } else {
        output::line(found.iter().map(|(line, receipt)| text(line, receipt)).collect::<Vec<_>>().join("\n\n"));
    }
    Ok(ExitCode::SUCCESS)
}

fn named_record(line: &ReceiptLine, receipt: &ExecutionReceipt) -> Value {
    let mut record = json!({"receipt_id": line.receipt_id, "attempt": line.attempt});
    if let (Some(members), Value::Object(receipt)) = (record.as_object_mut(), json!(receipt)) {
        members.extend(receipt);
    }
    record
}

/// The receipts that an argument means, verified with their proposal, oldest first.
async fn found(records: &Records, id: &str) -> Answer<Vec<(ReceiptLine, ExecutionReceipt)>> {
    let id = if id == "latest" {
        let latest = records.receipts(&Filter { limit: 1, ..Filter::default() }).await?.lines.into_iter().next();
        latest.map(|line| line.receipt_id).ok_or_else(|| Failure::new("there is no receipt yet"))?
    } else {
        id.to_owned()
    };
    let related = records.related(&id, &Filter::default()).await?;
    let lines = related.into_iter().filter_map(|one| if let Activity::Receipt(line) = one { Some(line) } else { None });
    let lines: Vec<ReceiptLine> = lines.collect();
    let Some(proposal) = lines.first().map(|line| line.proposal_id.clone()) else {
        return Err(Failure::new(format_args!("there is no receipt of {}", output::visible(&id)))
            .hint("`synapsor-runner receipts list` shows what there is"));
    };
    let receipts = records.proposal(&proposal).await?.receipts;
    let all = lines.into_iter().rev().zip(receipts);
    let found: Vec<_> = all.filter(|(line, _)| !id.starts_with("receipt_") || line.receipt_id == id).collect();
    if found.is_empty() {
        return Err(Failure::new(format_args!("there is no receipt {}", output::visible(&id))));
    }
    Ok(found)
}

fn text(line: &ReceiptLine, receipt: &ExecutionReceipt) -> String {
    let mut text = String::new();
    let code = receipt.safe_error_code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
    let version = |version: &Option<synapsor_protocol::Scalar>| version.as_ref().map_or("-".to_owned(), ToString::to_string);
    for (label, value) in [
        ("receipt", line.receipt_id.clone()),
        ("status", format!("{}{code}", line.status)),
        ("proposal", receipt.proposal_id.to_string()),
        ("job", format!("{}, attempt {}", receipt.writeback_job_id, line.attempt)),
        ("operation", receipt.idempotency_key.to_string()),
        ("carried out by", receipt.runner_id.clone()),
        ("rows changed", receipt.rows_affected.to_string()),
        ("version", format!("{} -> {}", version(&receipt.previous_version), version(&receipt.new_version))),
        ("recorded at", receipt.executed_at.to_string()),
        ("receipt hash", receipt.receipt_hash.to_string()),
    ] {
        review::line(&mut text, label, output::visible(&value));
    }
    text.trim_end().to_owned()
}
