//! How is the release runner started, and how is it ended?

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::client::{TOKEN, list_tools};
use crate::plan::Plan;
use crate::shop::{Engine, READ_URL, WRITE_URL};

/// How long a start may take before the bench gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// `mcp serve-streamable-http`, running. Dropping it ends it.
pub(crate) struct Runner {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Runner {
    /// Starts a server with its ledger at `store`; it has answered `tools/list` when this returns.
    pub(crate) async fn start(plan: &Plan, engine: Engine, store: &str) -> Self {
        let address = free_address();
        let mut command = command(plan, engine, store);
        command.args(["mcp", "serve-streamable-http", "--port", &address.port().to_string(), "--auth-token-env", "BENCH_TOKEN"]);
        command.arg("--config").arg(config(plan, engine, store)).env("BENCH_TOKEN", TOKEN).stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.spawn().expect("the runner can be started");
        let begun = Instant::now();
        while TcpStream::connect(address).await.is_err() {
            assert!(begun.elapsed() < PATIENCE, "the runner does not listen");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        list_tools(address).await;
        Self { child, address }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("it runs until it is dropped")
    }
}

/// Starts `mcp serve` and asks for the list of tools; how long it took from the start of the process to the answer.
pub(crate) async fn time_to_tools(plan: &Plan, engine: Engine, store: &str) -> Duration {
    let question = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"_meta\":{\
        \"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\",\"io.modelcontextprotocol/clientCapabilities\":{}}}}\n";
    let mut command = command(plan, engine, store);
    command.args(["mcp", "serve", "--config"]).arg(config(plan, engine, store)).stdin(Stdio::piped()).stdout(Stdio::piped());
    let begun = Instant::now();
    let mut child = command.spawn().expect("the runner can be started");
    let mut stdin = child.stdin.take().expect("its input is a pipe");
    stdin.write_all(question.as_bytes()).await.expect("the runner reads");
    let stdout = child.stdout.take().expect("its output is a pipe");
    let answer = BufReader::new(stdout).lines().next_line().await.expect("its output can be read").unwrap_or_default();
    let took = begun.elapsed();
    assert!(answer.contains("billing.inspect_invoice"), "the list of tools is not the expected one: {answer}");
    drop(stdin);
    child.wait().await.expect("a child can be waited for");
    took
}

/// Starts the same binary to print its version, and waits for its end: what a process costs that does nothing.
pub(crate) async fn time_to_version() -> Duration {
    let begun = Instant::now();
    let mut command = Command::new(program());
    let status = command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true).status().await;
    assert!(status.is_ok_and(|status| status.success()), "the runner prints its version");
    begun.elapsed()
}

/// The runner with the environment of the run, its log beside its ledger.
pub(crate) fn command(plan: &Plan, engine: Engine, store: &str) -> Command {
    let log = std::fs::File::options().append(true).create(true).open(plan.path(&format!("{store}.log"))).expect("a log can be written");
    let url = plan.shop(engine).url();
    let mut command = Command::new(program());
    command.env_clear().env(READ_URL, &url).env(WRITE_URL, &url).stderr(log).kill_on_drop(true);
    command
}

/// Writes the configuration beside its ledger.
pub(crate) fn config(plan: &Plan, engine: Engine, store: &str) -> PathBuf {
    let path = plan.path(&format!("{store}.json"));
    std::fs::write(&path, plan.shop(engine).file(store).to_string()).expect("a configuration can be written");
    path
}

/// The binary that was built together with this one.
fn program() -> PathBuf {
    let own = std::env::current_exe().expect("a program finds itself");
    own.parent().unwrap_or(Path::new(".")).join("synapsor-runner")
}

/// Free a moment ago; nothing else on this machine takes ports as they come.
fn free_address() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback has a free port");
    listener.local_addr().expect("a listener has an address")
}
