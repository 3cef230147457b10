//! What may be said to a capability by hand.

use insta::assert_snapshot;

use crate::desk::{Desk, told};

fn check(desk: &Desk, arguments: &str) -> String {
    let seen = desk.program("propose billing.propose_waiver --json").arg(arguments).run();
    assert_eq!(seen.code, Some(1), "{seen}");
    let answer: serde_json::Value = serde_json::from_str(&seen.stdout).unwrap();
    let said = if answer.get("action").is_some() {
        told(&answer)
    } else {
        format!("(before the call) {}", answer["error"]["message"].as_str().unwrap())
    };
    let shown: String = arguments.chars().take(60).collect();
    format!("{shown}\n  {said}\n")
}

#[test]
fn arguments_that_cannot_be_meant_are_refused_by_name() {
    let desk = Desk::sqlite();
    let long = format!(r#"{{"id":"INV-1","reason":"{}"}}"#, "x".repeat(201));
    let deep = format!(r#"{{"id":"INV-1","reason":{}1{}}}"#, "[".repeat(40), "]".repeat(40));
    let given = [
        r#"{"id":"INV-1"}"#,
        r#"{"id":"INV-1","reason":7}"#,
        r#"{"id":"INV-1","reason":null}"#,
        r#"{"id":["INV-1"],"reason":"x"}"#,
        r#"{"id":"INV-1","reason":"x","resaon":"y"}"#,
        r#"{"id":"INV-1","reason":"x","tenant_id":"globex"}"#,
        r#"{"id":"INV-1","reason":"x","principal":"boss"}"#,
        r#"{"id":"INV-1","reason":"x","expected_version":3}"#,
        r#"{"id":"INV-1","reason":"x","allowed_columns":["status"]}"#,
        r#"{"id":"INV-1","reason":"a\u0000b"}"#,
        r#"{"id":"INV-1","reason":9007199254740993}"#,
        r#"{"id":"INV-1","reason":NaN}"#,
        r#"{"id":"INV-1","id":"INV-2","reason":"x"}"#,
        r#"["INV-1"]"#,
        "INV-1",
        "{",
        &long,
        &deep,
    ];
    assert_snapshot!(given.map(|arguments| check(&desk, arguments)).concat(), @r#"
    {"id":"INV-1"}
      INVALID_ARGUMENT: Argument `reason` is required.
    {"id":"INV-1","reason":7}
      INVALID_ARGUMENT: Argument `reason` must be a string.
    {"id":"INV-1","reason":null}
      INVALID_ARGUMENT: Argument `reason` must be a string.
    {"id":["INV-1"],"reason":"x"}
      INVALID_ARGUMENT: Argument `id` must be a string.
    {"id":"INV-1","reason":"x","resaon":"y"}
      INVALID_ARGUMENT: Argument `resaon` is unknown; did you mean `reason`?
    {"id":"INV-1","reason":"x","tenant_id":"globex"}
      INVALID_ARGUMENT: Argument `tenant_id` is set by the trusted context and cannot be given.
    {"id":"INV-1","reason":"x","principal":"boss"}
      INVALID_ARGUMENT: Argument `principal` is set by the trusted context and cannot be given.
    {"id":"INV-1","reason":"x","expected_version":3}
      INVALID_ARGUMENT: Argument `expected_version` is set by the trusted context and cannot be given.
    {"id":"INV-1","reason":"x","allowed_columns":["status"]}
      INVALID_ARGUMENT: Argument `allowed_columns` is set by the trusted context and cannot be given.
    {"id":"INV-1","reason":"a\u0000b"}
      (before the call) the arguments cannot be read: a string holds the NUL character (line 1, column 26)
    {"id":"INV-1","reason":9007199254740993}
      (before the call) the arguments cannot be read: a number cannot be held exactly: write it as a string (line 1, column 24)
    {"id":"INV-1","reason":NaN}
      (before the call) the arguments cannot be read: the text is not JSON (line 1, column 24)
    {"id":"INV-1","id":"INV-2","reason":"x"}
      (before the call) the arguments cannot be read: an object names a member twice (line 1, column 15)
    ["INV-1"]
      (before the call) the arguments cannot be read: the record does not have the expected form: invalid type: sequence, expected a map at line 1 column 0
    INV-1
      (before the call) the arguments cannot be read: the text is not JSON (line 1, column 1)
    {
      (before the call) the arguments cannot be read: the text is not JSON (line 1, column 2)
    {"id":"INV-1","reason":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx
      INVALID_ARGUMENT: Argument `reason` is longer than 200 UTF-16 code units.
    {"id":"INV-1","reason":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
      (before the call) the arguments cannot be read: arrays and objects nest too deeply (line 1, column 55)
    "#);
    assert_eq!(desk.json("proposals list --json")["proposals"].as_array().map(Vec::len), Some(0));
}

#[test]
fn arguments_can_come_from_a_file_or_from_stdin() {
    let desk = Desk::sqlite();
    let seen = desk.program("propose billing.inspect_invoice --input -").stdin(r#"{"id": "INV-2"}"#).run();
    assert_snapshot!(desk.scrub(&seen.to_string()), @r#"
    exit: 0
    ---- stdout ----
    Read invoices INV-2 with billing.inspect_invoice; nothing was changed.
      amount_cents: 4200
      id: "INV-2"
      late_fee_cents: 0
      status: "paid"
      waiver_reason: null
    ---- stderr ----
    "#);
    let seen = desk.program("propose billing.inspect_invoice --input -").stdin(vec![b' '; 10 << 20]).run();
    assert_snapshot!(desk.scrub(&seen.to_string()), @r#"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: the arguments cannot be read: the text is too large (line 1, column 1048577)
    hint: they are one JSON object, for example '{"invoice_id": "INV-1"}'
    "#);
}
