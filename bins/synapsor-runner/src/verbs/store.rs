//! `store stats|verify|head`: the ledger as a whole.

use std::process::ExitCode;

use serde::Serialize;
use serde_json::{Value, json};
use synapsor_ledger::{Head, Stats, Verified};

use crate::cli::{Store, Whole};
use crate::compose::Setup;
use crate::failure::Answer;
use crate::{output, review};

pub(super) async fn run(verb: Store) -> Answer<ExitCode> {
    match verb {
        Store::Stats(words) => stats(&words).await,
        Store::Verify(words) => verify(&words).await,
        Store::Head(words) => head(&words).await,
    }
}

async fn stats(words: &Whole) -> Answer<ExitCode> {
    let stats = Setup::load(&words.place)?.records()?.stats().await?;
    if words.format.json {
        let tables: serde_json::Map<String, Value> = stats.tables.iter().map(|one| (one.table.to_owned(), json!(one.rows))).collect();
        answer(&stats, [("tables", Value::Object(tables))]);
        return Ok(ExitCode::SUCCESS);
    }
    let Stats { path, layout, tables, page_count, page_size, approx_bytes, log_bytes, head, between } = &stats;
    let mut text = String::new();
    review::line(&mut text, "ledger", output::visible(&path.display().to_string()));
    review::line(&mut text, "layout", layout);
    review::line(&mut text, "bytes", format_args!("{approx_bytes} in {page_count} pages of {page_size}, and {log_bytes} in its log"));
    if let Some([first, last]) = between {
        review::line(&mut text, "written", format_args!("from {first} to {last}"));
    }
    if let Some(Head { commit, hash }) = head {
        review::line(&mut text, "head", format_args!("commit {commit}, {hash}"));
    }
    for rows in tables {
        review::line(&mut text, rows.table, rows.rows);
    }
    output::line(text.trim_end());
    Ok(ExitCode::SUCCESS)
}

async fn verify(words: &Whole) -> Answer<ExitCode> {
    let verified = Setup::load(&words.place)?.records()?.verify().await?;
    if words.format.json {
        answer(&verified, []);
        return Ok(ExitCode::SUCCESS);
    }
    let Verified { head, records, proposals } = &verified;
    let commits = head.as_ref().map_or(0, |head| head.commit);
    output::line(format_args!("verified: {records} records in {commits} commits, {proposals} proposals"));
    if let Some(Head { commit, hash }) = head {
        output::line(format_args!("head: commit {commit}, {hash}"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn head(words: &Whole) -> Answer<ExitCode> {
    let head = Setup::load(&words.place)?.records()?.head().await?;
    if words.format.json {
        output::json(&json!({"ok": true, "head": head}));
    } else {
        output::line(head.map_or("nothing was recorded yet".to_owned(), |Head { commit, hash }| format!("commit {commit}, {hash}")));
    }
    Ok(ExitCode::SUCCESS)
}

/// A record with `ok`, some of its members put otherwise.
fn answer<const N: usize>(record: &impl Serialize, instead: [(&str, Value); N]) {
    let mut answer = json!({"ok": true});
    if let (Some(members), Value::Object(record)) = (answer.as_object_mut(), json!(record)) {
        members.extend(record);
        members.extend(instead.map(|(name, value)| (name.to_owned(), value)));
    }
    output::json(&answer);
}
