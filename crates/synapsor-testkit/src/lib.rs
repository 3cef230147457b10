//! What does a test need that a user does not? (development only)
//!
//! - [`Postgres`], [`Mysql`]: a fresh database on a server of the run, dropped at the end of the test.
//! - [`sqlite`]: sample business databases in a file.
//! - [`Folder`]: a temporary folder for a config and a ledger.
//! - [`FaultProxy`]: cuts or freezes a connection to PostgreSQL or MySQL at an exact message.
//! - `asking`, with the feature `handlers`: signed requests to a handler, and its answers.
//! - [`filters`]: takes out of a snapshot what differs from run to run.
//! - [`Program`]: runs a binary as a person does; exit code, stdout and stderr as one text.
//!
//! # Invariants
//! - A test that cannot get its server fails, unless the run says that servers are left out; then it
//!   says so in turn.
//! - Helpers panic with a sentence instead of returning errors: in a test there is nobody to handle one.
//! - Helpers block their thread and need no runtime, so tests with and without one use the same calls.
//!
//! Start reading at [`Postgres::shared`].

#[cfg(feature = "handlers")]
pub mod asking;
pub mod filters;
pub mod sqlite;

mod environment;
mod fault_proxy;
mod folder;
mod frames;
mod mysql;
mod mysql_frames;
mod place;
mod postgres;
mod postgres_frames;
mod program;
mod proxy_link;
mod session;
mod terminal;

pub use environment::left_out;
pub use fault_proxy::{Cut, FaultProxy};
pub use folder::Folder;
pub use mysql::{Mysql, as_mysql};
pub use postgres::Postgres;
pub use program::{Program, Running, Seen};
