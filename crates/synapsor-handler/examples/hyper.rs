//! The same handler on nothing but hyper.

#![expect(clippy::print_stdout, reason = "a program says where it listens")]

use std::error::Error;

use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use synapsor_handler::{Done, Effect, EffectFuture, Handler, Job, Table, Tx};
use tokio::net::TcpListener;

/// An effect may be a type as well: this one has settings.
struct SetStatus {
    column: &'static str,
}

impl Effect for SetStatus {
    fn apply(&self, job: Job, tx: Tx) -> EffectFuture<'_> {
        Box::pin(async move {
            let status = job.patch().scalar(self.column)?.clone();
            tx.update("tickets", &[(self.column, status)], &[("id", job.object_id().into())]).await?;
            Ok(Done::new().effect("db.update"))
        })
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let handler = Handler::builder()
        .sqlite(arguments.next().ok_or("usage: hyper DATABASE TOKEN")?)
        .bearer_token(arguments.next().ok_or("the token is missing")?)
        .table(Table::new("tickets", "tenant_id"))
        .effect("desk.close_ticket", SetStatus { column: "status" })
        .build()?;
    handler.check().await?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("http://{}/", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let service = TowerToHyperService::new(handler.clone());
        tokio::spawn(async move {
            let mut server = hyper::server::conn::http1::Builder::new();
            // A connection that breaks is its client's affair.
            drop(server.timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await);
        });
    }
}
