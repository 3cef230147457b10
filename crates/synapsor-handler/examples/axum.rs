//! The smallest handler on axum: it closes tickets.

#![expect(clippy::print_stdout, reason = "a program says where it listens")]

use std::error::Error;

use axum::Router;
use axum::routing::post_service;
use synapsor_handler::{Done, Handler, Job, Table, Tx};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let handler = Handler::builder()
        .sqlite(arguments.next().ok_or("usage: axum DATABASE TOKEN")?)
        .bearer_token(arguments.next().ok_or("the token is missing")?)
        .table(Table::new("tickets", "tenant_id"))
        .effect("desk.close_ticket", |job: Job, tx: Tx| async move {
            let status = job.patch().scalar("status")?.clone();
            tx.update("tickets", &[("status", status)], &[("id", job.object_id().into())]).await?;
            Ok(Done::new().effect("db.update"))
        })
        .build()?;
    handler.check().await?;
    let app = Router::new().route("/synapsor/writeback", post_service(handler));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/synapsor/writeback", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
