//! Shadow proposals beside what people did.

use insta::assert_snapshot;
use serde_json::{Value, json};
use synapsor_operator::Agreement;
use synapsor_protocol::Columns;

use crate::desk::Desk;

fn columns(value: Value) -> Columns {
    serde_json::from_value(value).unwrap()
}

#[tokio::test]
async fn the_last_thing_that_somebody_did_is_compared_with_the_proposal() {
    let desk = Desk::new();
    let id = desk.shadowed().await;
    let result = async || desk.records().compare_shadow(&id).await.unwrap().result;
    assert_eq!(result().await, Agreement::NoHumanAction);
    for (done, expected) in [
        (json!({"amount": 80}), Agreement::Mismatch),
        (json!({"amount": "90"}), Agreement::Mismatch),
        (json!({"amount": 90, "note": "by phone"}), Agreement::PartialMatch),
        (json!({"amount": 90.0}), Agreement::ExactMatch),
    ] {
        desk.port.record_human_action(&id, columns(done), Some("seen".into())).await.unwrap();
        assert_eq!(result().await, expected);
    }
    let dossier = desk.port.show(&id).await.unwrap();
    assert_eq!(dossier.proposal.human_actions.len(), 4);
    assert_eq!(dossier.proposal.human_actions[3].operator.account, "dana");
}

#[tokio::test]
async fn only_shadow_proposals_are_compared() {
    let desk = Desk::new();
    let id = desk.approved().await;
    let told = |error: &dyn std::error::Error| error.to_string().replace(id.as_str(), "wrp_1");
    assert_snapshot!(told(&desk.port.record_human_action(&id, columns(json!({"amount": 1})), None).await.unwrap_err()), @"proposal wrp_1 is no shadow proposal: there is nothing to compare what people did with");
    assert_snapshot!(told(&desk.records().compare_shadow(&id).await.unwrap_err()), @"proposal wrp_1 is no shadow proposal: there is nothing to compare what people did with");
    let other = Desk::new();
    let shadow = other.shadowed().await;
    assert!(other.port.record_human_action(&shadow, Columns::new(), None).await.is_err());
}

#[tokio::test]
async fn a_report_counts_every_shadow_proposal_once() {
    let reviewed = Desk::new();
    reviewed.approved().await;
    assert_eq!(reviewed.records().report_shadows().await.unwrap().total.proposals, 0);
    let desk = Desk::new();
    let first = desk.shadowed().await;
    desk.port.record_human_action(&first, columns(json!({"amount": 90})), None).await.unwrap();
    let page = desk.records().list_shadows(None, 1).await.unwrap();
    assert_eq!((page.lines.len(), page.lines[0].result), (1, Agreement::ExactMatch));
    assert_snapshot!(serde_json::to_string(&desk.records().report_shadows().await.unwrap()).unwrap(), @r#"{"total":{"proposals":1,"exact_match":1,"partial_match":0,"mismatch":0,"no_human_action":0},"capabilities":{"returns.propose_amount":{"proposals":1,"exact_match":1,"partial_match":0,"mismatch":0,"no_human_action":0}},"unreadable":0}"#);
}

#[tokio::test]
async fn a_report_goes_on_beyond_the_longest_page() {
    let desk = Desk::new();
    for amount in 100..305 {
        let id = desk.shadowed_at(amount).await;
        if amount % 5 == 0 {
            desk.port.record_human_action(&id, columns(json!({"amount": 100})), None).await.unwrap();
        }
    }
    let total = desk.records().report_shadows().await.unwrap().total;
    assert_eq!((total.proposals, total.exact_match, total.mismatch, total.no_human_action), (205, 1, 40, 164));
}

#[tokio::test]
async fn what_was_edited_is_counted_apart() {
    let desk = Desk::new();
    for amount in [1, 2, 3] {
        desk.shadowed_at(amount).await;
    }
    let path = desk.folder.path().join("ledger/local.db");
    let edit = "UPDATE proposals SET change_set_json = replace(change_set_json, '\"amount\":2', '\"amount\":9')";
    rusqlite::Connection::open(path).unwrap().execute(edit, []).unwrap();
    let report = desk.records().report_shadows().await.unwrap();
    assert_eq!((report.total.proposals, report.unreadable), (2, 1));
}
