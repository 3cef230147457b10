//! MCP as a client sees it: raw messages over real pipes and sockets, a real agent plane behind them.

#![expect(clippy::unwrap_used, reason = "a fixture that fails is a test that fails")]

mod bridge;
mod envelopes;
mod fixture;
mod formats;
mod handshake_era;
mod http;
mod malformed;
mod modern_era;
mod pipes;
mod progress;
mod records;
mod tools;
