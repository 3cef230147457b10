//! Which words try the real server out?

use clap::Subcommand;

use super::{Format, Place, Propose};

#[derive(Debug, Subcommand)]
pub(crate) enum Smoke {
    /// Call one capability through the MCP server, as a client would
    Call(Propose),
    /// Check what the MCP server offers: no trust field, no statement, no write within reach
    Boundary {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        format: Format,
    },
}

impl Smoke {
    pub(super) fn json(&self) -> bool {
        match self {
            Self::Call(call) => call.json.is_some(),
            Self::Boundary { format, .. } => format.json,
        }
    }
}
