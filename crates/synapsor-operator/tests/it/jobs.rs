//! A job in a file: what it says when it is handed out, and that an edited one never runs.

use std::time::Duration;

use insta::assert_snapshot;
use serde_json::{Value, json};
use synapsor_operator::Handover;
use synapsor_protocol::Outcome::Applied;
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::record::read_closed;
use synapsor_protocol::{Timestamp, WritebackJob};

use crate::desk::{Desk, told};

const LEASE: Duration = Duration::from_secs(300);

fn local() -> Handover {
    Handover::default()
}

async fn exported(desk: &Desk, id: &ProposalId) -> Value {
    serde_json::to_value(desk.port.writeback_job(id, &local(), LEASE).await.unwrap()).unwrap()
}

/// What applying this text as a job answers. The first lines are those of somebody who reads the file.
async fn handed_over(desk: &Desk, id: &ProposalId, job: &Value, to: &Handover) -> String {
    match read_closed::<WritebackJob>(job.to_string().as_bytes()) {
        Ok(job) => told(id, desk.port.apply_job(&job, to, &mut |_| {}).await),
        Err(error) => format!("unreadable: {error}"),
    }
}

/// The job in the form before v1.
fn legacy(job: &Value) -> Value {
    let mut guard = job["conflict_guard"].clone();
    if guard["kind"] == "column" {
        guard["kind"] = json!("version_column");
    }
    let mut target = job["target"].clone();
    target["tenant_guard"] = job["tenant_guard"].clone();
    json!({"protocol_version": "1.0", "job_id": job["writeback_job_id"], "proposal_id": job["proposal_id"], "approval_id": job["proposal_hash"],
        "source_id": job["runner_scope"]["source_id"], "engine": job["engine"], "target": target, "allowed_columns": job["allowed_columns"],
        "patch": job["patch"], "conflict_guard": guard, "idempotency_key": job["idempotency_key"],
        "lease_expires_at": job["lease"]["expires_at"], "attempt_count": job["lease"]["attempt"]})
}

