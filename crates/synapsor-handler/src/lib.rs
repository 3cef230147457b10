//! How does an application apply an approved change in its own service?
//!
//! A [`Handler`] is a `tower` service for one endpoint. It finds out who asks and whether the request is fresh, claims the
//! operation, locks the row, compares it with what was approved, and only then calls the application's [`Effect`], in the same
//! transaction. The author writes the business change and nothing else.
//!
//! # Invariants
//! - An effect runs at most once per operation, however often and however parallel a request comes.
//! - `failed` is said only if it is proved that nothing was committed; what is not known is `HANDLER_EXCEPTION`, which callers
//!   take for unknown.
//! - A client that goes away does not tear a commit: the work runs in a task of its own.
//! - No text of a driver is in an answer, and no type of a driver in a signature.
//!
//! Without a feature there is no engine, and an application brings its own [`Store`]. Start reading at [`Handler::builder`].
#![cfg_attr(
    feature = "sqlite",
    doc = r#"
```
use synapsor_handler::{Done, Handler, Job, Table, Tx};

let handler = Handler::builder()
    .bearer_token("a token of at least sixteen letters")
    .sqlite("shop.db")
    .table(Table::new("credits", "tenant_id"))
    .table(Table::new("invoices", "tenant_id"))
    .effect("billing.credit", |job: Job, tx: Tx| async move {
        let cents = job.patch().integer("credit_cents")?;
        tx.insert("credits", &[("invoice_id", job.object_id().into()), ("cents", cents.into())]).await?;
        Ok(Done::new().effect("db.insert"))
    })
    .build()?;
// Mount it where the runner's executor posts to: `Router::new().route_service("/synapsor/writeback", handler)`.
# drop(handler);
# Ok::<(), synapsor_handler::HandlerError>(())
```
"#
)]

mod admission;
mod answer;
mod body;
mod builder;
#[cfg(any(feature = "conformance", feature = "schemas"))]
pub mod conformance;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod database;
#[cfg(feature = "declared")]
#[cfg_attr(
    not(any(feature = "mysql", feature = "postgres", feature = "sqlite")),
    expect(dead_code, reason = "without an engine a file is only checked")
)]
pub mod declared;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod effect;
mod error;
mod fields;
mod job;
mod log;
mod service;
mod store;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod tx;

pub use body::ResponseBody;
pub use builder::Builder;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub use database::Table;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub use effect::{Done, Effect, EffectError, EffectFuture};
pub use error::HandlerError;
pub use fields::{FieldError, Fields, Problem};
pub use job::Job;
pub use service::{Handler, Responding};
pub use store::{Carried, Known, Store};
pub use synapsor_protocol::handler::{Expected, HandlerReceipt, HandlerStatus, Order, SigningSecret};
pub use synapsor_protocol::{Columns, Digest, ErrorCode, Identifier, Outcome, Report, Scalar};
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
pub use tx::{Tx, TxError};
