//! Where do log lines go, and how many?
//!
//! To stderr: stdout belongs to the answer, and to the protocol where a client is served. `SYNAPSOR_LOG_LEVEL` is `error`, `warn`,
//! `info` (default), `debug` or `trace`. That is for our own lines. Libraries only ever warn: the protocol library tells of every single
//! call, and below `info` with all that is in it, rows included.
//!
//! No line of ours has a secret in it. Should one have, because a library put it into a text, it is taken out before it is written.

use std::io::{self, IsTerminal, Write};

use synapsor_protocol::credential::redacted;

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
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(|| Redacting(io::stderr()))
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    tracing_subscriber::registry().with(targets(level)).with(lines).init();
}

/// Writes lines without the credentials in them. Each line comes whole.
struct Redacting<W>(W);

impl<W: Write> Write for Redacting<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        self.0.write_all(redacted(&text).as_bytes()).map(|()| line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn targets(level: LevelFilter) -> Targets {
    Targets::new().with_default(level.min(LevelFilter::WARN)).with_target(OURS, level)
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::filter::LevelFilter;

    use std::io::Write;

    use super::{Redacting, targets};

    #[test]
    fn a_credential_in_a_line_is_not_written() {
        let mut written = Redacting(Vec::new());
        written.write_all(b"cannot connect to postgres://app:canary-7f@db/shop with Bearer canary-7f-0123456789").unwrap();
        insta::assert_snapshot!(String::from_utf8(written.0).unwrap(), @"cannot connect to postgres://app:[redacted]@db/shop with Bearer [redacted]");
    }

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
