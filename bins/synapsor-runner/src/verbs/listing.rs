//! Which records does a list show, and how is a page of them printed?

use comfy_table::{Table, presets};
use serde::Serialize;
use serde_json::{Map, Value, json};
use synapsor_ledger::{Cursor, Filter, Page};
use synapsor_proposal::Status;
use synapsor_protocol::{Digest, Outcome, Timestamp};

use crate::cli::{Filters, Format};
use crate::failure::{Answer, Failure};
use crate::output;

/// What a status may be of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StatusOf {
    Proposals,
    Receipts,
    Either,
}

/// The outcomes of which there are receipts.
const OUTCOMES: [Outcome; 4] = [Outcome::Applied, Outcome::AlreadyApplied, Outcome::Conflict, Outcome::Failed];

/// The filter that these words mean.
pub(super) fn filter(words: &Filters, of: StatusOf) -> Answer<Filter> {
    let (status, outcome) = statuses(words.status.as_deref(), of)?;
    let (kind, id) = words.object.as_deref().map(object).transpose()?.unwrap_or_default();
    Ok(Filter {
        status,
        outcome,
        mode: None,
        tenant_id: words.tenant.clone(),
        principal: words.principal.clone(),
        capability: words.capability.clone(),
        business_object: kind,
        object_id: id,
        primary_key: words.primary_key.clone(),
        source_id: words.source.clone(),
        table: words.table.clone(),
        query_fingerprint: words.fingerprint.as_deref().map(fingerprint).transpose()?,
        from: words.from.as_deref().map(|text| moment("--from", text, "T00:00:00Z")).transpose()?,
        to: words.to.as_deref().map(|text| moment("--to", text, "T23:59:59.999999Z")).transpose()?,
        before: words.before.as_deref().map(cursor).transpose()?,
        limit: words.limit,
    })
}

/// The cursor that a word is.
pub(super) fn cursor(text: &str) -> Answer<Cursor> {
    Cursor::parse(text).ok_or_else(|| {
        Failure::new(format_args!("`{}` is no cursor", output::visible(text))).hint("take the one that the last page ended with")
    })
}

fn statuses(word: Option<&str>, of: StatusOf) -> Answer<(Option<Status>, Option<Outcome>)> {
    let Some(word) = word else { return Ok((None, None)) };
    let status = Status::parse(word).filter(|_| of != StatusOf::Receipts);
    let outcome = OUTCOMES.into_iter().find(|outcome| outcome.as_str() == word).filter(|_| of != StatusOf::Proposals);
    if status.is_some() || outcome.is_some() {
        return Ok((status, outcome));
    }
    let mut known: Vec<&str> = if of == StatusOf::Receipts { Vec::new() } else { Status::ALL.map(Status::as_str).to_vec() };
    if of != StatusOf::Proposals {
        known.extend(OUTCOMES.map(Outcome::as_str));
        known.sort_unstable();
        known.dedup();
    }
    Err(Failure::new(format_args!("`{}` is no status", output::visible(word))).hint(format_args!("one of: {}", known.join(", "))))
}

/// `type:id`, `type:` or `id`. An empty one, as a script passes that lost its variable, must not stand for every record.
fn object(text: &str) -> Answer<(Option<String>, Option<String>)> {
    let (kind, id) = text.split_once(':').unwrap_or(("", text));
    let named = |part: &str| Some(part.to_owned()).filter(|part| !part.is_empty());
    match (named(kind), named(id)) {
        (None, None) => Err(Failure::new("`--object` names no object").hint("`type:id`, `type:` alone, or the id alone")),
        found => Ok(found),
    }
}

fn fingerprint(text: &str) -> Answer<Digest> {
    Digest::new(text).ok_or_else(|| Failure::new("`--fingerprint` takes a digest: `sha256:` and the hash"))
}

/// A moment, or a day with the time that completes it.
fn moment(flag: &str, text: &str, of_day: &str) -> Answer<Timestamp> {
    let time = Timestamp::parse(text).or_else(|| Timestamp::parse(&format!("{text}{of_day}")).filter(|_| text.len() == "2026-03-02".len()));
    time.ok_or_else(|| {
        Failure::new(format_args!("`{flag}` does not understand `{}`", output::visible(text)))
            .hint("a time with its zone, `2026-03-02T08:00:00Z`, or a day, `2026-03-02`")
    })
}

/// Prints a page: as JSON under `name`, or as a table of these columns.
pub(super) fn print<T: Serialize, const N: usize>(
    format: Format,
    page: &Page<T>,
    name: &str,
    columns: [&str; N],
    row: impl Fn(&T) -> [String; N],
) {
    if format.json {
        return output::json(&record(page, name));
    }
    if page.lines.is_empty() {
        output::line(format_args!("no {}", name.replace('_', " ")));
    } else {
        let mut table = Table::new();
        table.load_style(presets::NOTHING);
        table.set_header(columns);
        for line in &page.lines {
            table.add_row(row(line).map(|cell| output::visible(&cell)));
        }
        output::line(table.trim_fmt());
    }
    if page.unreadable > 0 {
        let records = output::counted(page.unreadable as usize, "record");
        output::note(format_args!("left out: {records} that cannot be read; `synapsor-runner store verify` says what was altered"));
    }
    if let Some(next) = &page.next {
        output::line(format_args!("more: --before {}", output::visible(&next.to_string())));
    }
}

fn record<T: Serialize>(page: &Page<T>, name: &str) -> Value {
    let mut record = Map::new();
    record.insert("ok".to_owned(), json!(true));
    record.insert(name.to_owned(), json!(page.lines));
    record.insert("next_cursor".to_owned(), json!(page.next));
    if page.unreadable > 0 {
        record.insert("unreadable".to_owned(), json!(page.unreadable));
    }
    Value::Object(record)
}

/// `type:id` of an object.
pub(super) fn named(kind: &str, id: Option<&str>) -> String {
    id.map_or(kind.to_owned(), |id| format!("{kind}:{id}"))
}