#[tokio::test]
async fn a_job_says_what_was_approved_and_claims_nothing() {
    let desk = Desk::new();
    let id = desk.approved().await;
    let events = desk.port.show(&id).await.unwrap().events.len();
    let mut job = exported(&desk, &id).await;
    let until = Timestamp::parse(job["lease"]["expires_at"].as_str().unwrap()).unwrap();
    assert!(until.since(Timestamp::now()) > LEASE - Duration::from_secs(20));
    assert_eq!(desk.port.show(&id).await.unwrap().events.len(), events);
    job["lease"]["expires_at"] = json!("<time>");
    job["proposal_hash"] = json!("<hash>");
    let text = serde_json::to_string(&job).unwrap().replace(id.as_str(), "wrp_1").replace(id.as_str().trim_start_matches("wrp_"), "1");
    assert_snapshot!(text, @r#"{"schema_version":"synapsor.writeback-job.v1","writeback_job_id":"wbj_1","proposal_id":"wrp_1","proposal_version":1,"proposal_hash":"<hash>","runner_scope":{"project_id":"local","source_id":"shop"},"engine":"sqlite","operation":"single_row_update","target":{"schema":"main","table":"returns","primary_key":{"column":"id","value":"R-88"}},"tenant_guard":{"column":"store_id","value":"acme"},"allowed_columns":["amount"],"patch":{"amount":90},"conflict_guard":{"kind":"column","column":"version","expected_value":12},"idempotency_key":"wrp_1:R-88","lease":{"lease_id":"lease_wrp_1","attempt":1,"expires_at":"<time>"}}"#);
}

#[tokio::test]
async fn the_job_of_an_approved_proposal_is_applied_once() {
    let desk = Desk::new();
    let id = desk.approved().await;
    desk.executor.will_report([Applied]);
    let job = exported(&desk, &id).await;
    assert_snapshot!(handed_over(&desk, &id, &job, &local()).await, @"applied by attempt 1, proposal applied");
    assert_snapshot!(handed_over(&desk, &id, &job, &local()).await, @"already_applied by no attempt, proposal applied");
    assert_snapshot!(desk.executor.asked(), @"run 1");
}

#[tokio::test]
async fn the_older_form_is_taken_and_an_attempt_that_was_lost_is_found_out() {
    let desk = Desk::new();
    let id = desk.approved().await;
    let job = legacy(&exported(&desk, &id).await);
    desk.executor.will_report([synapsor_protocol::Outcome::Unknown, synapsor_protocol::Outcome::AlreadyApplied]);
    assert_snapshot!(handed_over(&desk, &id, &job, &local()).await, @"unknown by attempt 1, proposal pending_worker");
    assert_snapshot!(handed_over(&desk, &id, &job, &local()).await, @"already_applied by attempt 2, proposal applied");
}

/// Every edit of one place of a job: each member changed, taken away, or with a stranger beside it.
fn edits(job: &Value) -> Vec<(String, Value)> {
    let mut edits = Vec::new();
    let mut places = vec![(String::new(), job.clone())];
    while let Some((path, value)) = places.pop() {
        match &value {
            Value::Object(members) => {
                edits.push((format!("{path}/stranger"), put(job, &path, "stranger", Some(json!("x")))));
                edits.push((format!("{path} as a list"), replaced(job, &path, members.values().cloned().collect())));
                for (name, member) in members {
                    edits.push((format!("{path}/{name} removed"), put(job, &path, name, None)));
                    places.push((format!("{path}/{name}"), member.clone()));
                }
            }
            Value::Array(items) => {
                edits.push((format!("{path} shorter"), replaced(job, &path, json!([]))));
                let more = items.iter().cloned().chain([json!("note")]).collect();
                edits.push((format!("{path} longer"), replaced(job, &path, more)));
                places.extend(items.iter().enumerate().map(|(index, item)| (format!("{path}/{index}"), item.clone())));
            }
            _ if path == "/lease/expires_at" => {
                edits.push((format!("{path} past"), replaced(job, &path, json!("2026-01-01T00:00:00Z"))));
                edits.push((format!("{path} far"), replaced(job, &path, json!(Timestamp::now().after(Duration::from_secs(7200))))));
            }
            _ => edits.extend(others(&value).into_iter().map(|other| (format!("{path} = {other}"), replaced(job, &path, other)))),
        }
    }
    edits
}

/// Other values than this one.
fn others(value: &Value) -> Vec<Value> {
    let text = value.as_str().map_or_else(|| value.to_string(), |text| format!("{text}x"));
    let number = value.as_i64().map_or(json!(7), |number| json!(number + 1));
    let spelled = if value.is_string() { json!(1) } else { json!(value.to_string()) };
    let all = [json!(text), number, spelled, json!(true), json!("mysql"), json!("none"), json!("sha256:00")];
    all.into_iter().filter(|other| other != value).collect()
}

fn replaced(job: &Value, path: &str, value: Value) -> Value {
    let mut job = job.clone();
    *job.pointer_mut(path).unwrap() = value;
    job
}

fn put(job: &Value, path: &str, name: &str, value: Option<Value>) -> Value {
    let mut job = job.clone();
    let members = job.pointer_mut(path).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => drop(members.insert(name.to_owned(), value)),
        None => drop(members.remove(name)),
    }
    job
}

async fn no_edit_runs(job_of: fn(&Value) -> Value) -> usize {
    let desk = Desk::new();
    let id = desk.approved().await;
    let job = job_of(&exported(&desk, &id).await);
    let edits = edits(&job);
    for (what, edited) in &edits {
        // The count of attempts is optional in the older form, and one is what it means then.
        if what == "/attempt_count removed" {
            continue;
        }
        let answer = handed_over(&desk, &id, edited, &local()).await;
        assert!(answer.starts_with("unreadable: ") || answer.starts_with("refused: "), "{what}: {answer}");
        assert_eq!(desk.executor.asked(), "", "{what}");
    }
    assert_eq!(desk.status(&id).await, "approved: approved, not applied yet");
    desk.executor.will_report([Applied]);
    assert_eq!(handed_over(&desk, &id, &job, &local()).await, "applied by attempt 1, proposal applied");
    edits.len()
}

#[tokio::test]
async fn a_job_that_was_edited_anywhere_never_runs() {
    assert!(no_edit_runs(Value::clone).await > 150);
}

#[tokio::test]
async fn a_job_of_the_older_form_that_was_edited_anywhere_never_runs() {
    assert!(no_edit_runs(legacy).await > 100);
}

