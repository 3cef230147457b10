//! How does a test speak to `mcp serve`? Line by line, as bytes, so that it can also say what no client would.

use std::io::{BufRead, BufReader, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use serde_json::{Value, json};
use synapsor_testkit::Running;

use crate::desk::Desk;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// A conversation over stdin and stdout.
pub(crate) struct Client {
    pub(crate) running: Running,
    lines: Receiver<String>,
    last_id: u64,
}

impl Client {
    /// Starts a server and says nothing yet.
    pub(crate) fn silent(desk: &Desk, words: &str) -> Self {
        let mut running = desk.program("mcp serve").args(words.split_whitespace()).start();
        let stdout = running.child.stdout.take().unwrap();
        let (heard, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if heard.send(line).is_err() {
                    return;
                }
            }
        });
        Self { running, lines, last_id: 0 }
    }

    /// Starts a server and shakes hands.
    pub(crate) fn greeted(desk: &Desk) -> Self {
        let mut client = Self::silent(desk, "");
        client.greet();
        client
    }

    /// Shakes hands, and gives the server's answer.
    pub(crate) fn greet(&mut self) -> Value {
        let about = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}});
        let answer = self.request("initialize", &about);
        self.send(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        answer
    }

    /// Sends one line.
    pub(crate) fn send(&mut self, line: &[u8]) {
        let stdin = self.running.child.stdin.as_mut().unwrap();
        stdin.write_all(line).and_then(|()| stdin.write_all(b"\n")).and_then(|()| stdin.flush()).unwrap();
    }

    /// The next line that the server writes.
    pub(crate) fn line(&mut self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("the server did not answer: {}", self.running.stderr()),
            Err(RecvTimeoutError::Disconnected) => panic!("the server ended: {}", self.running.stderr()),
        }
    }

    /// Whether the server has written another line.
    pub(crate) fn has_line(&mut self) -> bool {
        self.lines.recv_timeout(Duration::from_millis(100)).is_ok()
    }

    /// Sends one line and gives the message that answers it.
    pub(crate) fn answer(&mut self, line: &[u8]) -> Value {
        self.send(line);
        let line = self.line();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error} in {line}"))
    }

    /// Sends a request and gives its result, or its error.
    pub(crate) fn request(&mut self, method: &str, params: &Value) -> Value {
        self.last_id += 1;
        let message = json!({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params});
        let mut answer = self.answer(message.to_string().as_bytes());
        assert_eq!(answer["id"], self.last_id, "{answer}");
        let part = if answer.get("error").is_some() { "error" } else { "result" };
        answer[part].take()
    }

    /// Calls a tool and gives its result.
    pub(crate) fn call(&mut self, name: &str, arguments: &Value) -> Value {
        self.request("tools/call", &json!({"name": name, "arguments": arguments}))
    }

    /// Closes the server's input and waits for its end.
    pub(crate) fn leave(mut self) -> Option<i32> {
        drop(self.running.child.stdin.take());
        self.running.wait().code()
    }
}

/// The envelope of a tool's result. Text and structure say the same, and `isError` is what `ok` is not.
pub(crate) fn envelope(result: &Value) -> Value {
    let envelope = result["structuredContent"].clone();
    assert!(envelope.is_object(), "{result:#}");
    let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(text, envelope);
    assert_eq!(result["isError"], json!(envelope["ok"] != true), "{result:#}");
    envelope
}
