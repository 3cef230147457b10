//! What a list shows, and that it stays quick.

use std::time::Duration;

use synapsor_ledger::{Filter, Recorded};
use synapsor_proposal::{Order, Status};
use synapsor_protocol::Timestamp;

use crate::fixture::{Fixture, proposal_of};

async fn objects(fixture: &Fixture, filter: Filter) -> Vec<String> {
    fixture.operator.list(&filter).await.unwrap().into_iter().map(|line| format!("{}/{}", line.tenant_id, line.object_id)).collect()
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

#[tokio::test]
async fn a_list_is_newest_first_and_filtered_by_anything() {
    let fixture = shop().await;
    assert_eq!(objects(&fixture, Filter::default()).await, ["acme/C", "acme/B", "globex/A", "acme/A"]);
    let acme = || Some("acme".to_owned());
    let cases: [(Filter, &[&str]); 7] = [
        (Filter { tenant_id: acme(), ..Filter::default() }, &["acme/C", "acme/B", "acme/A"]),
        (Filter { tenant_id: Some("Acme".into()), ..Filter::default() }, &[]),
        (Filter { status: Some(Status::Rejected), ..Filter::default() }, &["acme/B"]),
        (Filter { object_id: Some("A".into()), ..Filter::default() }, &["globex/A", "acme/A"]),
        (Filter { object_id: Some("A".into()), tenant_id: acme(), ..Filter::default() }, &["acme/A"]),
        (Filter { capability: Some("billing.propose_status".into()), limit: 2, ..Filter::default() }, &["acme/C", "acme/B"]),
        (Filter { business_object: Some("customers".into()), ..Filter::default() }, &[]),
    ];
    for (filter, expected) in cases {
        assert_eq!(objects(&fixture, filter.clone()).await, expected, "{filter:?}");
    }
}

#[tokio::test]
async fn a_cursor_goes_on_where_the_page_ended() {
    let fixture = shop().await;
    let mut filter = Filter { limit: 3, tenant_id: None, ..Filter::default() };
    let page = fixture.operator.list(&filter).await.unwrap();
    filter.before = page.last().map(|line| line.cursor);
    assert_eq!(objects(&fixture, filter.clone()).await, ["acme/A"]);
    filter.tenant_id = Some("globex".into());
    assert!(objects(&fixture, filter).await.is_empty());
}

/// TRAP 50: what belongs to another object is not shown with this one.
#[tokio::test]
async fn trap_50_a_story_holds_no_record_of_another_object() {
    let fixture = shop().await;
    let newest = fixture.operator.latest().await.unwrap().unwrap();
    let replay = fixture.operator.replay(&newest).await.unwrap();
    let told = serde_json::to_string(&replay).unwrap();
    assert!(told.contains("\"C\"") && !told.contains("\"A\"") && !told.contains("globex"));
}

#[tokio::test]
async fn among_a_hundred_thousand_proposals_a_list_finds_its_own() {
    let fixture = shop().await;
    // Copies of one row: what a list does does not depend on their content.
    let copies = "INSERT INTO proposals SELECT NULL, 'wrp_copy_' || value, proposal_version, proposal_hash, content_digest, approval_digest, \
         capability_digest, mode, 'tenant_' || (value % 50), principal, capability, business_object, 'object_' || value, source_id, expires_at, \
         created_at, 'applied', 0, attempts, outcome, code, updated_at, events, head_hash, change_set_json \
         FROM proposals, generate WHERE number = 1";
    let with = "WITH RECURSIVE generate(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM generate WHERE value < 100000) ";
    fixture.edit(&format!("{with}{copies}"));
    let filters = [
        (Filter { limit: 200, ..Filter::default() }, 200),
        (Filter { status: Some(Status::Applied), ..Filter::default() }, 20),
        (Filter { tenant_id: Some("tenant_7".into()), limit: 200, ..Filter::default() }, 200),
        (Filter { tenant_id: Some("nobody".into()), ..Filter::default() }, 0),
        (Filter { object_id: Some("object_4711".into()), ..Filter::default() }, 1),
    ];
    for (filter, found) in filters {
        assert_eq!(fixture.operator.list(&filter).await.unwrap().len(), found, "{filter:?}");
    }
}
