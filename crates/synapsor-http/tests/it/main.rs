//! What a request goes through, and what a server does on real sockets.

#![expect(clippy::unwrap_used, reason = "a fixture that fails is a test that fails")]

mod server;
mod stack;
mod tls;
