//! An application that gives credits: a row in `account_credits` and the invoice's new status, in one transaction.
//!
//!     cargo run
//!
//! The database has the tables of `schema.sql`. In the runner's configuration, an executor of type `http_handler` has the URL
//! `http://127.0.0.1:8090/synapsor/writeback`, and the same token and signing secret.

mod synapsor_writeback_handler;

use std::error::Error;

use synapsor_handler::{Done, EffectError, Job, Tx};
use synapsor_writeback_handler::{from_environment, serve, variable};

async fn credit(job: Job, tx: Tx) -> Result<Done, EffectError> {
    let cents = job.patch().integer("credit_cents")?;
    if cents <= 0 {
        return Err(EffectError::refuse("a credit is more than nothing"));
    }
    if job.row().text("status")? == "written_off" {
        return Err(EffectError::refuse("an invoice that was written off gets no credit"));
    }
    let values = [("operation_id", job.operation_id().into()), ("invoice_id", job.object_id().into()), ("cents", cents.into())];
    tx.insert("account_credits", &values).await?;
    tx.update("invoices", &[("status", "credited".into())], &[("id", job.object_id().into())]).await?;
    Ok(Done::new().effect("db.insert").effect("db.update"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = variable("PORT").and_then(|port| port.parse().ok()).unwrap_or(8090);
    let handler = from_environment()?.rehearsable_effect("billing.propose_account_credit", credit).build()?;
    serve(handler, "/synapsor/writeback", port).await
}
