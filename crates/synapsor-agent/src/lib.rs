//! What can a model do?
//!
//! List capabilities, read one row, propose one change, and look at its own tenant's records. Nothing else can be written down: no
//! decision, no write to a business database, no choice of a tenant.
//!
//! # Invariants
//! - Tenant and principal come from the trusted context, never from an argument.
//! - `ok: true` leaves only after the ledger commit that holds it, reads included.
//! - A missing row and another tenant's row take the same statements, leave the same kind of audit row and get the same bytes.
//! - No text of a driver, no host, path or SQL is in an answer; the ledger keeps it under a diagnostic id.
//!
//! Knows nothing of MCP, HTTP or operators. Start reading at [`AgentPort::answer`], then `propose.rs`.

mod check_database;
mod credentials;
mod error;
mod offer;
mod port;
mod propose;
mod read;
mod records;
mod refusal;

pub use check_database::{DatabaseFinding, check_database};
pub use error::AgentError;
pub use offer::{Offer, OfferParts};
pub use port::{AgentParts, AgentPort};
pub use read::{Stage, Watch};
pub use records::Record;
pub use synapsor_config::alias::openai_aliases;
pub use synapsor_config::argument::{Arg, ArgKind};
pub use synapsor_config::{Capability, Mode};
