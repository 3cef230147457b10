//! What people did in the case of a shadow proposal.

use insta::assert_snapshot;
use synapsor_proposal::{Fact, MAX_REASON_BYTES, Order};
use synapsor_protocol::id::ActionId;
use synapsor_protocol::{Columns, Identifier, Scalar};

use crate::fixture::{History, change_set};

fn shadow() -> History {
    History::of(change_set(|set| set["mode"] = "shadow".into()))
}

fn done(id: &str, columns: &[(&str, Scalar)], notes: Option<String>) -> Order {
    let patch: Columns = columns.iter().map(|(column, value)| (Identifier::new(column).unwrap(), value.clone())).collect();
    Order::RecordHumanAction { action_id: ActionId::new(id).unwrap(), patch, notes }
}

fn answer(history: &mut History, order: Order) -> String {
    match history.order(order) {
        Ok(facts) => facts.iter().map(Fact::kind).collect::<Vec<_>>().join(", "),
        Err(refusal) => format!("{}: {refusal}", refusal.code()),
    }
}

#[test]
fn what_somebody_did_is_put_on_record_once_and_decides_nothing() {
    let mut history = shadow();
    let status = history.state.status;
    let paid = || [("amount", Scalar::from(90))];
    assert_snapshot!(answer(&mut history, done("act_1", &paid(), Some("by phone".into()))), @"shadow_human_action_recorded");
    assert_snapshot!(answer(&mut history, done("act_1", &paid(), None)), @"");
    assert_snapshot!(answer(&mut history, done("act_2", &paid(), None)), @"shadow_human_action_recorded");
    assert_eq!(history.state.human_actions.len(), 2);
    assert_eq!(history.state.status, status);
}

#[test]
fn it_is_recorded_whatever_became_of_the_proposal() {
    let mut history = shadow().through(&["reject"]);
    assert_snapshot!(answer(&mut history, done("act_1", &[("amount", Scalar::Null)], None)), @"shadow_human_action_recorded");
}

#[test]
fn an_action_says_something_and_belongs_to_a_shadow_proposal() {
    let mut history = shadow();
    assert_snapshot!(answer(&mut history, done("act_1", &[], None)), @"SHADOW_ACTION_CREATE_FAILED: the action for proposal wrp_1 sets no column");
    let long = "x".repeat(MAX_REASON_BYTES + 1);
    assert_snapshot!(answer(&mut history, done("act_1", &[("amount", Scalar::Null)], Some(long))), @"INVALID_REASON: the reason must say something in at most 4000 bytes");
    assert_snapshot!(answer(&mut History::new(), done("act_1", &[("amount", Scalar::Null)], None)), @"NOT_SHADOW_PROPOSAL: proposal wrp_1 is no shadow proposal: there is nothing to compare what people did with");
}
