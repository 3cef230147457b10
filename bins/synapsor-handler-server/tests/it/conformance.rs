//! Does a handler without code keep the whole contract, over the network, on each engine?

use serde_json::json;
use synapsor_handler::conformance::{Acting, Conformance, Credentials, Fixture, HttpTransport, Observation, Stage};
use synapsor_protocol::{Scalar, Secret};
use synapsor_testkit::asking::TOKEN;

use crate::shop::{NEXT_SECRET, SECRET, Shop, on_each_engine};

on_each_engine! {
    every_scenario_passes_and_both_promises_are_earned
}

fn every_scenario_passes_and_both_promises_are_earned(shop: &Shop) {
    shop.execute("insert into invoices values ('INV-8', 'globex', 'open', 5000, 50.00, 1.5, 3)");
    let serving = shop.serve();
    let fixture = json!({
        "action": "billing.credit",
        "target": {
            "table": "invoices", "primary_key": {"column": "id", "value": "INV-1"},
            "tenant": {"column": "tenant_id", "value": "acme"}, "version_column": "version",
        },
        "missing_key": "INV-0",
        "other_tenant": {"tenant": "globex", "key": "INV-8"},
        "before": {"id": "INV-1", "credit_cents": null},
        "patch": {"credit_cents": 500},
        "refused_patch": {"credit_cents": 0},
        "claims": {"redelivery": "safe", "dry_run": "handler"},
        "reset": {"command": ["unused"]},
        "observe": {"command": ["unused"]},
    });
    let fixture = Fixture::from_slice(fixture.to_string().as_bytes()).unwrap();
    let secret = |text: &str| Some(Secret::new(text.to_owned()));
    let credentials = Credentials { token: secret(TOKEN), signing: secret(SECRET), next: secret(NEXT_SECRET) };
    let transport = HttpTransport::new(&format!("http://{}/synapsor/writeback", serving.address)).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let verdict = runtime.block_on(Conformance::new(&fixture, credentials, &transport, shop).run(|_| ())).unwrap();
    let record = verdict.to_json();
    let failed = record["scenarios"].as_array().unwrap().iter().filter(|one| one["outcome"] == "failed");
    let failed: Vec<String> = failed.map(|one| format!("{}: {}", one["name"], one["found"])).collect();
    assert_eq!(failed, Vec::<String>::new(), "{}", serving.running.stderr());
    assert_eq!(json!(verdict.earned), json!({"redelivery": "safe", "dry_run": "handler"}));
}

impl Stage for Shop {
    fn reset(&self) -> Acting<'_, ()> {
        Box::pin(async {
            self.execute(
                "update invoices set status = 'overdue', due_cents = 12000, version = 3 where tenant_id = 'acme' and id = 'INV-1'",
            );
            Ok(())
        })
    }

    fn observe(&self) -> Acting<'_, Observation> {
        Box::pin(async {
            let version = self.table("select version from invoices where id = 'INV-1' and tenant_id = 'acme'");
            let effects = self.table("select count(*) from credits");
            let row = self.table("select id, tenant_id, status, due_cents, version from invoices order by id, tenant_id");
            Ok(Observation { version: Scalar::from(version.parse::<i64>().unwrap()), effects: effects.parse().unwrap(), row: row.into() })
        })
    }
}
