//! Applies approved Synapsor changes in your PostgreSQL database: each of them once, or visibly not.
//!
//! The contract is kept by the crate `synapsor-handler`: who asks, is it fresh, has it been done before, is the row still the one
//! that was approved. Here is only where things are: secrets and the database in the environment, and which tables effects may
//! touch. `synapsor-runner handler conformance` says whether the whole keeps the contract.

use std::error::Error;
use std::future::pending;

use axum::Router;
use synapsor_handler::{Builder, Handler, Table};
use tokio::net::TcpListener;

/// A handler to be, on the database and with the secrets of the environment.
pub(crate) fn from_environment() -> Result<Builder, Box<dyn Error>> {
    let builder = Handler::builder()
        .postgres(required("DATABASE_URL")?)
        .bearer_token(required("HANDLER_TOKEN")?)
        .signing_secret(required("HANDLER_SIGNING_SECRET")?)
        .table(Table::new("invoices", "tenant_id").key("id"))
        .table(Table::new("account_credits", "tenant_id"));
    // Two secrets during a rotation.
    Ok(match variable("HANDLER_NEXT_SIGNING_SECRET") {
        Some(next) => builder.signing_secret(next),
        None => builder,
    })
}

/// Serves the handler on loopback until the process is asked to end; what was begun is finished first.
pub(crate) async fn serve(handler: Handler, path: &str, port: u16) -> Result<(), Box<dyn Error>> {
    // A missing table or column is found now, and not by the first request.
    handler.check().await?;
    let app = Router::new().route_service(path, handler.clone());
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    axum::serve(listener, app).with_graceful_shutdown(ended()).await?;
    handler.finish().await;
    Ok(())
}

/// What the environment says under this name, if it says anything.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::vars().find(|(held, value)| held == name && !value.is_empty()).map(|(_, value)| value)
}

fn required(name: &str) -> Result<String, String> {
    variable(name).ok_or_else(|| format!("the environment variable `{name}` is not set"))
}

async fn ended() {
    // Without a way to hear of the end, the process serves until it is killed.
    if tokio::signal::ctrl_c().await.is_err() {
        pending::<()>().await;
    }
}
