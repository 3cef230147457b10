//! `shadow list|record-human-action|compare|report`: what an agent would have done, beside what people did.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};
use synapsor_config::Config;
use synapsor_ledger::{Cursor, Dossier};
use synapsor_operator::{ColumnAgreement, ComparedColumn, Comparison, ShadowReport, Tally};
use synapsor_protocol::change_set::Mode;
use synapsor_protocol::preparse::{self, Limits};
use synapsor_protocol::{Columns, Identifier, Scalar};

use super::{meant, propose, recorded};
use crate::cli::{One, Place, RecordHumanAction, Shadow, ShadowList};
use crate::compose::Setup;
use crate::failure::{Answer, Failure};
use crate::output;

pub(super) async fn run(verb: Shadow) -> Answer<ExitCode> {
    match verb {
        Shadow::List(words) => list(&words).await,
        Shadow::RecordHumanAction(words) => record(&words).await,
        Shadow::Compare(words) => compare(&words).await,
        Shadow::Report { place, format } => report(&place, format.json).await,
    }
}

async fn list(words: &ShadowList) -> Answer<ExitCode> {
    let records = Setup::load(&words.place)?.records()?;
    let before =
        words.before.as_deref().map(|text| Cursor::parse(text).ok_or_else(|| Failure::new("that is no cursor of a list"))).transpose()?;
    let page = records.list_shadows(before, words.limit).await?;
    if words.format.json {
        output::json(&json!({"ok": true, "proposals": page.lines, "next_cursor": page.next, "unreadable": page.unreadable}));
        return Ok(ExitCode::SUCCESS);
    }
    if page.lines.is_empty() {
        output::line("no shadow proposals");
    }
    page.lines.iter().for_each(|comparison| output::line(headline(comparison)));
    unreadable(page.unreadable.into());
    if let Some(next) = &page.next {
        output::line(format_args!("more: --before {next}"));
    }
    Ok(ExitCode::SUCCESS)
}

async fn record(words: &RecordHumanAction) -> Answer<ExitCode> {
    let setup = Setup::load(&words.one.place)?;
    let port = setup.operator_port(words.actor.actor.clone())?;
    let id = meant(&port, &words.one.id).await?;
    let patch = columns(&words.patch)?;
    known(&setup.config, &port.show(&id).await?, &patch)?;
    let action = port.record_human_action(&id, patch, words.notes.clone()).await?;
    let again = words.one.place.again();
    if words.one.format.json {
        output::json(&json!({"ok": true, "proposal_id": id, "human_action": action}));
    } else {
        output::line(format_args!(
            "Recorded what a person did in the case of {id}. Compare them: synapsor-runner shadow compare {id}{again}"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// The columns in a JSON object, or in a file with one.
fn columns(given: &str) -> Answer<Columns> {
    const EXAMPLE: &str = "it is one JSON object of columns, for example '{\"status\": \"solved\"}', or a file with one";
    let is_json = given.trim_start().starts_with(['{', '[', '"']);
    let text =
        if is_json { given.as_bytes().to_vec() } else { propose::read(Path::new(given)).map_err(|failure| failure.hint(EXAMPLE))? };
    let read = preparse::from_slice::<Columns>(&text, Limits::DEFAULT);
    read.map_err(|cause| Failure::new("what the person did cannot be read").because(&cause).hint(EXAMPLE))
}

/// Refuses a column that the capability neither sets nor shows: a slip would count as something that the person alone did. A person may
/// set what the capability only shows.
fn known(config: &Config, dossier: &Dossier, patch: &Columns) -> Answer<()> {
    let Dossier { proposal, change_set, .. } = dossier;
    let capability = config.capability(&proposal.terms.capability);
    let reviewed = capability.into_iter().flat_map(|capability| {
        let allowed = capability.proposal().map(|rules| &rules.allowed_columns);
        capability.visible_columns.iter().chain(allowed.into_iter().flatten())
    });
    let known: BTreeSet<&Identifier> = change_set.patch.keys().chain(reviewed).collect();
    match patch.keys().find(|column| !known.contains(column)) {
        Some(column) if proposal.terms.mode == Mode::Shadow => {
            let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            Err(Failure::new(format_args!("`{column}` is no column that `{}` sets or shows", proposal.terms.capability))
                .hint(format_args!("its columns are {}", names.join(", "))))
        }
        // What is no shadow proposal is refused as that.
        Some(_) | None => Ok(()),
    }
}

async fn compare(words: &One) -> Answer<ExitCode> {
    let records = Setup::load(&words.place)?.records()?;
    let comparison = records.compare_shadow(&recorded(&records, &words.id).await?).await?;
    if words.format.json {
        let mut answer = json!({"ok": true});
        if let (Some(members), Ok(Value::Object(record))) = (answer.as_object_mut(), serde_json::to_value(&comparison)) {
            members.extend(record);
        }
        output::json(&answer);
        return Ok(ExitCode::SUCCESS);
    }
    output::line(headline(&comparison));
    comparison.columns.iter().for_each(|column| output::line(told(column)));
    if let Some(action) = &comparison.human_action {
        let notes = action.notes.as_deref().map(|notes| format!(": {}", output::visible(notes))).unwrap_or_default();
        output::line(format_args!("recorded by {}{notes}", output::visible(&action.operator.account)));
    }
    Ok(ExitCode::SUCCESS)
}

fn headline(comparison: &Comparison) -> String {
    let Comparison { proposal_id, capability, business_object, object_id, result, .. } = comparison;
    let about = output::visible(&format!("{capability} {business_object}:{object_id}"));
    format!("{} {proposal_id} {about}", output::bold(&format!("{:<15}", result.as_str())))
}

fn told(column: &ComparedColumn) -> String {
    let shown = |value: &Option<Scalar>| value.as_ref().map(|value| output::visible(&value.to_string())).unwrap_or_default();
    let (proposed, done) = (shown(&column.proposed), shown(&column.done));
    let said = match column.agreement {
        ColumnAgreement::Equal => format!("equal, {done}"),
        ColumnAgreement::Different => format!("proposed {proposed}, done {done}"),
        ColumnAgreement::OnlyProposed => format!("proposed {proposed}, left alone"),
        ColumnAgreement::OnlyDone => format!("not proposed, done {done}"),
    };
    format!("  {}: {said}", column.column)
}

async fn report(place: &Place, as_json: bool) -> Answer<ExitCode> {
    let records = Setup::load(place)?.records()?;
    let ShadowReport { total, capabilities, unreadable: lost } = records.report_shadows().await?;
    if as_json {
        output::json(&json!({"ok": true, "total": total, "capabilities": capabilities, "unreadable": lost}));
        return Ok(ExitCode::SUCCESS);
    }
    capabilities.iter().for_each(|(capability, tally)| output::line(counted(capability, tally)));
    output::line(counted("in all", &total));
    unreadable(lost);
    Ok(ExitCode::SUCCESS)
}

fn counted(what: &str, tally: &Tally) -> String {
    let Tally { proposals, exact_match, partial_match, mismatch, no_human_action } = tally;
    let count = usize::try_from(*proposals).unwrap_or(usize::MAX);
    let proposals = output::counted(count, "proposal");
    let what = output::bold(&output::visible(what));
    format!(
        "{what}: {proposals}, {exact_match} exact_match, {partial_match} partial_match, {mismatch} mismatch, {no_human_action} no_human_action"
    )
}

fn unreadable(count: u64) {
    if count > 0 {
        output::note(format_args!("{count} more were edited or damaged outside of the program and are left out"));
    }
}
