//! What a mode, or a feature of a later version, does not do.

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::desk::{Desk, told};

#[test]
fn a_shadow_proposal_is_recorded_and_never_approved_or_applied() {
    let desk = Desk::sqlite();
    desk.configure(|config| config["mode"] = json!("shadow"));
    let answer = desk.call("billing.propose_waiver", &json!({"id": "INV-1", "reason": "x"}));
    assert_eq!((&answer["ok"], &answer["proposal"]["state"]), (&json!(true), &json!("shadow_proposal_created")), "{answer:#}");
    let told = desk.transcript(&["proposals approve --yes", "apply", "apply --dry-run", "proposals list"]);
    let said: Vec<_> = told.lines().filter(|line| !line.starts_with(' ')).collect();
    assert_snapshot!(said.join("\n"), @r#"
    $ proposals approve --yes
    exit: 1
    ---- stdout ----

    ---- stderr ----
    proposal         wrp_#1 version 1
    status           pending_review: waits for a decision
    capability       billing.propose_waiver
    proposed by      agent-7 (from environment)
    tenant           acme
    row              desk <schema>.invoices where id = "INV-1"
    change
    the rest of the row, as it was read
    guard            `version` must still be 3; it moves on with the change
    tenant guard     `tenant_id` = "acme"
    may change       late_fee_cents, waiver_reason
    executor         sql_update
    evidence         ev_#1
    needs role       billing_lead
    expires at       <time>
    proposal hash    sha256:#1
    approval digest  sha256:#2
    history
    next
    error: proposal wrp_#1 is a shadow proposal: it is never approved or applied

    $ apply
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: proposal wrp_#1 is a shadow proposal: it is never approved or applied

    $ apply --dry-run
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: proposal wrp_#1 is a shadow proposal: it is never approved or applied

    $ proposals list
    exit: 0
    ---- stdout ----
    ---- stderr ----
    "#);
    assert_eq!(desk.invoice(), "1500 | NULL | 3");
}

#[test]
fn a_server_that_only_reads_offers_and_takes_no_proposals() {
    let desk = Desk::sqlite();
    desk.configure(|config| config["mode"] = json!("read_only"));
    assert_snapshot!(desk.shown("tools list"), @r"
    exit: 0
    ---- stdout ----
    billing.inspect_invoice
      Reads one row of this tenant.
      Evidence ids in the answer are for reviewers; you need not do anything with them.
      - id (string)
    ---- stderr ----
    ");
    let answer = desk.call("billing.propose_waiver", &json!({"id": "INV-1", "reason": "x"}));
    assert_snapshot!(told(&answer), @"APPROVAL_REQUIRED: `billing.propose_waiver` proposes a change, and this server only reads; ask a person to make the change.");
}

#[test]
fn what_was_approved_is_not_applied_in_a_mode_that_does_not_write() {
    for mode in ["shadow", "read_only"] {
        let desk = Desk::sqlite();
        let id = desk.approved("x");
        desk.configure(|config| config["mode"] = json!(mode));
        assert_eq!(
            desk.apply(&id).replace(&id, "<id>"),
            format!("refused: proposal <id> cannot be applied: the configuration's mode is {mode}, which does not write back")
        );
        assert_eq!(desk.status(&id), "approved");
    }
}

#[test]
fn a_source_that_is_read_only_is_not_written() {
    let desk = Desk::sqlite();
    let id = desk.approved("x");
    desk.configure(|config| {
        config["sources"]["desk"]["read_only"] = json!(true);
        config["mode"] = json!("shadow");
    });
    assert!(desk.apply(&id).starts_with("refused"));
    desk.configure(|config| config["mode"] = json!("review"));
    assert_snapshot!(desk.shown("config validate"), @r"
    exit: 1
    ---- stdout ----
    error READ_ONLY_SOURCE_DIRECT_WRITEBACK $.capabilities[1].executor (49:5)
      a source with `read_only` cannot be written by `sql_update`
    error READ_ONLY_SOURCE_DIRECT_WRITEBACK $.capabilities[2].executor (97:5)
      a source with `read_only` cannot be written by `sql_update`
    notice OPERATORS_UNDECLARED $.operators (1:1)
      `operators` is absent, so only the account that owns the ledger's file may decide, in every role
      hint: declare who may decide: `operators`
    synapsor.runner.json is not valid (2 errors, 0 warnings, 1 notice)
    ---- stderr ----
    ");
    assert_eq!(desk.run(&format!("apply {id}")).code, Some(1));
    assert_eq!(desk.invoice(), "1500 | NULL | 3");
}

/// What a feature of a later version comes to: at `config validate`, and at whatever would use it.
fn check(change: impl Fn(&mut Value)) -> String {
    let desk = Desk::sqlite();
    desk.configure(change);
    let validated = desk.json("config validate --json");
    let notices = validated["notices"].as_array().unwrap().iter().chain(validated["warnings"].as_array().unwrap());
    let noticed: Vec<_> = notices
        .filter(|notice| notice["code"] != "OPERATORS_UNDECLARED")
        .map(|notice| format!("{} {}", notice["code"].as_str().unwrap(), notice["path"].as_str().unwrap()))
        .collect();
    let mut refusals: Vec<_> = ["mcp serve", "propose billing.propose_waiver", "tools list", "apply", "config validate --check-db"]
        .iter()
        .map(|words| {
            let seen = desk.run(words);
            assert_eq!(seen.code, Some(1), "{words}: {seen}");
            seen.stderr.lines().next().unwrap_or_default().to_owned()
        })
        .collect();
    refusals.dedup();
    assert!(!desk.ledger().exists(), "nothing is recorded");
    format!("{}\n  {}\n", noticed.join(", "), refusals.join("\n  "))
}

#[test]
fn what_is_not_served_yet_is_valid_and_refused_by_name_before_anything_is_recorded() {
    let told = [
        check(|config| config["trusted_context"] = json!({"provider": "http_claims"})),
        check(|config| {
            *config =
                json!({"version": 1, "mode": "cloud", "cloud": {"base_url_env": "URL", "runner_token_env": "TOKEN", "adapter_id": "a"}});
        }),
    ];
    assert_snapshot!(told.concat(), @r"
    NOT_SERVED_YET $.trusted_context.provider
      error: a trusted context comes from `http_claims`, which this version does not serve yet ($.trusted_context.provider)
    RESULT_FORMAT_DEFAULT_2 $.result_format, NOT_SERVED_YET $.mode
      error: the mode is `cloud`, which this version does not serve yet ($.mode)
    ");
}

#[test]
fn a_configuration_without_a_result_format_gets_the_newer_one_and_a_notice() {
    let desk = Desk::sqlite();
    desk.configure(|config| drop(config.as_object_mut().unwrap().remove("result_format")));
    let seen = desk.run("config validate");
    assert!(seen.code == Some(0) && seen.stdout.contains("RESULT_FORMAT"), "{seen}");
    assert_eq!(desk.call("billing.inspect_invoice", &json!({"id": "INV-1"}))["kind"], "read");
}
