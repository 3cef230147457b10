//! What a list shows, page by page, under every filter.

use std::collections::BTreeSet;
use std::time::Duration;

use synapsor_ledger::{Activity, Cursor, Diagnostic, Filter, Page, QueryAudit, ReadRecord, Recorded};
use synapsor_proposal::{Delivery, Order, Status};
use synapsor_protocol::id::DiagnosticId;
use synapsor_protocol::{Digest, Outcome, Report, Timestamp};

use crate::fixture::{Fixture, audit, dana, evidence, holder, proposal_of};

async fn objects(fixture: &Fixture, filter: Filter) -> Vec<String> {
    let page = fixture.operator.list(&filter).await.unwrap();
    page.lines.into_iter().map(|line| format!("{}/{}", line.tenant_id, line.object_id)).collect()
}

async fn shop() -> Fixture {
    let fixture = Fixture::new();
    let later = Timestamp::now().after(Duration::from_secs(60));
    for (tenant, object) in [("acme", "A"), ("globex", "A"), ("acme", "B"), ("acme", "C")] {
        let new = proposal_of(tenant, object, "paid", later);
        let Recorded::Created(proposal) = fixture.agent.record_proposal(new).await.unwrap() else { panic!("it is new") };
        if object == "B" {
            fixture.execute(&proposal, Order::Reject { reason: "no".into() }).await.unwrap();
        }
    }
    fixture
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[tokio::test]
async fn a_list_is_newest_first_and_filtered_by_anything() {
    let fixture = shop().await;
    assert_eq!(objects(&fixture, Filter::default()).await, ["acme/C", "acme/B", "globex/A", "acme/A"]);
    let all: &[&str] = &["acme/C", "acme/B", "globex/A", "acme/A"];
    let cases: [(Filter, &[&str]); 20] = [
        (Filter { tenant_id: some("acme"), ..Filter::default() }, &["acme/C", "acme/B", "acme/A"]),
        (Filter { tenant_id: some("Acme"), ..Filter::default() }, &[]),
        (Filter { status: Some(Status::Rejected), ..Filter::default() }, &["acme/B"]),
        (Filter { status: Some(Status::PendingReview), tenant_id: some("acme"), ..Filter::default() }, &["acme/C", "acme/A"]),
        (Filter { object_id: some("A"), ..Filter::default() }, &["globex/A", "acme/A"]),
        (Filter { primary_key: some("A"), object_id: some("A"), ..Filter::default() }, &["globex/A", "acme/A"]),
        (Filter { primary_key: some("A"), object_id: some("B"), ..Filter::default() }, &[]),
        (Filter { object_id: some("A"), tenant_id: some("acme"), ..Filter::default() }, &["acme/A"]),
        (Filter { object_id: some("B"), status: Some(Status::PendingReview), ..Filter::default() }, &[]),
        (Filter { capability: some("billing.propose_status"), limit: 2, ..Filter::default() }, &["acme/C", "acme/B"]),
        (Filter { business_object: some("customers"), ..Filter::default() }, &[]),
        (Filter { business_object: some("invoice"), ..Filter::default() }, all),
        (Filter { business_object: some("public.invoices"), object_id: some("C"), ..Filter::default() }, &["acme/C"]),
        (Filter { principal: some("agent-7"), source_id: some("shop"), table: some("public.invoices"), ..Filter::default() }, all),
        (Filter { table: some("invoices"), ..Filter::default() }, all),
        (Filter { table: some("sales.invoices"), ..Filter::default() }, &[]),
        (Filter { principal: some("agent-8"), ..Filter::default() }, &[]),
        (Filter { query_fingerprint: Digest::new("sha256:ab"), ..Filter::default() }, all),
        (Filter { query_fingerprint: Digest::new("sha256:cd"), ..Filter::default() }, &[]),
        (Filter { tenant_id: some("acme' OR 1=1 --"), ..Filter::default() }, &[]),
    ];
    for (filter, expected) in cases {
        assert_eq!(objects(&fixture, filter.clone()).await, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn times_are_compared_as_moments_with_both_ends_included() {
    let fixture = shop().await;
    let lines = fixture.operator.list(&Filter::default()).await.unwrap().lines;
    let (newest, oldest) = (lines[0].created_at, lines[3].created_at);
    // The same moment, as somebody in another time zone writes it: as text it would sort elsewhere.
    let elsewhere = |time: Timestamp| {
        let shifted = Timestamp::from_micros(time.as_micros() + 5 * 3_600_000_000).unwrap().to_string().replace('Z', "+05:00");
        Timestamp::parse(&shifted)
    };
    let between = |from, to| Filter { from, to, ..Filter::default() };
    for (filter, found) in [
        (between(elsewhere(oldest), elsewhere(newest)), 4),
        (between(elsewhere(newest), None), 1),
        (between(None, Some(oldest)), 1),
        (between(Some(newest), Some(oldest)), 0),
        (Filter { object_id: some("A"), ..between(Some(oldest), Some(oldest)) }, 1),
        (Filter { tenant_id: some("acme"), ..between(None, Some(lines[1].created_at)) }, 2),
    ] {
        assert_eq!(objects(&fixture, filter.clone()).await.len(), found, "{filter:?}");
    }
}

#[tokio::test]
async fn a_cursor_goes_on_where_the_page_ended_and_is_not_given_when_nothing_follows() {
    let fixture = shop().await;
    for limit in [1, 2, 3, 4, 5] {
        let mut seen = Vec::new();
        let mut filter = Filter { limit, ..Filter::default() };
        loop {
            let Page { lines, next, .. } = fixture.operator.list(&filter).await.unwrap();
            assert!(!lines.is_empty(), "a cursor led to nothing");
            seen.extend(lines.into_iter().map(|line| line.object_id));
            filter.before = match next {
                Some(next) => Cursor::parse(&next.to_string()),
                None => break,
            };
        }
        assert_eq!(seen, ["C", "B", "A", "A"], "{limit}");
    }
}

/// Reads, proposals, a receipt and a refusal, of two tenants.
async fn busy_shop() -> Fixture {
    let fixture = shop().await;
    let approved = fixture.approved("D").await;
    fixture.operator.claim(approved.id(), &holder("worker"), Duration::from_secs(30), Delivery::Again).await.unwrap();
    fixture.operator.report(approved.id(), &dana(), 1, &Report::new(Outcome::Applied)).await.unwrap();
    for object in ["A", "E"] {
        let evidence = evidence(object);
        let audit = QueryAudit { evidence_id: Some(evidence.evidence_id.clone()), ..audit(object) };
        fixture.agent.record_read(ReadRecord { evidence: Some(evidence), audit }).await.unwrap();
    }
    fixture.agent.record_read(ReadRecord { evidence: None, audit: QueryAudit { row_count: 0, ..audit("F") } }).await.unwrap();
    let diagnostic = Diagnostic {
        diagnostic_id: DiagnosticId::new("diag_1").unwrap(),
        tenant_id: some("acme"),
        capability: "billing.propose_status".into(),
        code: "TEMPORARILY_UNAVAILABLE".into(),
        detail: "no answer".into(),
        created_at: Timestamp::now(),
    };
    fixture.agent.record_diagnostic(diagnostic).await.unwrap();
    fixture
}

fn word(activity: &Activity) -> String {
    match activity {
        Activity::Proposal(line) => format!("proposal {}/{} {}", line.tenant_id, line.object_id, line.status),
        Activity::Receipt(line) => format!("receipt {} {}", line.object_id, line.status),
        Activity::Evidence(line) => format!("evidence {}/{}", line.of.tenant_id, line.of.object_id.as_deref().unwrap_or_default()),
        Activity::QueryAudit(line) => {
            format!("audit {}/{} {}", line.of.tenant_id, line.of.object_id.as_deref().unwrap_or_default(), line.row_count)
        }
        Activity::Diagnostic(diagnostic) => format!("diagnostic {}", diagnostic.diagnostic_id),
    }
}

async fn activity(fixture: &Fixture, filter: Filter) -> Vec<String> {
    fixture.operator.activity(&filter).await.unwrap().lines.iter().map(word).collect()
}

/// TRAP 50: what belongs to another object is not shown with this one.
#[tokio::test]
async fn trap_50_a_search_for_one_object_finds_no_record_of_another() {
    let fixture = busy_shop().await;
    let of = |object: &str| Filter { object_id: some(object), business_object: some("invoice"), ..Filter::default() };
    assert_eq!(
        activity(&fixture, Filter { tenant_id: some("acme"), ..of("A") }).await,
        ["evidence acme/A", "audit acme/A 1", "proposal acme/A pending_review", "evidence acme/A", "audit acme/A 1"]
    );
    assert_eq!(activity(&fixture, of("D")).await, ["receipt D applied", "proposal acme/D applied", "evidence acme/D", "audit acme/D 1"]);
    for (filter, receipts) in [(of("D"), 1), (of("A"), 0), (Filter::default(), 1)] {
        assert_eq!(fixture.operator.receipts(&filter).await.unwrap().lines.len(), receipts, "{filter:?}");
    }
    let newest = fixture.operator.latest().await.unwrap().unwrap();
    let told = serde_json::to_string(&fixture.operator.replay(&newest).await.unwrap()).unwrap();
    assert!(told.contains("\"D\"") && !told.contains("\"A\"") && !told.contains("globex"));
}

#[tokio::test]
async fn everything_on_record_is_found_newest_first_and_page_by_page() {
    let fixture = busy_shop().await;
    let whole = activity(&fixture, Filter { limit: 200, ..Filter::default() }).await;
    assert_eq!(whole.len(), 1 + 1 + 5 * 3 + 2 * 2 + 1, "{whole:#?}");
    assert_eq!(whole[..4], ["diagnostic diag_1", "audit acme/F 0", "evidence acme/E", "audit acme/E 1"]);
    let mut paged = Vec::new();
    let mut filter = Filter { limit: 3, ..Filter::default() };
    loop {
        let page = fixture.operator.activity(&filter).await.unwrap();
        paged.extend(page.lines.iter().map(word));
        filter.before = page.next;
        if filter.before.is_none() {
            break;
        }
    }
    assert_eq!(paged, whole);
    let times: Vec<_> = paged.iter().collect();
    assert_eq!(times.iter().collect::<BTreeSet<_>>().len(), whole.iter().collect::<BTreeSet<_>>().len());
}

#[tokio::test]
async fn a_status_leaves_out_what_has_none() {
    let fixture = busy_shop().await;
    let rejected = Filter { status: Some(Status::Rejected), ..Filter::default() };
    assert_eq!(activity(&fixture, rejected.clone()).await, ["proposal acme/B rejected"]);
    let both = Filter { status: Some(Status::Applied), outcome: Some(Outcome::Applied), ..Filter::default() };
    assert_eq!(activity(&fixture, both).await, ["receipt D applied", "proposal acme/D applied"]);
    let evidence = fixture.operator.evidence_list(&rejected).await.unwrap().lines;
    assert_eq!(evidence.iter().map(|line| line.of.object_id.as_deref()).collect::<Vec<_>>(), [Some("B")]);
    let audits = fixture.operator.audit_list(&rejected).await.unwrap().lines;
    assert_eq!(audits.iter().map(|line| line.of.object_id.as_deref()).collect::<Vec<_>>(), [Some("B")]);
}

#[tokio::test]
async fn a_refusal_is_found_by_tenant_and_capability() {
    let fixture = busy_shop().await;
    let by = |tenant: Option<&str>, capability: Option<&str>| Filter {
        tenant_id: tenant.map(str::to_owned),
        capability: capability.map(str::to_owned),
        limit: 1,
        ..Filter::default()
    };
    for (tenant, capability, found) in [
        (None, None, true),
        (Some("acme"), None, true),
        (None, Some("billing.propose_status"), true),
        (Some("acme"), Some("billing.propose_status"), true),
        (Some("globex"), None, false),
        (Some("acme"), Some("billing.other"), false),
    ] {
        let lines = activity(&fixture, by(tenant, capability)).await;
        assert_eq!(lines.first().is_some_and(|line| line == "diagnostic diag_1"), found, "{tenant:?} {capability:?}");
    }
}

#[tokio::test]
async fn any_id_leads_to_what_belongs_to_it() {
    let fixture = busy_shop().await;
    let filter = Filter { object_id: some("D"), ..Filter::default() };
    let proposal = fixture.operator.list(&filter).await.unwrap().lines.remove(0);
    let receipt = fixture.operator.receipts(&filter).await.unwrap().lines.remove(0);
    let audit = fixture.operator.audit_list(&filter).await.unwrap().lines.remove(0);
    let ids = [
        proposal.proposal_id.to_string(),
        format!("replay_{}", proposal.proposal_id),
        receipt.receipt_id,
        receipt.writeback_job_id.to_string(),
        receipt.idempotency_key.to_string(),
        audit.audit_id.to_string(),
        audit.evidence_id.unwrap().to_string(),
    ];
    for id in ids {
        let related: Vec<_> = fixture.operator.related(&id, &Filter::default()).await.unwrap().iter().map(word).collect();
        assert_eq!(related, ["receipt D applied", "proposal acme/D applied", "evidence acme/D", "audit acme/D 1"], "{id}");
    }
    let read = fixture.operator.evidence_list(&Filter { object_id: some("E"), ..Filter::default() }).await.unwrap().lines.remove(0);
    for (id, found) in [
        (read.evidence_id.as_str(), &["evidence acme/E", "audit acme/E 1"][..]),
        ("diag_1", &["diagnostic diag_1"]),
        ("wrp_none", &[]),
        ("receipt_1_", &[]),
    ] {
        let related: Vec<_> = fixture.operator.related(id, &Filter::default()).await.unwrap().iter().map(word).collect();
        assert_eq!(related, found, "{id}");
    }
}

/// TRAP 50: an id beside a filter finds no more than the filter lets through.
#[tokio::test]
async fn trap_50_what_belongs_to_an_id_is_filtered_as_lists_are() {
    let fixture = busy_shop().await;
    let receipt = fixture.operator.receipts(&Filter::default()).await.unwrap().lines.remove(0);
    let audit = fixture.operator.audit_list(&Filter { object_id: some("D"), ..Filter::default() }).await.unwrap().lines.remove(0);
    let ids = [receipt.proposal_id.to_string(), receipt.receipt_id.clone(), audit.audit_id.to_string(), "diag_1".to_owned()];
    let changed = fixture.operator.load(&receipt.proposal_id).await.unwrap();
    let shape = |fingerprint: Digest| Filter { query_fingerprint: Some(fingerprint), ..Filter::default() };
    for (filter, found) in [
        // In this fixture the read behind the change is of another shape.
        (shape(changed.change_set.evidence.query_fingerprint), [2, 2, 2, 0]),
        (shape(Digest::of_bytes(b"another shape")), [0; 4]),
        (Filter { object_id: some("A"), ..Filter::default() }, [0; 4]),
        (Filter { principal: some("agent-8"), ..Filter::default() }, [0; 4]),
        (Filter { source_id: some("other"), ..Filter::default() }, [0; 4]),
        (Filter { tenant_id: some("acme"), ..Filter::default() }, [4, 4, 4, 1]),
    ] {
        for (id, found) in ids.iter().zip(found) {
            assert_eq!(fixture.operator.related(id, &filter).await.unwrap().len(), found, "{id} {filter:?}");
        }
    }
}

#[tokio::test]
async fn a_record_that_says_something_else_than_its_place_is_not_shown_there() {
    let fixture = shop().await;
    fixture.edit("UPDATE proposals SET tenant_id = 'evil' WHERE object_id = 'B'");
    fixture.edit(
        "UPDATE evidence SET body_json = replace(body_json, 'open', 'shut') WHERE evidence_id = \
        (SELECT evidence_id FROM proposals WHERE object_id = 'C')",
    );
    fixture.edit("UPDATE query_audit SET body_json = 'no json' WHERE object_id = 'C'");
    let page = fixture.operator.list(&Filter { tenant_id: some("acme"), ..Filter::default() }).await.unwrap();
    assert_eq!((page.lines.len(), page.unreadable), (2, 1));
    let page = fixture.operator.evidence_list(&Filter { object_id: some("A"), ..Filter::default() }).await.unwrap();
    assert_eq!((page.lines.len(), page.unreadable), (2, 0));
    let page = fixture.operator.audit_list(&Filter::default()).await.unwrap();
    assert_eq!((page.lines.len(), page.unreadable), (3, 1));
}

#[tokio::test]
async fn among_thousands_of_shapes_the_answer_is_the_same() {
    let fixture = Fixture::new();
    let ledger = fixture.ledger.agent();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..4200 {
        let agent = ledger.clone();
        let audit = QueryAudit { tenant_id: format!("t{}", number % 2), principal: format!("agent-{number}"), ..audit("A") };
        tasks.spawn(async move { agent.record_read(ReadRecord { evidence: None, audit }).await });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap().unwrap();
    }
    let page = fixture.operator.audit_list(&Filter { capability: some("billing.propose_status"), limit: 50, ..Filter::default() }).await;
    assert_eq!(page.unwrap().lines.len(), 50);
    let page = fixture.operator.audit_list(&Filter { tenant_id: some("t1"), limit: 50, ..Filter::default() }).await.unwrap();
    assert!(page.lines.iter().all(|line| line.of.tenant_id == "t1") && page.lines.len() == 50 && page.next.is_some());
    let page = fixture.operator.audit_list(&Filter { principal: some("agent-17"), ..Filter::default() }).await.unwrap();
    assert_eq!(page.lines.len(), 1);
}
