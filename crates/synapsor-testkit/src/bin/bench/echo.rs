//! What does HTTP alone cost? A bare hyper server that answers with what it was sent, as a process of its own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::Stdio;

use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

/// A running echo. Dropping it ends it.
pub(crate) struct Echo {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Echo {
    /// Starts it; it accepts connections when this returns.
    pub(crate) async fn start() -> Self {
        let program = std::env::current_exe().expect("a program finds itself");
        let mut command = Command::new(program);
        command.arg("serve-echo").stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
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
pub(crate) async fn serve() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback has a free port");
    let address = listener.local_addr().expect("a listener has an address");
    let mut stdout = tokio::io::stdout();
    stdout.write_all(format!("{address}\n").as_bytes()).await.expect("the parent listens");
    stdout.flush().await.expect("the parent listens");
    loop {
        let (stream, _) = listener.accept().await.expect("connections can be accepted");
        stream.set_nodelay(true).expect("a connection sends at once");
        // A client that leaves ends it.
        tokio::spawn(async move { drop(http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer)).await) });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<bytes::Bytes>>, Infallible> {
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    Ok(Response::new(Full::new(body)))
}
