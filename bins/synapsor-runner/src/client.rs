//! How does the program speak to its own server? As any MCP client: a child process, one JSON message per line.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::failure::{Answer, Failure};

/// How long the server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client of `synapsor-runner mcp serve`.
pub(crate) struct Client {
    child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
    last_id: u64,
}

impl Client {
    /// Starts the server with a configuration and these further words, and greets it.
    pub(crate) async fn start(config: &Path, words: &[OsString]) -> Answer<Self> {
        let program = std::env::current_exe().map_err(|cause| Failure::new("the program does not find itself").because(&cause))?;
        let mut command = Command::new(program);
        // A try must not fail because the ledger is being served already.
        command.args(["mcp", "serve", "--allow-concurrent-store", "--config"]).arg(config).args(words);
        command.env_remove("SYNAPSOR_LOCAL_STORE").env("SYNAPSOR_LOG_LEVEL", "error");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|cause| Failure::new("the server could not be started").because(&cause))?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(Failure::new("the server has no pipes"));
        };
        let mut client = Self { child, stdin, stdout: BufReader::new(stdout).lines(), last_id: 0 };
        let greeting = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "synapsor-runner", "version": env!("CARGO_PKG_VERSION")}});
        client.request("initialize", greeting).await?;
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await?;
        Ok(client)
    }

    /// The tools, page by page.
    pub(crate) async fn tools(&mut self) -> Answer<Vec<Value>> {
        let (mut tools, mut params) = (Vec::new(), json!({}));
        loop {
            let mut listed = self.request("tools/list", params).await?;
            tools.extend(listed["tools"].as_array_mut().map(std::mem::take).unwrap_or_default());
            match listed["nextCursor"].as_str() {
                Some(cursor) => params = json!({"cursor": cursor}),
                None => return Ok(tools),
            }
        }
    }

    /// Calls a tool; the answer is its result.
    pub(crate) async fn call(&mut self, name: &str, arguments: Value) -> Answer<Value> {
        self.request("tools/call", json!({"name": name, "arguments": arguments})).await
    }

    /// Closes the server's stdin and waits for its end.
    pub(crate) async fn stop(mut self) -> Answer<()> {
        drop(self.stdin);
        match tokio::time::timeout(PATIENCE, self.child.wait()).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(cause)) => Err(Failure::new("the server's end could not be awaited").because(&cause)),
            Err(_) => Err(Failure::new("the server did not end when its client left")),
        }
    }

    async fn request(&mut self, method: &str, params: Value) -> Answer<Value> {
        self.last_id += 1;
        let id = self.last_id;
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await?;
        match tokio::time::timeout(PATIENCE, self.answer(id)).await {
            Ok(answer) => answer,
            Err(_) => Err(Failure::new(format_args!("the server did not answer `{method}` in time"))),
        }
    }

    async fn answer(&mut self, id: u64) -> Answer<Value> {
        loop {
            let line =
                self.stdout.next_line().await.map_err(|cause| Failure::new("the server's answer could not be read").because(&cause))?;
            let line = line.ok_or_else(|| Failure::new("the server ended before it answered"))?;
            let mut message: Value =
                serde_json::from_str(&line).map_err(|cause| Failure::new("the server's answer is no JSON").because(&cause))?;
            if message["id"] != id {
                continue;
            }
            return match message.get("error") {
                Some(error) => Err(Failure::new(format_args!("the server refused: {error}"))),
                None => Ok(message["result"].take()),
            };
        }
    }

    async fn send(&mut self, message: &Value) -> Answer<()> {
        let sent = self.stdin.write_all(format!("{message}\n").as_bytes()).await;
        sent.map_err(|cause| Failure::new("the server could not be written to").because(&cause))
    }
}
