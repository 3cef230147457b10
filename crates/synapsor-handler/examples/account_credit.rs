//! An application that gives credits: a row in `account_credits` and the invoice's new status, in one transaction.
//!
//! ```sh
//! cargo run -p synapsor-handler --features sqlite --example account_credit -- shop.db "a token of at least sixteen letters"
//! ```
//!
//! The database has the tables `invoices (id, tenant_id, status, version)` and
//! `account_credits (operation_id, tenant_id, invoice_id, cents, reason)`. Point an executor of type `http_handler` at
//! `http://127.0.0.1:PORT/synapsor/writeback`.

#![expect(clippy::print_stdout, reason = "a program says where it listens")]

use std::error::Error;

use axum::Router;
use synapsor_handler::{Done, EffectError, Handler, Job, Table, Tx};
use tokio::net::TcpListener;

/// The business change: everything else is the handler's.
async fn credit(job: Job, tx: Tx) -> Result<Done, EffectError> {
    let cents = job.patch().integer("credit_cents")?;
    if cents <= 0 {
        return Err(EffectError::refuse("a credit is more than nothing"));
    }
    if job.row().text("status")? == "written_off" {
        return Err(EffectError::refuse("an invoice that was written off gets no credit"));
    }
    let reason = job.patch().optional_text("reason")?.unwrap_or("none");
    let values = [
        ("operation_id", job.operation_id().into()),
        ("invoice_id", job.object_id().into()),
        ("cents", cents.into()),
        ("reason", reason.into()),
    ];
    tx.insert("account_credits", &values).await?;
    tx.update("invoices", &[("status", "credited".into())], &[("id", job.object_id().into())]).await?;
    // Whoever listens to events gets the operation id along, and so knows a repeated one.
    Ok(Done::new().effect("db.insert").effect("db.update").effect("event").detail("credited_cents", cents))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let database = arguments.next().ok_or("usage: account_credit DATABASE TOKEN [SIGNING_SECRET]")?;
    let mut builder = Handler::builder()
        .bearer_token(arguments.next().ok_or("the token is missing")?)
        .sqlite(database)
        .table(Table::new("invoices", "tenant_id").key("id"))
        .table(Table::new("account_credits", "tenant_id"))
        .rehearsable_effect("billing.propose_account_credit", credit);
    if let Some(secret) = arguments.next() {
        builder = builder.signing_secret(secret);
    }
    let handler = builder.build()?;
    handler.check().await?;

    let app = Router::new().route_service("/synapsor/writeback", handler.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/synapsor/writeback", listener.local_addr()?);
    axum::serve(listener, app).with_graceful_shutdown(ended()).await?;
    // What was begun for clients that have gone is finished too.
    handler.finish().await;
    Ok(())
}

async fn ended() {
    // Without a way to hear of the end, the process serves until it is killed.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