#[tokio::test]
async fn each_refusal_says_what_differs() {
    let desk = Desk::new();
    let id = desk.approved().await;
    let job = exported(&desk, &id).await;
    let answer = async |path: &str, value: Value| handed_over(&desk, &id, &replaced(&job, path, value), &local()).await;
    assert_snapshot!(answer("/tenant_guard/value", json!("umbrella")).await, @r#"refused: the job for proposal wrp_1 is refused (TENANT_GUARD_MISMATCH): it does not say what was approved: `$.tenant_guard.value` is "umbrella" and was approved as "acme""#);
    assert_snapshot!(answer("/patch/amount", json!("90")).await, @r#"refused: the job for proposal wrp_1 is refused (WRITEBACK_SAFETY_FAILURE): it does not say what was approved: `$.patch.amount` is "90" and was approved as 90"#);
    assert_snapshot!(answer("/conflict_guard", json!({"kind": "none"})).await, @r#"refused: the job for proposal wrp_1 is refused (WRITEBACK_SAFETY_FAILURE): it does not say what was approved: `$.conflict_guard.kind` is "none" and was approved as "column"; `$.conflict_guard.column` is missing and was approved as "version"; `$.conflict_guard.expected_value` is missing and was approved as 12"#);
    let hash = job["proposal_hash"].as_str().unwrap();
    assert_snapshot!(answer("/proposal_hash", json!("sha256:00")).await.replace(hash, "<hash>"), @r#"refused: the job for proposal wrp_1 is refused (PROPOSAL_HASH_MISMATCH): it does not say what was approved: `$.proposal_hash` is "sha256:00" and was approved as "<hash>""#);
    assert_snapshot!(answer("/lease/expires_at", json!("2026-01-01T00:00:00Z")).await, @"refused: the job for proposal wrp_1 is refused (WRITEBACK_LEASE_EXPIRED): it was handed over until 2026-01-01T00:00:00.000000Z, which has passed");
    assert_snapshot!(answer("/lease/attempt", json!(2)).await, @"refused: the job for proposal wrp_1 is refused (WRITEBACK_SAFETY_FAILURE): it does not say what was approved: `$.lease.attempt` is 2 and was approved as 1");
}

#[tokio::test]
async fn a_job_is_for_the_project_and_the_runner_that_it_was_handed_to() {
    let desk = Desk::new();
    let id = desk.approved().await;
    let edge = Handover { project: "p1".into(), runner: Some("edge 1".into()) };
    let job = serde_json::to_value(desk.port.writeback_job(&id, &edge, LEASE).await.unwrap()).unwrap();
    assert_eq!(job["lease"]["lease_id"], format!("lease_{id}:edge_1"));
    assert!(handed_over(&desk, &id, &job, &local()).await.contains("RUNNER_SCOPE_MISMATCH"));
    let other = Handover { runner: Some("edge-2".into()), ..edge.clone() };
    assert!(handed_over(&desk, &id, &job, &other).await.contains("`$.lease.lease_id`"));
    desk.executor.will_report([Applied]);
    assert_snapshot!(handed_over(&desk, &id, &job, &edge).await, @"applied by attempt 1, proposal applied");
}

#[tokio::test]
async fn there_is_no_job_of_what_nobody_approved_or_what_may_not_be_applied_any_more() {
    let desk = Desk::new();
    let id = desk.proposed(Duration::from_secs(60)).await;
    let refused = async |port: &synapsor_operator::OperatorPort| {
        port.writeback_job(&id, &local(), LEASE).await.unwrap_err().to_string().replace(id.as_str(), "wrp_1")
    };
    assert_snapshot!(refused(&desk.port).await, @"proposal wrp_1 is pending_review, and only an approved one can be applied");
    let digest = desk.port.show(&id).await.unwrap().proposal.terms.approval_digest;
    desk.port.approve(&id, digest, None).await.unwrap();
    assert_snapshot!(refused(&desk.under(|config| config["mode"] = json!("shadow"))).await, @"proposal wrp_1 cannot be applied: the configuration's mode is shadow, which does not write back");
    desk.port.reject(&id, "no".into()).await.unwrap();
    assert_snapshot!(refused(&desk.port).await, @"proposal wrp_1 is rejected, and only an approved one can be applied");
}

#[tokio::test]
async fn a_job_may_be_rehearsed() {
    let desk = Desk::new();
    let id = desk.approved().await;
    let job = desk.port.writeback_job(&id, &local(), LEASE).await.unwrap();
    desk.port.rehearse_job(&job, &local()).await.unwrap();
    let edited = WritebackJob { proposal_version: 2, ..job };
    assert!(desk.port.rehearse_job(&edited, &local()).await.is_err());
}
