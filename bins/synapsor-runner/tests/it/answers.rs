//! Every verb, as text and as JSON.

use insta::assert_snapshot;
use serde_json::Value;

use crate::desk::Desk;

#[test]
fn every_verb_answers_in_words() {
    let desk = Desk::sqlite();
    desk.propose("the page was down");
    desk.folder.write("invoice.json", r#"{"id": "INV-1"}"#);
    assert_snapshot!(desk.transcript(&[
        "config validate",
        "config validate --check-db",
        "config show",
        "tools list",
        "tools list --alias-mode openai",
        "propose billing.inspect_invoice --input invoice.json",
        "proposals list",
        "proposals show latest",
        "proposals approve latest --yes --actor dana --reason checked",
        "apply latest --dry-run",
        "apply latest",
        "apply",
        "replay show",
    ]));
}

#[test]
fn every_verb_answers_in_json_when_asked() {
    let desk = Desk::sqlite();
    desk.folder.write("waiver.json", r#"{"id": "INV-1", "reason": "x"}"#);
    let lines = [
        "config validate --json",
        "config validate --check-db --json",
        "config show --json",
        "tools list --json",
        "propose billing.propose_waiver --input waiver.json --json",
        "proposals list --json",
        "proposals show --json",
        "proposals approve --yes --json",
        "apply --dry-run --json",
        "apply --json",
        "apply latest --json",
        "replay show latest --json",
        "proposals cancel latest --yes --json",
        "proposals show wrp_nobody --json",
    ];
    let told = lines.map(|words| {
        let seen = desk.run(words);
        let answer: Value = serde_json::from_str(&seen.stdout).unwrap_or_else(|error| panic!("{words}: {error} in {seen}"));
        let members: Vec<_> = answer.as_object().unwrap().keys().map(String::as_str).collect();
        format!("{} `{words}` {}\n", seen.code.unwrap(), members.join(" "))
    });
    assert_snapshot!(told.concat(), @r"
    0 `config validate --json` ok errors warnings notices database
    0 `config validate --check-db --json` ok errors warnings notices database
    0 `config show --json` ok mode store sources capabilities
    0 `tools list --json` resultType tools
    0 `propose billing.propose_waiver --input waiver.json --json` ok summary action kind data proposal error evidence source_database_changed _meta
    0 `proposals list --json` ok proposals next_cursor
    0 `proposals show --json` ok proposal state status outcome waits_for approval_digest events evidence query_audit receipts job
    0 `proposals approve --yes --json` ok proposal_id status approval_digest proposal_hash
    0 `apply --dry-run --json` ok dry_run proposal_id would_be safe_error_code previous_version new_version also_changed source_database_mutated detail receipt_table_present rehearsed_by
    0 `apply --json` ok proposal_id status proposal_status attempt idempotency_key rows_affected source_database_mutated previous_version new_version also_changed safe_error_code detail details retry_after_seconds
    0 `apply latest --json` ok proposal_id status proposal_status attempt idempotency_key rows_affected source_database_mutated previous_version new_version also_changed safe_error_code detail details retry_after_seconds
    0 `replay show latest --json` ok replay_id proposal state events receipts query_audit evidence job generated_at
    1 `proposals cancel latest --yes --json` ok error
    1 `proposals show wrp_nobody --json` ok error
    ");
}

#[test]
fn an_agents_answer_by_hand_is_the_envelope_itself() {
    let desk = Desk::sqlite();
    let answer = desk.call("billing.inspect_invoice", &serde_json::json!({"id": "INV-1"}));
    assert_snapshot!(desk.scrub(&serde_json::to_string_pretty(&answer).unwrap()), @r#"
    {
      "ok": true,
      "summary": "Read invoices INV-1 with billing.inspect_invoice; nothing was changed.",
      "action": "billing.inspect_invoice",
      "kind": "read",
      "data": {
        "amount_cents": 12900,
        "id": "INV-1",
        "late_fee_cents": 1500,
        "status": "overdue",
        "waiver_reason": null
      },
      "proposal": null,
      "error": null,
      "evidence": {
        "bundle_id": "ev_#1",
        "note": "Kept on record for reviewers; you need not do anything with it."
      },
      "source_database_changed": false,
      "_meta": {
        "tenant_id": "acme",
        "principal": "agent-7",
        "provenance": "environment",
        "canonical_capability": "billing.inspect_invoice"
      }
    }
    "#);
}

#[test]
fn a_call_that_was_refused_is_no_success_in_either_form() {
    let desk = Desk::sqlite();
    desk.folder.write("absent.json", r#"{"id": "INV-99"}"#);
    desk.folder.write("empty.json", "{}");
    assert_snapshot!(
        desk.transcript(&[
            "propose billing.inspect_invoice --input absent.json",
            "propose billing.inspect_invoice --input empty.json",
            "propose billing.inspect_invoice",
            "propose billing.nothing --input absent.json",
            "propose billing.inspect_invoice --input nowhere.json",
        ]),
        @r"
        $ propose billing.inspect_invoice --input absent.json
        exit: 1
        ---- stdout ----
        No such row is visible to this tenant; check the id and try again with another one.
        refused: NOT_FOUND_IN_TENANT
        ---- stderr ----

        $ propose billing.inspect_invoice --input empty.json
        exit: 1
        ---- stdout ----
        Argument `id` is required.
        refused: INVALID_ARGUMENT
        diagnostic id: diag_#1
        ---- stderr ----

        $ propose billing.inspect_invoice
        exit: 1
        ---- stdout ----
        Argument `id` is required.
        refused: INVALID_ARGUMENT
        diagnostic id: diag_#2
        ---- stderr ----

        $ propose billing.nothing --input absent.json
        exit: 1
        ---- stdout ----
        There is no capability `billing.nothing`; list the tools to see what can be called.
        refused: CAPABILITY_NOT_FOUND
        diagnostic id: diag_#3
        ---- stderr ----

        $ propose billing.inspect_invoice --input nowhere.json
        exit: 1
        ---- stdout ----

        ---- stderr ----
        error: nowhere.json cannot be read: No such file or directory (os error 2)
        "
    );
    for arguments in ["{}", r#"{"id":"INV-99"}"#] {
        let seen = desk.program("propose billing.inspect_invoice --json").arg(arguments).run();
        let answer = crate::desk::answer_of(&seen);
        assert_eq!((seen.code, &answer["ok"]), (Some(1), &Value::Bool(false)));
    }
}
