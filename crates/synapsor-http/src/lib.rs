//! How is HTTP served safely?
//!
//! A listener that is safe before anybody configures it: loopback only, a token, one list of hosts and one of origins,
//! bounds on everything a stranger can make large or slow, and an end that lets answers finish.
//!
//! # Invariants
//! - No cleartext beyond loopback: a [`Listen`] for another address exists only with TLS or behind a TLS proxy.
//! - Host and Origin are checked before anything else, on every request, `/healthz` included.
//! - An endpoint never sees a request without the token, nor a body without a bound.
//! - Secrets are compared in constant time and appear in no answer and no log.
//!
//! Knows nothing of MCP or databases. Start reading at [`stack`]: it is the list of what a request goes through.

mod access;
mod answer;
mod body;
mod cors;
mod error;
mod guard;
mod host;
mod listen;
mod origin;
mod request_time;
mod routes;
mod server;
mod settings;
mod shutdown;
pub mod stack;
mod tls;
mod write_time;

pub use access::Access;
pub use answer::{Rejection, ResponseBody, json_answer};
pub use body::{BodyError, BodyLimit, BoundedBody, read_body};
pub use cors::Cors;
pub use error::HttpError;
pub use guard::{Check, Guard};
pub use host::{HostList, HostRule};
pub use listen::{Listen, Protection};
pub use origin::{Origin, OriginList};
pub use request_time::RequestTime;
pub use routes::{Readiness, Routes};
pub use server::{Endpoint, Server};
pub use settings::{Limits, Settings};
pub use shutdown::termination;
