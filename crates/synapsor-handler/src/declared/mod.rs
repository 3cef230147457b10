//! What if the business change needs no code?
//!
//! A file says which statements each capability stands for; everything around them is the [`Handler`](crate::Handler)'s, as it
//! is for an effect in code. The file goes three steps: its text becomes raw types that only know its shape; a check of every
//! rule makes [`Finding`]s, all of them at once; and if none is an error there is a [`HandlerConfig`]. With an engine it makes a
//! [`Builder`](crate::Builder), and is held against the live database.
//!
//! # Invariants
//! - A file is closed: an unknown member is an error, because it might have meant something.
//! - A plain JSON scalar is a constant, an object says where a value comes from. Nothing else is a value.
//! - No address and no secret is in the file or in a finding; variables that hold them are read by the caller.
//! - Sums are exact: no double is added to anything.
//! - What the validator accepts the published schema accepts.
//!
//! Absent on purpose: SQL, conditions between steps, loops, calls to anywhere else. Whoever needs one writes an
//! [`Effect`](crate::Effect). Start reading at [`check()`], then `effect`.

#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod access;
mod check;
mod code;
mod config;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod effect;
mod effects;
mod finding;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
mod live;
mod raw;
mod slot;
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite", test))]
mod value;
mod words;

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

pub use code::Code;
pub use config::{DatabaseConfig, DatabasePlace, HandlerConfig, Limits, ListenAddress, Protection};
pub use finding::{Finding, Severity};

/// Where the endpoint is, unless the file says.
const DEFAULT_PATH: &str = "/synapsor/writeback";
/// Where it listens on loopback, unless the file says.
const DEFAULT_PORT: u16 = 8090;

/// What became of a file.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Checked {
    /// What may be served; there exactly if no finding is an error.
    pub config: Option<HandlerConfig>,
    /// Everything that was found, in the order of the rules.
    pub findings: Vec<Finding>,
}

/// Why there was nothing to check.
#[derive(Debug, thiserror::Error)]
#[error("`{}` cannot be read", path.display())]
#[non_exhaustive]
pub struct Unreadable {
    /// The file.
    pub path: PathBuf,
    /// What the system said.
    #[source]
    pub source: std::io::Error,
}

/// Checks the text of a file. `base` is the folder that relative paths in it start from. No I/O.
pub fn check(text: &[u8], base: &Path) -> Checked {
    check::check(text, base)
}

/// Reads and checks a file; relative paths in it start from its folder. A text over 1 MiB is a finding.
pub fn load(path: &Path) -> Result<Checked, Unreadable> {
    let unreadable = |source| Unreadable { path: path.to_owned(), source };
    // One byte more than the limit is enough to see that a file is too large.
    let limit = synapsor_protocol::preparse::Limits::DEFAULT.bytes as u64 + 1;
    let mut text = Vec::new();
    File::open(path).map_err(unreadable)?.take(limit).read_to_end(&mut text).map_err(unreadable)?;
    // Absolute, so that a later change of the working folder moves no database.
    let absolute = std::path::absolute(path).map_err(unreadable)?;
    Ok(check(&text, absolute.parent().unwrap_or(Path::new("/"))))
}

/// The JSON Schema of the file, draft 2020-12.
#[cfg(feature = "schemas")]
pub fn schema() -> serde_json::Value {
    let generator = schemars::generate::SchemaSettings::draft2020_12().into_generator();
    generator.into_root_schema_for::<raw::RawHandler>().to_value()
}
