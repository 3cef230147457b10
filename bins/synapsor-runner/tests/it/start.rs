//! What a client can ask while the databases are still being asked, and what ends a server that has begun to serve.

use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::desk::Desk;
use crate::http_client::TOKEN;
use crate::mcp_client::{Client, envelope};

/// A database server that takes connections and says nothing, until it is gone.
struct Silent {
    end: Sender<()>,
    held: JoinHandle<Vec<TcpStream>>,
    url: String,
}

impl Silent {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("postgres://reader:secret@{}/shop?sslmode=disable", listener.local_addr().unwrap());
        listener.set_nonblocking(true).unwrap();
        let (end, ended) = channel();
        let held = std::thread::spawn(move || {
            let mut held = Vec::new();
            while ended.recv_timeout(Duration::from_millis(5)).is_err() {
                held.extend(listener.accept().map(|(stream, _)| stream));
            }
            held
        });
        Self { end, held, url }
    }

    /// Hangs up on whoever waits, and takes no more connections.
    fn go(self) {
        self.end.send(()).unwrap();
        drop(self.held.join().unwrap());
    }
}

fn on(silent: &Silent) -> Desk {
    let mut desk = Desk::sqlite();
    desk.configure(|config| config["sources"]["desk"] = json!({"engine": "postgres", "read_url_env": "DESK_READ_URL"}));
    desk.configure(|config| config["capabilities"].as_array_mut().unwrap().truncate(1));
    desk.set("DESK_READ_URL", silent.url.clone());
    desk
}

#[test]
fn a_client_learns_the_tools_while_the_database_is_still_asked_and_a_call_waits_for_it() {
    let silent = Silent::new();
    let desk = on(&silent);
    let mut client = Client::greeted(&desk);
    assert_eq!(client.request("tools/list", &json!({}))["tools"][0]["name"], "billing.inspect_invoice");
    let call = json!({"jsonrpc": "2.0", "id": "c", "method": "tools/call", "params": {"name": "billing.inspect_invoice", "arguments": {"id": "INV-1"}}});
    client.send(call.to_string().as_bytes());
    assert!(!client.has_line(), "nothing is known of the database yet");
    silent.go();
    let answer: Value = serde_json::from_str(&client.line()).unwrap();
    assert_eq!(envelope(&answer["result"])["error"]["code"], "TEMPORARILY_UNAVAILABLE");
    assert_eq!(client.leave(), Some(0));
}

#[test]
fn a_server_that_is_told_to_end_does_not_wait_for_a_database() {
    let silent = Silent::new();
    let mut client = Client::greeted(&on(&silent));
    let begun = Instant::now();
    let server = Pid::from_raw(client.running.child.id().try_into().unwrap());
    kill(server, Signal::SIGTERM).unwrap();
    assert_eq!(client.running.wait().code(), Some(0));
    // Whoever waits for a connection gives up after five seconds.
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    silent.go();
}

#[test]
fn what_is_definitely_wrong_ends_a_server_before_any_call_is_answered() {
    let mut desk = Desk::sqlite();
    desk.offer(desk.reads("desk.inspect_nothing", "nothing", &["id"]));
    desk.set("SYNAPSOR_LOG_LEVEL", "warn");
    desk.set("SYNAPSOR_RUNNER_HTTP_TOKEN", TOKEN);
    for words in ["mcp serve", "mcp serve-streamable-http --port 0"] {
        // Its input stays open: it ends by itself.
        let mut running = desk.program(words).start();
        assert_eq!(running.wait().code(), Some(1), "{words}");
        let told = running.stderr();
        assert!(told.contains("ERROR UNKNOWN_TABLE") && told.contains("`desk.inspect_nothing`"), "{words}: {told}");
        assert!(told.contains("error: 1 thing in the databases is not as the configuration needs it"), "{words}: {told}");
    }
    assert_eq!(synapsor_testkit::sqlite::table(&desk.ledger(), "select count(*) from query_audit"), "0");
}
