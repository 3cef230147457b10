//! What a patch may be, at proposing and again at applying.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use synapsor_protocol::{Columns, Identifier, Number, Scalar};

use super::{Advance, ApprovalRule, Binding, ExecutorRef, Guard, NumericBound, ProposalRules, Retry, TransitionGuard};

fn column(name: &str) -> Identifier {
    Identifier::new(name).unwrap()
}

fn rules() -> ProposalRules {
    let bound = NumericBound { minimum: Some(Number::from_i64(0).unwrap()), maximum: Some(Number::from_i64(100).unwrap()) };
    let open = BTreeMap::from([("open".to_owned(), vec!["waiting".to_owned()])]);
    ProposalRules {
        executor: ExecutorRef::SqlUpdate,
        retry: Retry::DEFAULT,
        patch: vec![
            (column("amount"), Binding::FromArg("amount".into())),
            (column("status"), Binding::FromArg("status".into())),
            (column("fee"), Binding::Fixed(Scalar::Null)),
        ],
        allowed_columns: vec![column("amount"), column("status"), column("fee")],
        numeric_bounds: BTreeMap::from([(column("amount"), bound)]),
        transition_guards: BTreeMap::from([(column("status"), TransitionGuard { from_column: column("status"), allowed: open })]),
        guard: Guard::Column { column: column("version"), advance: Advance::Auto },
        approval: ApprovalRule { required_role: None, expires_after: ApprovalRule::DEFAULT_EXPIRY },
    }
}

fn check(patch: &[(&str, Scalar)]) -> String {
    let patch: Columns = patch.iter().map(|(name, value)| (column(name), value.clone())).collect();
    let before = Columns::from([(column("status"), Scalar::from("open"))]);
    rules().permit(&before, &patch).map_or_else(|refusal| format!("{}: {refusal}", refusal.code()), |()| "permitted".into())
}

#[test]
fn bounds_hold_for_decimals_that_travel_as_text_and_to_the_last_digit() {
    for inside in ["0", "100", "100.00", "0.000000000000000000001", "99.99999999999999999999"] {
        assert_eq!(check(&[("amount", Scalar::from(inside))]), "permitted", "{inside}");
    }
    assert_snapshot!(check(&[("amount", Scalar::from("100.00000000000000000001"))]), @"PATCH_ABOVE_MAXIMUM: column `amount` must be at most 100");
    assert_snapshot!(check(&[("amount", Scalar::from("-0.00000000000000000001"))]), @"PATCH_BELOW_MINIMUM: column `amount` must be at least 0");
    assert_snapshot!(check(&[("amount", Scalar::from(101))]), @"PATCH_ABOVE_MAXIMUM: column `amount` must be at most 100");
    assert_snapshot!(check(&[("amount", Scalar::from("NaN"))]), @"PATCH_NUMERIC_BOUND_TYPE_INVALID: column `amount` takes a number");
}

#[test]
fn a_state_moves_only_where_it_was_reviewed_to_move() {
    assert_eq!(check(&[("status", Scalar::from("waiting"))]), "permitted");
    assert_snapshot!(check(&[("status", Scalar::from("solved"))]), @"PATCH_TRANSITION_NOT_ALLOWED: column `status` may not move from its present state to the proposed one");
    assert_snapshot!(check(&[("status", Scalar::from(1))]), @"PATCH_TRANSITION_TYPE_INVALID: column `status` moves between states that are texts");
}

#[test]
fn an_optional_argument_that_is_left_out_never_writes_null() {
    let given = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), Scalar::from("waiting"))).collect::<BTreeMap<_, _>>();
    let patch = rules().patch_of(&given(&["status"])).unwrap();
    assert_snapshot!(serde_json::to_string(&patch).unwrap(), @r#"{"fee":null,"status":"waiting"}"#);
    assert_snapshot!(serde_json::to_string(&rules().patch_of(&given(&[])).unwrap()).unwrap(), @r#"{"fee":null}"#);
    let mut only_arguments = rules();
    only_arguments.patch.truncate(2);
    assert_snapshot!(only_arguments.patch_of(&given(&[])).unwrap_err(), @"the call changes nothing: each optional argument that sets a column was left out");
}
