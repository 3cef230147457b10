//! `replay list|show|export`: the whole story of a proposal, from the ledger alone.
//!
//! An export is written as it is told, one record at a time, so a long story needs no more memory than a short one.

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::{Value, json};
use synapsor_ledger::{Evidence, Job, Listener, Page, QueryAudit, RecordedEvent, Summary};
use synapsor_proposal::Proposal;
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{ChangeSet, ExecutionReceipt, Timestamp};

use super::export::{self, Draft};
use super::listing::{StatusOf, filter, named, print};
use super::recorded;
use crate::cli::{Export, List, One, Replay, Written};
use crate::compose::Setup;
use crate::failure::Answer;
use crate::{output, review};

pub(super) async fn run(verb: Replay) -> Answer<ExitCode> {
    match verb {
        Replay::List(words) => list(&words).await,
        Replay::Show(words) => show(&words).await,
        Replay::Export(words) => export(&words).await,
    }
}

/// A proposal as the story that can be told of it.
#[derive(Serialize)]
struct Line {
    replay_id: String,
    #[serde(flatten)]
    summary: Summary,
}

async fn list(words: &List) -> Answer<ExitCode> {
    let records = Setup::load(&words.place)?.records()?;
    let Page { lines, next, unreadable } = records.proposals(&filter(&words.filters, StatusOf::Proposals)?).await?;
    let lines = lines.into_iter().map(|summary| Line { replay_id: replay_id(&summary.proposal_id), summary }).collect();
    let columns = ["REPLAY", "STATUS", "EVENTS", "TENANT", "OBJECT", "LAST EVENT"];
    print(words.format, &Page { lines, next, unreadable }, "replays", columns, |Line { replay_id, summary }| {
        let object = named(&summary.business_object, Some(&summary.object_id));
        let (status, events, last) = (summary.status.to_string(), summary.events.to_string(), summary.updated_at.to_string());
        [replay_id.clone(), status, events, summary.tenant_id.clone(), object, last]
    });
    Ok(ExitCode::SUCCESS)
}

async fn show(words: &One) -> Answer<ExitCode> {
    let records = Setup::load(&words.place)?.records()?;
    let replay = records.replay(&recorded(&records, &words.id).await?).await?;
    if words.format.json {
        let mut record = json!({"ok": true});
        if let (Some(members), Value::Object(replay)) = (record.as_object_mut(), json!(replay)) {
            members.extend(replay);
        }
        output::json(&record);
    } else {
        output::line(review::story(&replay));
    }
    Ok(ExitCode::SUCCESS)
}

async fn export(words: &Export) -> Answer<ExitCode> {
    let records = Setup::load(&words.record.place)?.records()?;
    let id = recorded(&records, &words.record.id).await?;
    let scribe = Scribe::new(Draft::begin(&words.file)?, words.written);
    let Scribe { mut draft, failed, closing, .. } = records.tell(&id, scribe).await?;
    let written = failed.map_or(Ok(()), Err).and_then(|()| draft.write_all(closing.as_bytes()));
    written.map_err(|cause| export::broken(&words.file.output, &cause))?;
    Ok(export::done(&words.file, &replay_id(&id), draft.finish()?, words.record.format))
}

fn replay_id(id: &ProposalId) -> String {
    format!("replay_{id}")
}

/// Writes a story down as it hears it.
struct Scribe {
    draft: Draft,
    written: Written,
    section: Option<Section>,
    failed: Option<io::Error>,
    /// What follows the last record.
    closing: String,
}

/// A list of records within a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Section {
    Events,
    Receipts,
    QueryAudit,
    Evidence,
}

impl Section {
    const ALL: [Self; 4] = [Self::Events, Self::Receipts, Self::QueryAudit, Self::Evidence];

    /// The member of the record, and the heading of the text.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Events => ("events", "What happened"),
            Self::Receipts => ("receipts", "Receipts"),
            Self::QueryAudit => ("query_audit", "Queries"),
            Self::Evidence => ("evidence", "What was read"),
        }
    }
}

impl Scribe {
    fn new(draft: Draft, written: Written) -> Self {
        Self { draft, written, section: None, failed: None, closing: String::new() }
    }

    fn put(&mut self, text: &str) -> ControlFlow<()> {
        match self.draft.write_all(text.as_bytes()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(cause) => {
                self.failed = Some(cause);
                ControlFlow::Break(())
            }
        }
    }

    /// One record of a section, after the heads of the sections up to it.
    fn piece(&mut self, section: Section, record: &impl Serialize, told: impl FnOnce() -> String) -> ControlFlow<()> {
        let begun = self.section == Some(section);
        let skipped = Section::ALL
            .into_iter()
            .skip_while(|one| self.section.is_some_and(|section| section != *one))
            .skip(self.section.map_or(0, |_| 1));
        let heads: Vec<Section> = if begun { Vec::new() } else { skipped.take_while(|one| *one != section).chain([section]).collect() };
        self.section = Some(section);
        let text = match self.written {
            Written::Json => {
                let heads: String = heads.iter().map(|head| head_json(*head)).collect();
                format!("{}{}", if begun { ",\n".to_owned() } else { heads }, one_line(record))
            }
            Written::Markdown => {
                let heads: String = heads.iter().map(|head| format!("\n## {}\n\n", head.names().1)).collect();
                format!("{heads}{}\n", told())
            }
        };
        self.put(&text)
    }
}

/// The end of the list before, and the beginning of this one.
fn head_json(section: Section) -> String {
    let before = if section == Section::Events { ",\n" } else { "],\n" };
    format!("{before}\"{}\": [\n", section.names().0)
}

/// A record as JSON without line breaks, every character visible.
fn one_line(record: &impl Serialize) -> String {
    serde_json::to_string(record).map(|text| output::visible_json(&text)).unwrap_or_default()
}

impl Listener for Scribe {
    fn begin(&mut self, proposal: &ChangeSet, state: &Proposal, job: Option<&Job>) -> ControlFlow<()> {
        let id = replay_id(state.id());
        match self.written {
            Written::Json => {
                let job = job.map(|job| format!(",\n\"job\": {}", one_line(job))).unwrap_or_default();
                self.closing = format!("]{job},\n\"generated_at\": {}\n}}\n", one_line(&Timestamp::now()));
                let text =
                    format!("{{\n\"replay_id\": {},\n\"proposal\": {},\n\"state\": {}", one_line(&id), one_line(proposal), one_line(state));
                self.put(&text)
            }
            Written::Markdown => self.put(&review::markdown_head(&id, state, proposal)),
        }
    }

    fn event(&mut self, event: &RecordedEvent) -> ControlFlow<()> {
        self.piece(Section::Events, event, || review::markdown_event(event))
    }

    fn receipt(&mut self, receipt: &ExecutionReceipt) -> ControlFlow<()> {
        self.piece(Section::Receipts, receipt, || format!("    {}", one_line(receipt)))
    }

    fn audit(&mut self, audit: &QueryAudit) -> ControlFlow<()> {
        self.piece(Section::QueryAudit, audit, || format!("    {}", one_line(audit)))
    }

    fn evidence(&mut self, evidence: &Evidence) -> ControlFlow<()> {
        self.piece(Section::Evidence, evidence, || format!("    {}", one_line(evidence)))
    }
}
