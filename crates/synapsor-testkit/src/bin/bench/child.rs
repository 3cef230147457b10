//! How is a server of the bench's own run as a process of its own? This program starts itself with another word.

use std::net::SocketAddr;
use std::process::Stdio;

use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::HttpService;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

/// A running server. Dropping it ends it.
pub(crate) struct Served {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Served {
    /// Starts the server of this word, with these variables; it accepts connections when this returns.
    pub(crate) async fn start(word: &str, variables: &[(&str, &str)]) -> Self {
        let program = std::env::current_exe().expect("a program finds itself");
        let mut command = Command::new(program);
        command.arg(word).envs(variables.iter().copied()).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().expect("a program can start itself");
        let stdout = child.stdout.take().expect("its output is a pipe");
        let line = BufReader::new(stdout).lines().next_line().await.expect("its output can be read");
        let address = line.and_then(|line| line.parse().ok()).expect("it says its address first");
        Self { child, address }
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("it runs until it is dropped")
    }
}

/// Serves on a free port of loopback, says which, and does not end by itself.
pub(crate) async fn serve<S, B>(service: S)
where
    S: HttpService<Incoming, ResBody = B> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Body<Data = Bytes, Error: Into<Box<dyn std::error::Error + Send + Sync>>> + Send + 'static,
{
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a listener has an address");
    let mut stdout = tokio::io::stdout();
    stdout.write_all(format!("{address}\n").as_bytes()).await.expect("the parent listens");
    stdout.flush().await.expect("the parent listens");
    loop {
        let (stream, _) = listener.accept().await.expect("connections can be accepted");
        stream.set_nodelay(true).expect("a connection sends at once");
        let connection = http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service.clone());
        // A client that leaves ends it.
        tokio::spawn(async move { drop(connection.await) });
    }
}
