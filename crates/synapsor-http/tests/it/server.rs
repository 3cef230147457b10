//! A server on a real socket.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use synapsor_http::{Access, BoundedBody, Endpoint, Limits, Listen, Protection, ResponseBody, Server, Settings, json_answer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What the endpoint of these tests knows.
#[derive(Default)]
struct Desk {
    begun: Notify,
    go_on: Notify,
    dropped: Notify,
    served: AtomicUsize,
}

/// Tells that a call's future is gone.
struct Guard(Arc<Desk>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.dropped.notify_one();
    }
}

async fn endpoint(desk: Arc<Desk>, request: Request<BoundedBody>) -> Result<Response<ResponseBody>, Infallible> {
    let _guard = Guard(Arc::clone(&desk));
    desk.begun.notify_one();
    if request.headers().contains_key("wait") {
        desk.go_on.notified().await;
    }
    desk.served.fetch_add(1, Ordering::SeqCst);
    Ok(json_answer(StatusCode::OK, &serde_json::json!({"served": true})))
}

struct Running {
    address: SocketAddr,
    desk: Arc<Desk>,
    shutdown: CancellationToken,
    ended: JoinHandle<()>,
}

async fn start(limits: Limits) -> Running {
    let listen = Listen::on("127.0.0.1", 0, Protection::None).unwrap();
    let server = Server::bind(Settings { limits, ..Settings::new(listen, Access::Open) }).await.unwrap();
    let (desk, shutdown) = (Arc::new(Desk::default()), CancellationToken::new());
    let (address, of_endpoint) = (server.address(), Arc::clone(&desk));
    let service = tower::service_fn(move |request| endpoint(Arc::clone(&of_endpoint), request));
    let endpoint = Endpoint {
        path: "/mcp",
        health: Arc::new(|| serde_json::json!({"ok": true})),
        ready: None,
        methods: "POST",
        request_headers: "",
        response_headers: "",
        service,
    };
    let ended = tokio::spawn(server.serve(endpoint, shutdown.clone()));
    Running { address, desk, shutdown, ended }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    fn request(&self, headers: &str) -> String {
        format!("POST /mcp HTTP/1.1\r\nHost: {}\r\nContent-Length: 0\r\n{headers}\r\n", self.address)
    }

    async fn send(&self, headers: &str) -> TcpStream {
        let mut stream = self.connect().await;
        stream.write_all(self.request(headers).as_bytes()).await.unwrap();
        stream
    }
}

/// What arrives until the server closes, at most for five seconds.
async fn read_to_end(stream: &mut TcpStream) -> String {
    let mut answer = Vec::new();
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    assert!(read.is_ok(), "the server did not close; so far: {}", String::from_utf8_lossy(&answer));
    String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned()
}

async fn within<T>(wait: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(5), wait).await.expect("it happens within five seconds")
}

#[tokio::test]
async fn a_request_is_answered() {
    let server = start(Limits::default()).await;
    let mut stream = server.send("Connection: close\r\n").await;
    assert_eq!(read_to_end(&mut stream).await, "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn a_head_that_comes_drop_by_drop_is_cut_off() {
    let server = start(Limits { head_time: Duration::from_millis(300), ..Limits::default() }).await;
    let mut slow = server.connect().await;
    slow.write_all(b"POST /mcp HTTP/1.1\r\nHost: ").await.unwrap();
    let mut idle = server.connect().await;
    read_to_end(&mut slow).await;
    read_to_end(&mut idle).await;
    assert_eq!(server.desk.served.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_head_is_bounded() {
    let server = start(Limits::default()).await;
    let mut stream = server.send(&format!("X: {}\r\n", "x".repeat(100_000))).await;
    assert_eq!(read_to_end(&mut stream).await, "HTTP/1.1 431 Request Header Fields Too Large");
    let mut stream = server.send(&"X: x\r\n".repeat(1000)).await;
    assert_eq!(read_to_end(&mut stream).await, "HTTP/1.1 431 Request Header Fields Too Large");
}

#[tokio::test]
async fn connections_are_bounded_and_the_next_one_waits_its_turn() {
    let server = start(Limits { connections: 2, ..Limits::default() }).await;
    let first = server.send("wait: 1\r\nConnection: close\r\n").await;
    within(server.desk.begun.notified()).await;
    let _second = server.send("wait: 1\r\n").await;
    within(server.desk.begun.notified()).await;
    let mut third = server.send("Connection: close\r\n").await;
    assert!(tokio::time::timeout(Duration::from_millis(200), server.desk.begun.notified()).await.is_err());
    drop(first);
    assert_eq!(within(read_to_end(&mut third)).await, "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn a_client_that_never_reads_loses_its_place() {
    let server = start(Limits { connections: 1, write_time: Duration::from_millis(300), ..Limits::default() }).await;
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut deaf = socket.connect(server.address).await.unwrap();
    let questions = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).repeat(1000);
    let asking = async { while deaf.write_all(questions.as_bytes()).await.is_ok() {} };
    assert!(tokio::time::timeout(Duration::from_secs(20), asking).await.is_ok(), "the server still waits for the client to read");
    let mut next = server.send("Connection: close\r\n").await;
    assert_eq!(read_to_end(&mut next).await, "HTTP/1.1 200 OK");
}

#[tokio::test]
async fn a_call_whose_client_has_gone_is_dropped() {
    let server = start(Limits::default()).await;
    let stream = server.send("wait: 1\r\n").await;
    within(server.desk.begun.notified()).await;
    drop(stream);
    within(server.desk.dropped.notified()).await;
    assert_eq!(server.desk.served.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn answers_under_way_finish_before_the_server_ends() {
    let server = start(Limits::default()).await;
    let mut busy = server.send("wait: 1\r\n").await;
    within(server.desk.begun.notified()).await;
    let mut idle = server.connect().await;
    idle.write_all(format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", server.address).as_bytes()).await.unwrap();
    assert!(within(idle.read(&mut [0; 1024])).await.unwrap() > 0);
    server.shutdown.cancel();
    read_to_end(&mut idle).await;
    assert!(TcpStream::connect(server.address).await.is_err(), "nothing is accepted any more");
    server.desk.go_on.notify_one();
    assert_eq!(read_to_end(&mut busy).await, "HTTP/1.1 200 OK");
    within(server.ended).await.unwrap();
}

#[tokio::test]
async fn what_does_not_finish_in_time_is_dropped() {
    let server = start(Limits { drain_time: Duration::from_millis(200), ..Limits::default() }).await;
    let mut busy = server.send("wait: 1\r\n").await;
    within(server.desk.begun.notified()).await;
    server.shutdown.cancel();
    within(server.ended).await.unwrap();
    within(server.desk.dropped.notified()).await;
    assert_eq!(read_to_end(&mut busy).await, "");
}

#[tokio::test]
async fn an_address_that_is_taken_is_named() {
    let server = start(Limits::default()).await;
    let listen = Listen::on("127.0.0.1", server.address.port(), Protection::None).unwrap();
    let error = Server::bind(Settings::new(listen, Access::Open)).await.err().unwrap();
    assert_eq!(error.to_string(), format!("cannot listen on `{}`", server.address));
}
