//! Which records can a client look at?
//!
//! Those that its own calls left: a proposal, what a read showed, the story of a proposal. The ids are in the answers;
//! nothing lists them. What may be seen is decided by the agent plane.

use rmcp::ErrorData;
use rmcp::model::{ReadResourceResult, ResourceContents, ResourceTemplate};
use serde_json::json;
use synapsor_agent::{AgentPort, Record};
use synapsor_protocol::id::{EvidenceId, ProposalId};

/// What every URI begins with.
const SCHEME: &str = "synapsor://";
/// The form of every record.
const JSON: &str = "application/json";
/// What the id of a story begins with; the proposal's own id does as well.
const REPLAY: &str = "replay_";

/// The kinds of records.
pub(crate) fn templates() -> Vec<ResourceTemplate> {
    [
        ("proposals/{proposal_id}", "proposal", "A proposal of yours: the exact change, and what became of it."),
        ("evidence/{evidence_bundle_id}", "evidence", "What one of your reads showed, as it is kept for reviewers."),
        ("replay/{replay_id}", "replay", "The whole story of a proposal of yours, with the reads behind it."),
    ]
    .map(|(path, name, about)| ResourceTemplate::new(format!("{SCHEME}{path}"), name).with_description(about).with_mime_type(JSON))
    .into()
}

/// The record behind a URI. One that is not there, not this client's, or no URI of ours, is answered the same.
pub(crate) async fn read(port: &AgentPort, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let Some(record) = record(uri) else { return Err(unknown()) };
    match port.record(&record).await {
        Ok(found) => {
            let text = format!("{found:#}");
            Ok(ReadResourceResult::new(vec![ResourceContents::text(text, uri).with_mime_type(JSON)]))
        }
        Err((refusal, Some(id))) => {
            let data = json!({"code": refusal.code, "retryable": refusal.retryable, "diagnostic_id": id});
            Err(ErrorData::internal_error(refusal.message, Some(data)))
        }
        Err((refusal, None)) if refusal.retryable => Err(ErrorData::internal_error(refusal.message, None)),
        Err((_nothing_of_yours, None)) => Err(unknown()),
    }
}

fn record(uri: &str) -> Option<Record> {
    match uri.strip_prefix(SCHEME)?.split_once('/')? {
        ("proposals", id) => ProposalId::new(id).map(Record::Proposal),
        ("evidence", id) => EvidenceId::new(id).map(Record::Evidence),
        ("replay", id) => ProposalId::new(id.strip_prefix(REPLAY).unwrap_or(id)).map(Record::Replay),
        _ => None,
    }
}

fn unknown() -> ErrorData {
    ErrorData::resource_not_found("there is no such record of yours", None)
}

#[cfg(test)]
mod tests {
    use super::record;

    fn check(uri: &str) -> String {
        record(uri).map_or_else(|| "none".to_owned(), |record| format!("{record:?}"))
    }

    #[test]
    fn a_uri_names_one_record() {
        insta::assert_snapshot!(check("synapsor://proposals/wrp_1"), @r#"Proposal("wrp_1")"#);
        insta::assert_snapshot!(check("synapsor://evidence/ev_1"), @r#"Evidence("ev_1")"#);
        insta::assert_snapshot!(check("synapsor://replay/replay_wrp_1"), @r#"Replay("wrp_1")"#);
        insta::assert_snapshot!(check("synapsor://replay/wrp_1"), @r#"Replay("wrp_1")"#);
        for other in ["", "proposals/wrp_1", "http://proposals/wrp_1", "synapsor://", "synapsor://proposals", "synapsor://proposals/"] {
            assert_eq!(check(other), "none", "{other}");
        }
        for other in ["synapsor://jobs/1", "synapsor://proposals/a\nb", "SYNAPSOR://proposals/wrp_1", "synapsor://replay/replay_"] {
            assert_eq!(check(other), "none", "{other}");
        }
    }
}
