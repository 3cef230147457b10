//! The real server, tried out by the program itself.

use insta::assert_snapshot;
use serde_json::json;

use crate::desk::{Desk, answer_of, assert_same, on_each_engine};

on_each_engine! {
    a_call_goes_through_the_server_and_its_answer_is_the_exit_code
    an_honest_configuration_passes_the_boundary
}

fn a_call_goes_through_the_server_and_its_answer_is_the_exit_code(desk: &mut Desk) {
    let call = |name: &str, arguments: &str| answer_of(&desk.program("smoke call").args([name, "--json", arguments]).run());
    assert_eq!(call("billing.inspect_invoice", r#"{"id": "INV-1"}"#)["ok"], true);
    assert_eq!(call("billing.inspect_invoice", r#"{"id": "INV-404"}"#)["error"]["code"], "NOT_FOUND_IN_TENANT");
    assert_eq!(call("billing.inspect_invoice", r#"{"id": "INV-1", "tenant_id": "umbrella"}"#)["error"]["code"], "INVALID_ARGUMENT");
    assert_eq!(call("billing.approve", "{}")["error"]["code"], "CAPABILITY_NOT_FOUND");
    let proposed = call("billing.propose_waiver", r#"{"id": "INV-1", "reason": "goodwill"}"#);
    assert_eq!(proposed["proposal"]["state"], "review_required");
}

fn an_honest_configuration_passes_the_boundary(desk: &mut Desk) {
    desk.configure(|config| {
        config["capabilities"][0]["description"] = json!("Looks up the password reset token, the bearer token and the SQL of an invoice.");
        config["capabilities"][0]["args"]["id"]["description"] = json!("Not a secret, not a private key.");
    });
    assert_same!(desk.shown("smoke boundary"), @r"
    exit: 0
    ---- stdout ----
    pass tools: each reviewed capability is served, and nothing else
    pass kinds: a tool reads or proposes; none approves, applies or takes SQL
    pass annotations: the hints say what the capability does
    pass arguments: the arguments are the reviewed ones, and no others are taken
    pass trust: no argument sets the tenant, the principal, or what may change
    pass statements: no argument names a table, a column or a statement
    pass places: no table or source is named beside the words of the author
    pass secrets: no address or credential of the environment is in a tool
    pass tenant-refused: a call that names a tenant is refused
    pass unlisted-refused: a call of a tool that is not listed is refused
    ---- stderr ----
    ");
    let answer = desk.json("smoke boundary --json");
    assert_eq!((&answer["ok"], &answer["tools"]), (&json!(true), &json!(3)));
    assert_eq!(answer["checks"].as_array().unwrap().len(), 10);
}

#[test]
fn a_call_in_words_says_what_became_of_it() {
    let desk = Desk::sqlite();
    let call = |name: &str, arguments: &str| {
        desk.folder.write("arguments.json", arguments);
        desk.shown(&format!("smoke call {name} --input arguments.json"))
    };
    assert_snapshot!(call("billing.inspect_invoice", r#"{"id": "INV-1"}"#), @r#"
    exit: 0
    ---- stdout ----
    Read invoices INV-1 with billing.inspect_invoice; nothing was changed.
      amount_cents: 12900
      id: "INV-1"
      late_fee_cents: 1500
      status: "overdue"
      waiver_reason: null
    ---- stderr ----
    "#);
    assert_snapshot!(call("billing.inspect_invoice", r#"{"id": "INV-404"}"#), @r"
    exit: 1
    ---- stdout ----
    No such row is visible to this tenant; check the id and try again with another one.
    refused: NOT_FOUND_IN_TENANT
    ---- stderr ----
    ");
    assert_snapshot!(call("nothing.here", "{}"), @r"
    exit: 1
    ---- stdout ----
    There is no capability `nothing.here`; list the tools to see what can be called.
    refused: CAPABILITY_NOT_FOUND
    diagnostic id: diag_#1
    ---- stderr ----
    ");
}

#[test]
fn the_first_format_is_shown_as_it_comes() {
    let desk = Desk::sqlite();
    let call =
        |id: &str| desk.program("smoke call billing.inspect_invoice --result-format 1 --json").arg(format!(r#"{{"id": "{id}"}}"#)).run();
    let found = call("INV-1");
    assert_eq!(found.code, Some(0), "{found}");
    assert!(found.stdout.contains("business_object"), "{found}");
    assert_eq!(call("INV-404").code, Some(1));
}

#[test]
fn each_mode_keeps_its_boundary() {
    let desk = Desk::sqlite();
    for mode in ["read_only", "shadow", "review"] {
        desk.configure(|config| config["mode"] = json!(mode));
        let answer = desk.json("smoke boundary --json");
        assert_eq!(answer["ok"], true, "{mode}: {answer:#}");
        assert_eq!(answer["tools"], if mode == "read_only" { 1 } else { 3 }, "{mode}");
    }
}

#[test]
fn a_server_that_cannot_start_is_told() {
    let desk = Desk::sqlite();
    desk.configure(|config| config["capabilities"][0]["visible_columns"] = json!(["no_such_column"]));
    let seen = desk.run("smoke boundary");
    assert_eq!(seen.code, Some(1), "{seen}");
    assert!(seen.stderr.contains("ERROR UNKNOWN_COLUMN"), "what it is, too: {seen}");
    assert!(seen.stderr.contains("error: 1 thing in the databases is not as the configuration needs it\nhint: "), "{seen}");
}

#[test]
fn why_the_server_ended_is_said_once() {
    let desk = Desk::sqlite();
    assert_snapshot!(desk.shown("smoke call x --config nothing.json"), @r"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: there is no config file nothing.json
    hint: name the file with `--config FILE`, or make an example with `synapsor-runner demo`
    ");
    assert_snapshot!(desk.shown("smoke call x --json --config nothing.json"), @r#"
    exit: 1
    ---- stdout ----
    {
      "ok": false,
      "error": {
        "message": "there is no config file nothing.json",
        "details": [],
        "hint": "name the file with `--config FILE`, or make an example with `synapsor-runner demo`"
      }
    }
    ---- stderr ----
    "#);
    desk.folder.write("broken.json", r#"{"version": 1, "mode": "anything", "sources": {}, "capabilities": []}"#);
    assert_snapshot!(desk.shown("smoke call x --config broken.json"), @r"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: the configuration broken.json has 4 errors
    error INVALID_MODE $.mode (1:16)
      `mode` must be `read_only`, `shadow`, `review` or `cloud`
    error SOURCES_REQUIRED $.sources (1:36)
      `sources` must be an object with at least one source
    error TRUSTED_CONTEXT_REQUIRED $.trusted_context (1:1)
      `trusted_context` is needed unless every capability names one of `contexts`
    error CAPABILITIES_REQUIRED $.capabilities (1:51)
      `capabilities` must be a list with at least one capability
    hint: `synapsor-runner config validate --config broken.json` shows everything, with places
    ");
}

#[test]
fn scripts_for_shells_and_manual_pages_know_every_verb() {
    let desk = Desk::sqlite();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let seen = desk.run(&format!("completions {shell}"));
        assert_eq!(seen.code, Some(0), "{shell}");
        for word in ["writeback-job", "record-human-action", "boundary", "serve-streamable-http", "--lease-seconds"] {
            assert!(seen.stdout.contains(word.trim_start_matches('-')), "{shell} has no {word}");
        }
    }
    assert_eq!(desk.run("completions tcsh").code, Some(2));
    assert!(desk.run("man").stdout.contains(".TH synapsor-runner 1"));
    assert_eq!(desk.run("man --output pages").code, Some(0));
    for page in
        ["synapsor-runner.1", "synapsor-runner-apply.1", "synapsor-runner-proposals-writeback-job.1", "synapsor-runner-shadow-compare.1"]
    {
        assert!(desk.folder.join("pages").join(page).is_file(), "{page}");
    }
}
