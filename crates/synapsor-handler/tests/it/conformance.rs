//! Does our own handler keep the whole contract, and does the list of scenarios find each fault?

use serde_json::{Value, json};
use synapsor_handler::conformance::{Acting, Conformance, Credentials, Fixture, Observation, Stage, Verdict};
use synapsor_handler::{Done, EffectError, Handler, Job, Tx};
use synapsor_protocol::{Scalar, Secret};

use crate::shop::{Shop, TOKEN, credit, on_each_engine};

const SECRET: &str = "whsec_bm90IGEgc2VjcmV0IGFueSBtb3Jl";
const NEXT: &str = "an older secret that is no base64";

on_each_engine! {
    our_handler_passes_every_scenario
    a_handler_that_rehearses_nothing_earns_no_dry_run
}

async fn our_handler_passes_every_scenario(shop: &Shop) {
    let effect = |job: Job, tx: Tx| async move { refusing(job, tx).await };
    let handler = builder(shop).rehearsable_effect("billing.credit", effect).build().unwrap();
    let verdict = verdict(shop, &handler).await;
    assert_eq!(faults(&verdict), "");
    assert_eq!(verdict.counts()[1..], [0, 0]);
    assert_eq!(json!(verdict.earned), json!({"redelivery": "safe", "dry_run": "handler"}));
}

async fn a_handler_that_rehearses_nothing_earns_no_dry_run(shop: &Shop) {
    let handler = builder(shop).effect("billing.credit", refusing).build().unwrap();
    let verdict = verdict(shop, &handler).await;
    assert_eq!(faults(&verdict), "");
    assert_eq!(verdict.counts()[2], 2);
    assert_eq!(json!(verdict.earned), json!({"redelivery": "safe", "dry_run": "local"}));
}

async fn refusing(job: Job, tx: Tx) -> Result<Done, EffectError> {
    let done = credit(job.clone(), tx).await?;
    // At the end, so that there is something to roll back.
    if job.patch().integer("credit_cents")? <= 0 { Err(EffectError::refuse("a credit is more than nothing")) } else { Ok(done) }
}

fn builder(shop: &Shop) -> synapsor_handler::Builder {
    shop.bare().bearer_token(TOKEN).signing_secret(SECRET).signing_secret(NEXT)
}

async fn verdict(shop: &Shop, handler: &Handler) -> Verdict {
    shop.execute("insert into invoices values ('INV-9', 'globex', 'C-1', 'overdue', 1, 1, null, 3)");
    let fixture = Fixture::from_slice(fixture(shop).to_string().as_bytes()).unwrap();
    let secret = |text: &str| Some(Secret::new(text.to_owned()));
    let credentials = Credentials { token: secret(TOKEN), signing: secret(SECRET), next: secret(NEXT) };
    Conformance::new(&fixture, credentials, handler, shop).run(|_| ()).await.unwrap()
}

fn fixture(shop: &Shop) -> Value {
    json!({
        "action": "billing.credit",
        "target": {
            "schema": shop.schema(), "table": "invoices", "primary_key": {"column": "id", "value": "INV-1"},
            "tenant": {"column": "tenant_id", "value": "acme"}, "version_column": "version",
        },
        "missing_key": "INV-0",
        "other_tenant": {"tenant": "globex", "key": "INV-9"},
        "before": {"id": "INV-1", "status": "overdue", "credit_cents": null},
        "patch": {"credit_cents": 500},
        "refused_patch": {"credit_cents": -1},
        "reset": {"command": ["unused"]},
        "observe": {"command": ["unused"]},
    })
}

/// What failed, one scenario a line.
fn faults(verdict: &Verdict) -> String {
    let record = verdict.to_json();
    let failed = record["scenarios"].as_array().unwrap().iter().filter(|one| one["outcome"] == "failed");
    failed.map(|one| format!("{}: {}", one["name"].as_str().unwrap(), one["found"].as_str().unwrap())).collect::<Vec<_>>().join("\n")
}

impl Stage for Shop {
    fn reset(&self) -> Acting<'_, ()> {
        Box::pin(async {
            self.execute("update invoices set status = 'overdue', version = 3 where id = 'INV-1' and tenant_id = 'acme'");
            Ok(())
        })
    }

    fn observe(&self) -> Acting<'_, Observation> {
        Box::pin(async {
            let version = self.table("select version from invoices where id = 'INV-1' and tenant_id = 'acme'");
            let effects = self.table("select count(*) from credits");
            let row = self.table("select id, tenant_id, status, version from invoices order by id, tenant_id");
            Ok(Observation { version: Scalar::from(version.parse::<i64>().unwrap()), effects: effects.parse().unwrap(), row: row.into() })
        })
    }
}
