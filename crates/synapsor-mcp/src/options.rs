//! What can be chosen about serving MCP?

use std::time::Duration;

use synapsor_envelope::Format;
use tokio_util::sync::CancellationToken;

/// What can be chosen about serving MCP.
#[derive(Debug, Clone)]
pub struct McpOptions {
    /// By which names tools are called.
    pub aliases: AliasMode,
    /// The format of answers.
    pub format: Format,
    /// The most bytes of one message.
    pub message_bytes: usize,
    /// The most calls that one stdio conversation has in flight; more wait to be read.
    pub calls_in_flight: u32,
    /// How long calls in flight may finish once the input has ended.
    pub drain_time: Duration,
    /// The bounds of sessions over HTTP.
    pub sessions: SessionLimits,
    /// Cancelled once calls may be answered; until then they wait. Whatever needs no database is answered before.
    pub calls_may_begin: CancellationToken,
}

/// By which names tools are called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AliasMode {
    /// By their own, with a dot.
    #[default]
    Canonical,
    /// By names that model APIs accept which refuse dots.
    Openai,
    /// By both; where they are the same, by the one.
    Both,
}

/// The bounds of sessions, which only clients of the handshake era have.
#[derive(Debug, Clone, Copy)]
pub struct SessionLimits {
    /// How many there may be at once.
    pub count: usize,
    /// After this long without a message a session ends.
    pub idle: Duration,
}

impl AliasMode {
    /// The word for it, as options and `_meta` spell it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Canonical => "canonical",
            Self::Openai => "openai",
            Self::Both => "both",
        }
    }
}

impl Default for McpOptions {
    /// What is usual; calls may begin at once.
    fn default() -> Self {
        let calls_may_begin = CancellationToken::new();
        calls_may_begin.cancel();
        Self {
            aliases: AliasMode::default(),
            format: Format::default(),
            message_bytes: 1 << 20,
            calls_in_flight: 64,
            drain_time: Duration::from_secs(30),
            sessions: SessionLimits::default(),
            calls_may_begin,
        }
    }
}

impl Default for SessionLimits {
    fn default() -> Self {
        Self { count: 4096, idle: Duration::from_secs(60 * 60) }
    }
}
