//! Where do log lines go, and how many?
//!
//! To stderr: stdout belongs to the answer, and to the protocol where a client is served. `SYNAPSOR_LOG_LEVEL` is `error`, `warn`,
//! `info` (default), `debug` or `trace`.

use std::io::IsTerminal;

use tracing_subscriber::filter::LevelFilter;

/// Starts logging. A level that is none is `info`.
#[expect(clippy::disallowed_methods, reason = "the binary reads its own log level")]
pub(crate) fn start() {
    let named = std::env::var("SYNAPSOR_LOG_LEVEL").ok();
    let level = named.and_then(|name| name.trim().parse::<LevelFilter>().ok()).unwrap_or(LevelFilter::INFO);
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .with_max_level(level)
        .init();
}
