//! Where do log lines go, and how many?
//!
//! To stderr: stdout belongs to the answer, and to the protocol where a client is served. `SYNAPSOR_LOG_LEVEL` is `error`, `warn`,
//! `info` (default), `debug` or `trace`. That is for our own lines. Libraries only ever warn: the protocol library tells of every single
//! call, and below `info` with all that is in it, rows included.

use std::io::IsTerminal;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What the targets of all our crates begin with.
const OURS: &str = "synapsor";

/// Starts logging. A level that is none is `info`.
#[expect(clippy::disallowed_methods, reason = "the binary reads its own log level")]
pub(crate) fn start() {
    let named = std::env::var("SYNAPSOR_LOG_LEVEL").ok();
    let level = named.and_then(|name| name.trim().parse::<LevelFilter>().ok()).unwrap_or(LevelFilter::INFO);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(std::io::stderr().is_terminal()).with_target(false);
    tracing_subscriber::registry().with(targets(level)).with(lines).init();
}

fn targets(level: LevelFilter) -> Targets {
    Targets::new().with_default(level.min(LevelFilter::WARN)).with_target(OURS, level)
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::filter::LevelFilter;

    use super::targets;

    fn check(level: LevelFilter) -> String {
        let told = |target| {
            [tracing::Level::ERROR, tracing::Level::WARN, tracing::Level::INFO, tracing::Level::DEBUG, tracing::Level::TRACE]
                .into_iter()
                .filter(|told| targets(level).would_enable(target, told))
                .count()
        };
        format!("ours {}, others {}", told("synapsor_mcp::http"), told("rmcp::service"))
    }

    #[test]
    fn libraries_only_ever_warn() {
        insta::assert_snapshot!(check(LevelFilter::ERROR), @"ours 1, others 1");
        insta::assert_snapshot!(check(LevelFilter::INFO), @"ours 3, others 2");
        insta::assert_snapshot!(check(LevelFilter::DEBUG), @"ours 4, others 2");
    }
}
