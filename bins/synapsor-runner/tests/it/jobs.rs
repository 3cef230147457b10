//! An approved change as a file: out, in, and never if it was edited.

use serde_json::{Value, json};

use crate::desk::{Desk, assert_same, id_of, on_each_engine, outcome};

on_each_engine! {
    the_job_of_an_approved_proposal_travels_as_a_file
    an_edited_job_reaches_no_database
    a_job_in_the_older_form_is_applied
    a_job_may_be_rehearsed
    a_job_of_a_weakly_guarded_change_carries_the_hash_of_the_row
    a_job_of_a_table_with_one_tenant_is_applied
}

fn exported(desk: &Desk, id: &str) -> Value {
    desk.json(&format!("proposals writeback-job {id}"))
}

fn write(desk: &Desk, job: &Value) {
    desk.folder.write("job.json", job.to_string());
}

fn the_job_of_an_approved_proposal_travels_as_a_file(desk: &mut Desk) {
    let id = desk.approved("goodwill");
    assert_same!(desk.shown(&format!("proposals writeback-job {id} --output job.json --lease-seconds 60")), @r"
    exit: 0
    ---- stdout ----
    wrote job.json: the job of wrp_#1, to be applied before <time>
    apply it: synapsor-runner apply --job job.json
    ---- stderr ----
    ");
    assert_same!(desk.shown("validate --job job.json"), @r#"
    exit: 0
    ---- stdout ----
    job valid
    wbj_#1 changes <schema>.invoices where `id` is "INV-1"
    ---- stderr ----
    "#);
    assert_eq!(desk.status(&id), "approved");
    assert_same!(outcome(&desk.json("apply --job job.json --json")), @"applied");
    assert_same!(outcome(&desk.json("apply --job job.json --json")), @"already_applied");
    assert_same!(desk.invoice(), @"0 | goodwill | 4");
    assert_same!(desk.receipts(), @"applied | 1");
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(desk.folder.join("job.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// Places of a job, each with another value.
fn edits(job: &Value) -> Vec<(&'static str, Value)> {
    vec![
        ("/schema_version", json!("synapsor.writeback-job.v2")),
        ("/writeback_job_id", json!("wbj_other")),
        ("/proposal_id", json!("wrp_other")),
        ("/proposal_version", json!(2)),
        ("/proposal_hash", json!("sha256:00")),
        ("/runner_scope/project_id", json!("p1")),
        ("/runner_scope/source_id", json!("other")),
        ("/engine", if job["engine"] == "postgres" { json!("sqlite") } else { json!("postgres") }),
        ("/operation", json!("delete")),
        ("/target/schema", json!("private")),
        ("/target/table", json!("tickets")),
        ("/target/primary_key/column", json!("version")),
        ("/target/primary_key/value", json!("INV-2")),
        ("/tenant_guard/column", json!("status")),
        ("/tenant_guard/value", json!("umbrella")),
        ("/allowed_columns", json!(["late_fee_cents", "waiver_reason", "amount_cents"])),
        ("/patch/late_fee_cents", json!(999_999)),
        ("/patch/late_fee_cents", json!("0")),
        ("/patch/waiver_reason", Value::Null),
        ("/patch", json!({"late_fee_cents": 0})),
        ("/conflict_guard", json!({"kind": "none"})),
        ("/conflict_guard", json!({"kind": "row_hash", "expected_hash": "sha256:00"})),
        ("/conflict_guard/column", json!("late_fee_cents")),
        ("/conflict_guard/expected_value", json!(7)),
        ("/conflict_guard/expected_value", Value::Null),
        ("/idempotency_key", json!("another:key")),
        ("/lease/lease_id", json!("lease_other")),
        ("/lease/attempt", json!(2)),
        ("/lease/expires_at", json!("2026-01-01T00:00:00Z")),
        ("/lease/expires_at", json!("2099-01-01T00:00:00Z")),
        ("/stranger", json!(1)),
    ]
}

/// A tool that edits files writes 999999 into another tenant's row without a guard: that is what a job was once good for.
fn an_edited_job_reaches_no_database(desk: &mut Desk) {
    let id = desk.approved("goodwill");
    let job = exported(desk, &id);
    let before = desk.table("select id, tenant_id, late_fee_cents, waiver_reason, version from invoices order by tenant_id, id");
    for (path, value) in edits(&job) {
        let mut edited = job.clone();
        match edited.pointer_mut(path) {
            Some(place) => *place = value.clone(),
            None => edited["stranger"] = value.clone(),
        }
        write(desk, &edited);
        let seen = desk.run("apply --job job.json --json");
        assert_eq!(seen.code, Some(1), "{path} = {value}: {seen}");
        assert!(seen.stdout.contains("\"ok\": false"), "{path} = {value}: {seen}");
        assert_eq!(desk.status(&id), "approved", "{path}");
    }
    let after = desk.table("select id, tenant_id, late_fee_cents, waiver_reason, version from invoices order by tenant_id, id");
    assert_eq!(before, after);
    write(desk, &job);
    assert_same!(outcome(&desk.json("apply --job job.json --json")), @"applied");
}

fn a_job_in_the_older_form_is_applied(desk: &mut Desk) {
    let id = desk.approved("goodwill");
    let job = exported(desk, &id);
    let mut guard = job["conflict_guard"].clone();
    guard["kind"] = json!("version_column");
    let mut target = job["target"].clone();
    target["tenant_guard"] = job["tenant_guard"].clone();
    let legacy = json!({"protocol_version": "1.0", "job_id": job["writeback_job_id"], "proposal_id": id, "approval_id": job["proposal_hash"],
        "source_id": "desk", "engine": job["engine"], "target": target, "allowed_columns": job["allowed_columns"], "patch": job["patch"],
        "conflict_guard": guard, "idempotency_key": job["idempotency_key"], "lease_expires_at": job["lease"]["expires_at"]});
    write(desk, &legacy);
    assert_eq!(desk.run("validate --job job.json").code, Some(0));
    assert_same!(outcome(&desk.json("apply --job job.json --json")), @"applied");
}

fn a_job_may_be_rehearsed(desk: &mut Desk) {
    let id = desk.approved("goodwill");
    write(desk, &exported(desk, &id));
    let rehearsed = desk.json("apply --job job.json --dry-run --json");
    assert_eq!((&rehearsed["ok"], &rehearsed["would_be"]), (&json!(true), &json!("applied")));
    assert_eq!(desk.status(&id), "approved");
}

fn a_job_of_a_weakly_guarded_change_carries_the_hash_of_the_row(desk: &mut Desk) {
    let mut note = desk.proposes("billing.propose_note", "invoices", &["id", "waiver_reason"]);
    note["patch"] = json!({"waiver_reason": {"fixed": "noted"}});
    note["allowed_columns"] = json!(["waiver_reason"]);
    note["conflict_guard"] = json!({"weak_guard_ack": true});
    desk.offer(note);
    let id = id_of(&desk.call("billing.propose_note", &json!({"id": "INV-1"})));
    desk.approve(&id);
    let mut job = exported(desk, &id);
    assert_eq!(job["conflict_guard"]["kind"], "row_hash");
    let guard = job["conflict_guard"].clone();
    job["conflict_guard"] = json!({"kind": "none"});
    write(desk, &job);
    assert_eq!(desk.run("apply --job job.json").code, Some(1));
    job["conflict_guard"] = guard;
    write(desk, &job);
    assert_same!(outcome(&desk.json("apply --job job.json --json")), @"applied");
}

/// Such a job was never applied by the program that made it: no capability matched its guard.
fn a_job_of_a_table_with_one_tenant_is_applied(desk: &mut Desk) {
    desk.execute("create table settings (id integer primary key, label varchar(40), version bigint not null)");
    desk.execute("insert into settings values (1, 'old', 1)");
    let mut label = desk.proposes("desk.propose_label", "settings", &["id", "label"]);
    label["target"]["single_tenant_dev"] = json!(true);
    label["target"].as_object_mut().unwrap().remove("tenant_key");
    label["patch"] = json!({"label": {"fixed": "new"}});
    label["allowed_columns"] = json!(["label"]);
    desk.offer(label);
    let id = id_of(&desk.call("desk.propose_label", &json!({"id": "1"})));
    desk.approve(&id);
    let job = exported(desk, &id);
    assert_eq!(job["tenant_guard"]["column"], "__single_tenant_dev");
    write(desk, &job);
    assert_same!(outcome(&desk.json("apply --job job.json --json")), @"applied");
    assert_same!(desk.table("select label, version from settings"), @"new | 2");
}

#[test]
fn a_refusal_says_what_differs() {
    let desk = Desk::sqlite();
    let id = desk.approved("goodwill");
    let mut job = exported(&desk, &id);
    job["patch"]["late_fee_cents"] = json!(1);
    job["tenant_guard"]["value"] = json!("umbrella");
    write(&desk, &job);
    insta::assert_snapshot!(desk.shown("apply --job job.json"), @r#"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: the job does not say what was approved of proposal wrp_#1
    `$.tenant_guard.value` is "umbrella" and was approved as "acme"
    `$.patch.late_fee_cents` is 1 and was approved as 0
    hint: nothing was changed; make a new one: `synapsor-runner proposals writeback-job wrp_#1 --output FILE`
    "#);
    assert_eq!(desk.json("apply --job job.json --json")["error"]["code"], "TENANT_GUARD_MISMATCH");
    job["note"] = json!("please");
    write(&desk, &job);
    insta::assert_snapshot!(desk.shown("validate --job job.json"), @r"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: job.json is no job: `$.note` is not a member of this record
    ");
    insta::assert_snapshot!(desk.shown("validate --job absent.json"), @r"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: absent.json cannot be read: No such file or directory (os error 2)
    ");
    desk.folder.write("job.json", "{");
    insta::assert_snapshot!(desk.shown("validate --job job.json --json"), @r#"
    exit: 1
    ---- stdout ----
    {
      "ok": false,
      "error": {
        "message": "job.json is no job: the text is not JSON (line 1, column 2)",
        "details": [],
        "hint": null
      }
    }
    ---- stderr ----
    "#);
}

#[test]
fn a_job_is_written_for_its_owner_alone_and_through_no_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let desk = Desk::sqlite();
    let id = desk.approved("goodwill");
    let export = format!("proposals writeback-job {id} --output job.json");
    let job = desk.folder.write("job.json", "an older one, which everybody may read, and longer than the job is: ".repeat(100));
    std::fs::set_permissions(&job, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(desk.run(&export).code, Some(0));
    assert_eq!(std::fs::metadata(&job).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(desk.run("validate --job job.json").code, Some(0));
    let other = desk.folder.write("other.txt", "kept");
    std::fs::remove_file(&job).unwrap();
    symlink(&other, &job).unwrap();
    let seen = desk.run(&export);
    assert_eq!(seen.code, Some(1), "{seen}");
    assert!(seen.stderr.contains("is a symbolic link, which is not followed"), "{seen}");
    assert_eq!(std::fs::read_to_string(&other).unwrap(), "kept");
}

#[test]
fn there_is_no_job_of_what_was_not_approved() {
    let desk = Desk::sqlite();
    let id = desk.propose("goodwill");
    insta::assert_snapshot!(desk.shown(&format!("proposals writeback-job {id}")), @r"
    exit: 1
    ---- stdout ----

    ---- stderr ----
    error: proposal wrp_#1 is pending_review, and only an approved one can be applied
    hint: decide first: `synapsor-runner proposals approve wrp_#1`
    ");
}

#[test]
fn an_account_that_is_not_declared_neither_makes_nor_applies_a_job() {
    let desk = Desk::sqlite();
    let id = desk.approved("goodwill");
    write(&desk, &exported(&desk, &id));
    desk.configure(|config| config["operators"] = json!({"somebody-else": {"roles": ["billing_lead"]}}));
    for words in [format!("proposals writeback-job {id}"), "apply --job job.json".to_owned()] {
        let seen = desk.run(&words);
        assert!(seen.code == Some(1) && seen.stderr.contains("is not among the operators"), "{words}: {seen}");
    }
}

#[test]
fn words_that_contradict_each_other_are_refused() {
    let desk = Desk::sqlite();
    for words in ["apply wrp_1 --job job.json", "apply --runner edge-1", "apply --project p1", "validate"] {
        assert_eq!(desk.run(words).code, Some(2), "{words}");
    }
}

#[test]
fn a_job_for_one_runner_is_for_that_runner() {
    let desk = Desk::sqlite();
    let id = desk.approved("goodwill");
    desk.run(&format!("proposals writeback-job {id} --runner edge-1 --project p1 --output job.json"));
    assert_eq!(desk.run("apply --job job.json").code, Some(1));
    assert_eq!(desk.run("apply --job job.json --project p1 --runner edge-2").code, Some(1));
    assert_eq!(outcome(&desk.json("apply --job job.json --project p1 --runner edge-1 --json")), "applied");
}
