//! How does the program speak to its own server? As any MCP client: a child process, one JSON message per line.

use std::ffi::OsString;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::task::JoinHandle;

use crate::failure::{Answer, Failure};
use crate::output;

/// How long the server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// How the line begins that says why a program failed, and the one with advice.
const ERROR: &str = "error: ";
const HINT: &str = "hint: ";

/// A client of `synapsor-runner mcp serve`.
pub(crate) struct Client {
    child: Child,
    stdin: ChildStdin,
    stdout: Lines<BufReader<ChildStdout>>,
    /// Why the server ended, line by line, once it did.
    last_words: JoinHandle<Vec<String>>,
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
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|cause| Failure::new("the server could not be started").because(&cause))?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
            return Err(Failure::new("the server has no pipes"));
        };
        let last_words = tokio::spawn(last_words(stderr));
        let mut client = Self { child, stdin, stdout: BufReader::new(stdout).lines(), last_words, last_id: 0 };
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
            Ok(Ok(_)) => {}
            Ok(Err(cause)) => return Err(Failure::new("the server's end could not be awaited").because(&cause)),
            Err(_) => return Err(Failure::new("the server did not end when its client left")),
        }
        said(&mut self.last_words).await.into_iter().for_each(output::note);
        Ok(())
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
            let Some(line) = line else { return Err(self.ended("the server ended before it answered").await) };
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
        match self.stdin.write_all(format!("{message}\n").as_bytes()).await {
            Ok(()) => Ok(()),
            Err(cause) => Err(self.ended(&format!("the server could not be written to: {cause}")).await),
        }
    }

    /// Why the server ended: what it said, or else this.
    async fn ended(&mut self, silent: &str) -> Failure {
        let said = said(&mut self.last_words).await;
        let mut lines = said.iter();
        let Some(message) = lines.next() else { return Failure::new(silent) };
        lines.fold(Failure::new(message.trim_start_matches(ERROR)), |failure, line| match line.strip_prefix(HINT) {
            Some(hint) => failure.hint(hint),
            None => failure.detail(line),
        })
    }
}

/// Passes on what the server logs, and keeps why it ended: everything from the line that says so.
async fn last_words(stderr: ChildStderr) -> Vec<String> {
    let mut lines = BufReader::new(stderr).lines();
    let mut kept = Vec::new();
    while let Ok(Some(line)) = lines.next_line().await {
        if kept.is_empty() && !line.starts_with(ERROR) {
            output::note(line);
        } else {
            kept.push(line);
        }
    }
    kept
}

/// What was kept, once the server has closed its stderr. Asked for once.
async fn said(last_words: &mut JoinHandle<Vec<String>>) -> Vec<String> {
    match tokio::time::timeout(PATIENCE, last_words).await {
        Ok(Ok(said)) => said,
        Ok(Err(_)) | Err(_) => Vec::new(),
    }
}
