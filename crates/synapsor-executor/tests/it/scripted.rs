//! A server that does as it is told: it answers, cuts, freezes, and keeps what it was sent.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// What becomes of a connection.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// The whole request is read, this is sent, and the connection is closed.
    Say(Vec<u8>),
    /// The same, and the connection stays open until the server ends.
    SayAndHold(Vec<u8>),
    /// The whole request is read, and nothing is said.
    Freeze,
    /// Nothing is read, and nothing is said.
    Ignore,
    /// This is said before anything is read.
    Shout(Vec<u8>),
    /// A receipt with this in it, which has the head of the request in place of `HEAD`.
    Echo(String),
    /// The connection is closed as soon as it is there.
    Close,
}

/// One request as it came.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sent {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// The server; it ends with the test.
pub(crate) struct Server {
    pub(crate) address: std::net::SocketAddr,
    sent: Arc<Mutex<Vec<Sent>>>,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    /// Serves one act per connection, and the last one from then on.
    pub(crate) async fn start(acts: Vec<Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let sent = Arc::new(Mutex::new(Vec::new()));
        let kept = sent.clone();
        let task = tokio::spawn(async move {
            let mut held = Vec::new();
            for number in 0_usize.. {
                let (stream, _) = listener.accept().await.unwrap();
                let act = acts[number.min(acts.len() - 1)].clone();
                held.push(tokio::spawn(play(stream, act, kept.clone())));
            }
        });
        Self { address, sent, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/canary/writeback?key=canary", self.address)
    }

    /// Every request that came.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }
}

impl Sent {
    /// The values of a header.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let line = self.head.lines().find(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// An answer with its length.
pub(crate) fn answer(status: u16, headers: &[(&str, &str)], body: &str) -> Vec<u8> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("HTTP/1.1 {status} Somehow\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len()).into_bytes()
}

pub(crate) const APPLIED: &str = r#"{"status":"applied","rows_affected":2,"source_database_mutated":true,"previous_version":3,"new_version":4,"details":{"effects":["db.insert"]}}"#;

pub(crate) fn failed(code: &str) -> String {
    format!(r#"{{"status":"failed","rows_affected":0,"source_database_mutated":false,"safe_error_code":"{code}"}}"#)
}

async fn play(mut stream: TcpStream, act: Act, kept: Arc<Mutex<Vec<Sent>>>) {
    let bytes = match &act {
        Act::Close => return,
        Act::Ignore => std::future::pending().await,
        Act::Shout(bytes) => {
            stream.write_all(bytes).await.unwrap();
            Vec::new()
        }
        Act::Freeze | Act::Echo(_) => Vec::new(),
        Act::Say(bytes) | Act::SayAndHold(bytes) => bytes.clone(),
    };
    let sent = request(&mut stream).await;
    kept.lock().unwrap().push(sent.clone());
    let bytes = match &act {
        Act::Echo(receipt) => {
            let head = serde_json::to_string(&sent.head).unwrap();
            answer(200, &[], &receipt.replace("HEAD", head.trim_matches('"')))
        }
        _ => bytes,
    };
    // A client may have gone by then.
    let _gone = stream.write_all(&bytes).await;
    if matches!(act, Act::Freeze | Act::SayAndHold(_)) {
        std::future::pending::<()>().await;
    }
    let _closed = stream.shutdown().await;
}

/// The whole request, or what there was of it.
async fn request(stream: &mut TcpStream) -> Sent {
    let mut bytes = Vec::new();
    loop {
        let mut chunk = [0; 4096];
        let read = stream.read(&mut chunk).await.unwrap_or(0);
        bytes.extend_from_slice(&chunk[..read]);
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            if read == 0 {
                return Sent { head: String::from_utf8_lossy(&bytes).into_owned(), body: Vec::new() };
            }
            continue;
        };
        let sent = Sent { head: String::from_utf8_lossy(&bytes[..end]).into_owned(), body: bytes[end + 4..].to_vec() };
        let length = sent.header("content-length").map_or(0, |length| length.parse().unwrap());
        if read == 0 || sent.body.len() >= length {
            return sent;
        }
    }
}
