//! `propose NAME`: call one capability as an agent would, by hand.

use std::io::Read;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Map, Value};
use synapsor_envelope::Envelope;
use synapsor_protocol::preparse::{self, Limits};

use super::mcp;
use crate::cli::Propose;
use crate::compose::Setup;
use crate::failure::{Answer, Failure};
use crate::output;

pub(super) async fn run(words: &Propose) -> Answer<ExitCode> {
    let setup = Setup::load_served(&words.place)?;
    let arguments = arguments(words)?;
    let answer = setup.agent_port()?.answer(&words.name, &arguments, &|_| ()).await;
    let ok = answer.ok();
    if words.json.is_some() {
        output::json(&answer.written(mcp::format(words.result_format, &setup.config)));
    } else {
        print(&answer.envelope());
    }
    Ok(output::exit(ok))
}

pub(super) fn arguments(words: &Propose) -> Answer<Map<String, Value>> {
    let text = match (&words.input, words.json.as_deref()) {
        (Some(_), Some(given)) if !given.is_empty() => {
            return Err(Failure::new("the arguments are given twice, with `--json` and with `--input`"));
        }
        (Some(path), _) => read(path)?,
        (None, Some("") | None) => b"{}".to_vec(),
        (None, Some(text)) => text.as_bytes().to_vec(),
    };
    preparse::from_slice(&text, Limits::DEFAULT).map_err(|cause| {
        Failure::new("the arguments cannot be read")
            .because(&cause)
            .hint("they are one JSON object, for example '{\"invoice_id\": \"INV-1\"}'")
    })
}

/// The bytes of a file, or of stdin for `-`: one more than may be read at most.
pub(super) fn read(path: &Path) -> Answer<Vec<u8>> {
    let mut text = Vec::new();
    // One byte more than allowed, so that the pre-parser sees that it is too much.
    let limit = u64::try_from(Limits::DEFAULT.bytes).unwrap_or(u64::MAX).saturating_add(1);
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(limit).read_to_end(&mut text)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(limit).read_to_end(&mut text))
    };
    read.map_err(|cause| Failure::new(format_args!("{} cannot be read", path.display())).because(&cause))?;
    Ok(text)
}

/// The envelope in words.
pub(super) fn print(envelope: &Envelope) {
    output::line(output::visible(envelope.summary()));
    if let Some(refusal) = envelope.refusal() {
        let again = if refusal.retryable { ", may be tried again" } else { "" };
        output::line(format_args!("refused: {}{again}", refusal.code));
        if let Some(id) = &envelope.meta().diagnostic_id {
            output::line(format_args!("diagnostic id: {id}"));
        }
    }
    for (column, value) in envelope.data().into_iter().flatten() {
        output::line(format_args!("  {column}: {}", output::visible(&value.to_string())));
    }
    if let Some(proposal) = envelope.proposed() {
        for (column, change) in &proposal.diff {
            let (before, proposed) = (change.before.to_string(), change.proposed.to_string());
            output::line(format_args!("  {column}: {} -> {}", output::visible(&before), output::visible(&proposed)));
        }
        output::line(format_args!("{}", proposal.next));
        output::line(format_args!("review it: synapsor-runner proposals show {}", proposal.id));
    }
}
