//! `query-audit list|show|export`: which queries ran?

use std::process::ExitCode;

use serde_json::json;
use synapsor_ledger::{AuditLine, Filter, QueryAudit as Row};
use synapsor_operator::Records;
use synapsor_protocol::id::AuditId;

use super::export;
use super::listing::{StatusOf, filter, named, print};
use crate::cli::{ExportJson, List, QueryAudit, Record};
use crate::compose::Setup;
use crate::failure::{Answer, Failure};
use crate::{output, review};

pub(super) async fn run(verb: QueryAudit) -> Answer<ExitCode> {
    match verb {
        QueryAudit::List(words) => list(&words).await,
        QueryAudit::Show(words) => show(&words).await,
        QueryAudit::Export(words) => export(&words).await,
    }
}

async fn list(words: &List) -> Answer<ExitCode> {
    let records = Setup::load(&words.place)?.records()?;
    let page = records.audit_list(&filter(&words.filters, StatusOf::Proposals)?).await?;
    let columns = ["QUERY", "CAPABILITY", "TENANT", "OBJECT", "ROWS", "CREATED"];
    print(words.format, &page, "query_audit", columns, |line: &AuditLine| {
        let (of, object) = (&line.of, named(&line.of.business_object, line.of.object_id.as_deref()));
        let rows = line.row_count.to_string();
        [line.audit_id.to_string(), of.capability.clone(), of.tenant_id.clone(), object, rows, line.created_at.to_string()]
    });
    Ok(ExitCode::SUCCESS)
}

async fn show(words: &Record) -> Answer<ExitCode> {
    let records = Setup::load(&words.place)?.records()?;
    let row = found(&records, &words.id).await?;
    if words.format.json {
        output::json(&json!({"ok": true, "query_audit": row}));
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = String::new();
    let object = named(&row.business_object, row.object_id.as_deref());
    let evidence = row.evidence_id.as_ref().map_or("none: nothing was shown".to_owned(), ToString::to_string);
    for (label, value) in [
        ("query", row.audit_id.to_string()),
        ("asked at", row.created_at.to_string()),
        ("capability", row.capability),
        ("asked for", row.principal),
        ("tenant", row.tenant_id),
        ("table", format!("{} {}", row.source_id, row.table)),
        ("object", object),
        ("query shape", row.query_fingerprint.to_string()),
        ("rows", row.row_count.to_string()),
        ("evidence", evidence),
    ] {
        review::line(&mut text, label, output::visible(&value));
    }
    output::line(text.trim_end());
    Ok(ExitCode::SUCCESS)
}

async fn export(words: &ExportJson) -> Answer<ExitCode> {
    let records = Setup::load(&words.record.place)?.records()?;
    let row = found(&records, &words.record.id).await?;
    let bytes = export::json_file(&words.file, &row)?;
    Ok(export::done(&words.file, row.audit_id.as_str(), bytes, words.record.format))
}

async fn found(records: &Records, id: &str) -> Answer<Row> {
    let id = if id == "latest" {
        let latest = records.audit_list(&Filter { limit: 1, ..Filter::default() }).await?.lines.into_iter().next();
        latest.map(|line| line.audit_id).ok_or_else(|| Failure::new("no query is on record yet"))?
    } else {
        AuditId::new(id).ok_or_else(|| Failure::new(format_args!("`{}` is no id of an audit row", output::visible(id))))?
    };
    records.audit(&id).await?.ok_or_else(|| {
        Failure::new(format_args!("there is no audit row {}", output::visible(id.as_str())))
            .hint("`synapsor-runner query-audit list` shows what there is")
    })
}
