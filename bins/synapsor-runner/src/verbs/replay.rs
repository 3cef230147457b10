//! `replay show [ID]`: the whole story of a proposal, from the ledger alone.

use std::process::ExitCode;

use super::meant;
use crate::cli::One;
use crate::compose::Setup;
use crate::failure::Answer;
use crate::{output, review};

pub(super) async fn show(words: &One) -> Answer<ExitCode> {
    let port = Setup::load(&words.place)?.operator_port(None)?;
    let replay = port.replay(&meant(&port, &words.id).await?).await?;
    if words.format.json {
        output::json(&replay);
    } else {
        output::line(review::story(&replay));
    }
    Ok(ExitCode::SUCCESS)
}
