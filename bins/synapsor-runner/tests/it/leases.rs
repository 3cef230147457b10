//! One server per ledger, and what it may not be surprised by.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::desk::{Desk, id_of};
use crate::http_client::Server;
use crate::mcp_client::{Client, envelope};

fn lease(desk: &Desk, store: &str) -> Value {
    serde_json::from_str(&desk.folder.read(&format!("{store}.lease.json"))).unwrap()
}

/// What is said, without the number of the process and the moment.
fn told(desk: &Desk, words: &str) -> String {
    let seen = desk.run(words);
    assert_eq!(seen.code, Some(1), "{words}: {seen}");
    let line = desk.scrub(seen.stderr.lines().find(|line| line.starts_with("error")).unwrap_or_default());
    line.split(" since ").next().unwrap_or_default().to_owned()
}

#[test]
fn trap_25_the_lease_is_on_the_ledger_that_the_configuration_names() {
    let desk = Desk::sqlite();
    desk.configure(|config| config["storage"]["sqlite_path"] = json!("./books/local.db"));
    let mut client = Client::greeted(&desk);
    let lease = lease(&desk, "books/local.db");
    assert_eq!((&lease["mode"], &lease["transport"], &lease["pid"]), (&json!("mcp"), &json!("stdio"), &json!(client.running.child.id())));
    assert_eq!(lease["store_path"], json!(fs::canonicalize(desk.folder.join("books/local.db")).unwrap()));
    for beside in ["local.db.lease.json", "local.db.lock", "local.db.use"] {
        let mode = fs::metadata(desk.folder.join("books").join(beside)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{beside}");
    }
    assert!(!desk.folder.join(".synapsor").exists());
    // Another ledger is another lease.
    let mut other = Client::silent(&desk, "--store other.db");
    other.greet();
    assert!(desk.folder.join("other.db.lease.json").exists());
    client.running.child.kill().unwrap();
}

#[test]
fn a_second_server_is_refused_with_the_first_one_named_however_it_is_reached() {
    let mut desk = Desk::sqlite();
    let client = Client::greeted(&desk);
    desk.set("SYNAPSOR_RUNNER_HTTP_TOKEN", "0123456789abcdef0123456789abcdef");
    let said: Vec<_> =
        ["mcp serve", "mcp serve-streamable-http --port 0", "mcp serve-http --port 0"].iter().map(|words| told(&desk, words)).collect();
    assert_snapshot!(said.join("\n"), @r"
    error: the ledger `<folder>/ledger.db` is taken by pid <pid> (mcp, stdio)
    error: the ledger `<folder>/ledger.db` is taken by pid <pid> (mcp, stdio)
    error: the ledger `<folder>/ledger.db` is taken by pid <pid> (mcp, stdio)
    ");
    drop(client);
    let server = Server::start(&mut desk, "");
    assert_snapshot!(told(&desk, "mcp serve"), @"error: the ledger `<folder>/ledger.db` is taken by pid <pid> (mcp, streamable-http)");
    drop(server);
    assert!(lease(&desk, "ledger.db").is_object(), "it was killed and could not take its lease away");
    let mut client = Client::greeted(&desk);
    assert_eq!(lease(&desk, "ledger.db")["pid"], json!(client.running.child.id()), "and the next one replaced it");
    drop(client.running.child.stdin.take());
    client.running.wait();
    assert!(!desk.folder.join("ledger.db.lease.json").exists(), "one that ends takes its lease away");
}

#[test]
fn a_second_server_that_is_allowed_leaves_the_lease_to_the_first() {
    let mut desk = Desk::sqlite();
    let mut first = Client::greeted(&desk);
    desk.set("SYNAPSOR_LOG_LEVEL", "warn");
    let mut second = Client::silent(&desk, "--allow-concurrent-store");
    second.greet();
    for client in [&mut first, &mut second] {
        assert_eq!(envelope(&client.call("billing.inspect_invoice", &json!({"id": "INV-1"})))["ok"], true);
    }
    drop(second.running.child.stdin.take());
    second.running.wait();
    assert!(second.running.stderr().contains("goes on beside it"));
    assert_eq!(lease(&desk, "ledger.db")["pid"], json!(first.running.child.id()));
}

#[test]
fn verbs_work_beside_a_server_and_what_takes_something_away_does_not() {
    let desk = Desk::sqlite();
    let mut client = Client::greeted(&desk);
    let answer = envelope(&client.call("billing.propose_waiver", &json!({"id": "INV-1", "reason": "x"})));
    desk.approve(&id_of(&answer));
    assert_eq!(desk.apply(&id_of(&answer)), "applied");
    for words in ["store stats", "store verify", "store head", "store backup --output copy.db", "store prune --older-than 1d"] {
        let seen = desk.run(words);
        assert_eq!(seen.code, Some(0), "{words}: {seen}");
    }
    let refused =
        ["store prune --older-than 1d --yes --force", "store vacuum", "store reset --yes --force", "store restore copy.db --yes --force"];
    let said: Vec<_> = refused.iter().map(|words| told(&desk, words)).collect();
    assert_snapshot!(said.join("\n"), @r"
    error: the ledger `<folder>/ledger.db` is taken by pid <pid> (mcp, stdio)
    error: the ledger `<folder>/ledger.db` is taken by pid <pid> (mcp, stdio)
    error: the ledger `<folder>/ledger.db` is taken by pid <pid> (mcp, stdio)
    error: the ledger `<folder>/ledger.db` is taken by pid <pid> (mcp, stdio)
    ");
    assert_eq!(envelope(&client.call("billing.inspect_invoice", &json!({"id": "INV-1"})))["ok"], true);
    let server = format!("hint: stop the server first, which is pid {}", lease(&desk, "ledger.db")["pid"]);
    for words in refused {
        let stderr = desk.run(words).stderr;
        assert!(stderr.contains(&server) && !stderr.contains("--allow-concurrent-store"), "{words}: {stderr}");
        assert_eq!(stderr.contains("`storage.retention`"), words.contains("prune"), "{stderr}");
    }
}

#[test]
fn a_lease_file_that_cannot_be_read_is_passed_over_by_force_alone() {
    let desk = Desk::sqlite();
    desk.propose("x");
    for (words, forced) in [
        ("store prune --older-than 1d --yes", "store prune --older-than 1d --yes --force"),
        ("store vacuum", "store vacuum --force"),
        ("store reset --yes", "store reset --yes --force"),
    ] {
        desk.folder.write("ledger.db.lease.json", "not a lease");
        let seen = desk.run(words);
        assert!(seen.code == Some(1) && seen.stderr.contains("cannot be read") && seen.stderr.contains("--force"), "{words}: {seen}");
        assert_eq!(desk.run(forced).code, Some(0), "{forced}");
    }
    assert!(!desk.ledger().exists());
}
