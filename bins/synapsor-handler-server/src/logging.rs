//! Where do log lines go, and what is in them?
//!
//! JSON lines on stderr. `SYNAPSOR_LOG_LEVEL` is `error`, `warn`, `info` (default), `debug` or `trace`, for our own lines; libraries
//! only ever warn. What a database said is left out unless it is asked for: it may name values of rows.

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What the targets of all our crates begin with.
const OURS: &str = "synapsor";
/// What a database said about a request.
const DETAIL: &str = "synapsor_handler::detail";

/// Starts logging. A level that is none is `info`.
#[expect(clippy::disallowed_methods, reason = "the binary reads its own log level")]
pub(crate) fn start(details: bool) {
    let named = std::env::var("SYNAPSOR_LOG_LEVEL").ok();
    let level = named.and_then(|name| name.trim().parse::<LevelFilter>().ok()).unwrap_or(LevelFilter::INFO);
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false).with_writer(std::io::stderr);
    tracing_subscriber::registry().with(targets(level, details)).with(lines).init();
}

fn targets(level: LevelFilter, details: bool) -> Targets {
    let targets = Targets::new().with_default(level.min(LevelFilter::WARN)).with_target(OURS, level);
    targets.with_target(DETAIL, if details { level } else { LevelFilter::OFF })
}

#[cfg(test)]
mod tests {
    use tracing::Level;
    use tracing_subscriber::filter::LevelFilter;

    use super::targets;

    #[test]
    fn what_a_database_said_is_told_only_if_it_is_asked_for() {
        for (details, told) in [(false, false), (true, true)] {
            let targets = targets(LevelFilter::INFO, details);
            assert_eq!(targets.would_enable("synapsor_handler::detail", &Level::WARN), told);
            assert!(targets.would_enable("synapsor_handler::request", &Level::INFO));
            assert!(!targets.would_enable("tokio_postgres::connection", &Level::INFO));
        }
    }
}
