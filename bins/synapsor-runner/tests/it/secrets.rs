//! A secret in every place where one is loaded from, and a search of everything that was written.
//!
//! Searched for as it is, percent-encoded, in base64 and in hex: in the ledger with its log, in backups and exports, in what was printed
//! and logged, and in the command lines that every account of the machine can see.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::thread;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Value, json};
use synapsor_testkit::Seen;

use crate::desk::{Desk, answer_of, id_of, told};
use crate::http_client::{Server, TOKEN};
use crate::mcp_client::Client;

/// What is searched for, and what was written.
struct Hunt {
    canaries: Vec<String>,
    heard: Vec<(String, Vec<u8>)>,
}

impl Hunt {
    fn of(canaries: &[&str]) -> Self {
        Self { canaries: canaries.iter().map(|one| (*one).to_owned()).collect(), heard: Vec::new() }
    }

    fn hear(&mut self, what: &str, text: impl AsRef<[u8]>) {
        self.heard.push((what.to_owned(), text.as_ref().to_vec()));
    }

    /// Runs a verb and hears what it says.
    fn run(&mut self, desk: &Desk, words: &str) -> Seen {
        let seen = desk.run(words);
        self.hear(words, format!("{}\n{}", seen.stdout, seen.stderr));
        seen
    }

    /// What every account of the machine sees of a process.
    fn watch(&mut self, pid: u32) {
        self.hear("command line", fs::read(format!("/proc/{pid}/cmdline")).unwrap());
    }

    /// Reads every file below the folder, but those that hold what was loaded.
    fn read_all(&mut self, folder: &Path, but: &[&str]) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() {
                self.read_all(&path, but);
            } else if !but.contains(&name.as_str()) {
                self.hear(&name, fs::read(&path).unwrap());
            }
        }
    }

    fn ends_well(&self) {
        assert!(self.heard.iter().any(|(what, _)| what.ends_with(".db")), "the ledger was not read");
        for canary in &self.canaries {
            for (form, needle) in forms(canary) {
                for (what, text) in &self.heard {
                    let found = text.windows(needle.len()).any(|window| window.eq_ignore_ascii_case(&needle));
                    assert!(!found, "`{canary}` is in {what} ({form}):\n{}", String::from_utf8_lossy(text));
                }
            }
        }
    }
}

/// How a text may be written so that it is still there.
fn forms(text: &str) -> Vec<(&'static str, Vec<u8>)> {
    let encoded = |all: bool| -> String {
        text.bytes().map(|b| if !all && b.is_ascii_alphanumeric() { (b as char).to_string() } else { format!("%{b:02x}") }).collect()
    };
    let escaped: String =
        text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_string() } else { format!("\\u{:04x}", c as u32) }).collect();
    let hex: String = text.bytes().map(|b| format!("{b:02x}")).collect();
    let mut forms = vec![
        ("plain", text.as_bytes().to_vec()),
        ("percent-encoded", encoded(false).into_bytes()),
        ("percent-encoded", encoded(true).into_bytes()),
        ("escaped", escaped.into_bytes()),
        ("hex", hex.into_bytes()),
    ];
    for engine in [STANDARD, URL_SAFE] {
        // Within a longer text it may begin at any of three places; what depends on its neighbours is left out.
        for before in 0..3 {
            let padded = [vec![b'x'; before], text.as_bytes().to_vec()].concat();
            let whole = engine.encode(padded);
            let (from, to) = ([0, 2, 3][before], whole.trim_end_matches('=').len() - 2);
            forms.push(("base64", whole.as_bytes()[from..to].to_vec()));
        }
    }
    forms.sort();
    forms.dedup();
    forms
}

#[test]
fn every_form_is_found() {
    for hidden in ["a canary/7f+% b", "canary%2f7f%2B%25", "Y2FuYXJ5LzdmKyU=", "eGNhbmFyeS83Zisl", "63616E6172792f37662b25"] {
        let mut hunt = Hunt::of(&["canary/7f+%"]);
        hunt.hear("ledger.db", hidden);
        let found = std::panic::catch_unwind(|| hunt.ends_well()).is_err();
        assert!(found, "{hidden}");
    }
}

/// An application that says everything that it was told, in the words of a receipt, in none, and in what a receipt adds to an outcome.
fn parrot() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = stream.unwrap();
            let mut request = vec![0; 1 << 16];
            let length = stream.read(&mut request).unwrap_or(0);
            let heard = String::from_utf8_lossy(&request[..length]).into_owned();
            let body = match number % 3 {
                0 => heard,
                1 => json!({"status": "failed", "rows_affected": 0, "source_database_mutated": false, "safe_error_code": "NOT_TODAY",
                    "previous_version": heard, "new_version": TOKEN_IN_BASE64,
                    "details": {"heard": heard, heard.as_str(): [{"secret": APP_SECRET}]}})
                .to_string(),
                _ => json!({"schema_version": "synapsor.app-handler-receipt.v1", "status": "failed", "source_database_mutated": false,
                    "safe_error_code": "HANDLER_BUSINESS_ERROR", "error": heard, "message": heard, "details": {"heard": heard}})
                .to_string(),
            };
            let head =
                format!("HTTP/1.1 500 No\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n", body.len());
            let _gone = stream.write_all(format!("{head}x-heard: none\r\n\r\n{body}").as_bytes());
        }
    });
    address
}

const APP_TOKEN: &str = "canary-app-token/4f+1";
const TOKEN_IN_BASE64: &str = "Y2FuYXJ5LWFwcC10b2tlbi80Zisx";
const APP_SECRET: &str = "canary-signing-secret-9a7c";
const PATH: &str = "canary-of-the-path-1e9b";
const COMMAND: &str = "canary-of-the-command-2b8d";
const ARGUMENT: &str = "canary-of-the-line-7c3a";
const KEY: &str = "Y2FuYXJ5LWtleS1ieXRlcw";

/// A capability whose change this executor carries out.
fn offer(desk: &Desk, name: &str, executor: &str) {
    let mut capability = desk.proposes(name, "invoices", &["id", "status"]);
    capability["args"]["cents"] = json!({"type": "number"});
    capability["patch"] = json!({"credit_cents": {"from_arg": "cents"}});
    capability["allowed_columns"] = json!(["credit_cents"]);
    capability["executor"] = json!(executor);
    desk.offer(capability);
}

#[test]
fn no_secret_of_a_server_or_a_handler_is_in_anything_that_is_written() {
    let mut desk = Desk::sqlite();
    let mut hunt = Hunt::of(&[TOKEN, APP_TOKEN, APP_SECRET, PATH, COMMAND, ARGUMENT, KEY]);
    desk.set("APP_URL", format!("http://{}/hooks/{PATH}?key={PATH}", parrot()));
    desk.set("GONE_URL", "http://127.0.0.1:1/writeback");
    desk.set("APP_TOKEN", APP_TOKEN);
    desk.set("APP_SECRET", APP_SECRET);
    desk.set("APP_PASSWORD", COMMAND);
    // Without a receipt at first, and then with one.
    let script = desk.folder.write(
        "app.sh",
        "#!/bin/sh\necho \"the password is $APP_PASSWORD, $(printf %s \"$APP_PASSWORD\" | base64), and $*\" >&2\n\
        [ -e \"$0.ran\" ] || { : > \"$0.ran\"; echo \"$APP_PASSWORD\"; exit 3; }\n\
        echo \"{\\\"status\\\":\\\"failed\\\",\\\"rows_affected\\\":0,\\\"source_database_mutated\\\":false,\\\"safe_error_code\\\":\\\"NOT_TODAY\\\",\\\"details\\\":{\\\"$APP_PASSWORD\\\":\\\"$*\\\"}}\"\n",
    );
    desk.set("APP_COMMAND", format!("/bin/sh {} --password {ARGUMENT}", script.display()));
    let handler = |url: &str| {
        json!({"type": "http_handler", "url_env": url, "auth": {"type": "bearer_env", "token_env": "APP_TOKEN"},
            "signing_secret_env": "APP_SECRET", "redelivery": "safe", "dry_run": "handler"})
    };
    desk.configure(|config| {
        config["executors"] = json!({"app": handler("APP_URL"), "gone": handler("GONE_URL"),
            "script": {"type": "command_handler", "command_env": "APP_COMMAND", "env_passthrough": ["APP_PASSWORD"], "redelivery": "safe"}});
    });
    for (name, executor) in [("desk.to_app", "app"), ("desk.to_nobody", "gone"), ("desk.to_script", "script")] {
        offer(&desk, name, executor);
    }
    served_over_http(&mut desk, &mut hunt);
    desk.set("SYNAPSOR_LOG_LEVEL", "trace");
    served_over_stdio(&desk, &mut hunt);
    for name in ["desk.to_app", "desk.to_nobody", "desk.to_script"] {
        let id = id_of(&desk.call(name, &json!({"id": "INV-1", "cents": 5})));
        desk.approve(&id);
        hunt.run(&desk, &format!("apply {id} --dry-run --json"));
        hunt.run(&desk, &format!("apply {id}"));
        hunt.run(&desk, &format!("apply {id} --json"));
    }
    everything_that_shows(&desk, &mut hunt);
    let key = desk.folder.write("key.pem", format!("-----BEGIN PRIVATE KEY-----\n{KEY}\n-----END PRIVATE KEY-----\n"));
    let certificate = desk.folder.write("cert.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let seen =
        hunt.run(&desk, &format!("mcp serve-streamable-http --port 0 --tls-cert {} --tls-key {}", certificate.display(), key.display()));
    assert_eq!(seen.code, Some(1), "{seen}");
    hunt.read_all(desk.folder.path(), &["key.pem", "app.sh"]);
    hunt.ends_well();
}

fn served_over_http(desk: &mut Desk, hunt: &mut Hunt) {
    let server = Server::start(desk, "");
    hunt.watch(server.running.child.id());
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}});
    for wrong in [format!("Bearer {TOKEN}x"), TOKEN.to_owned(), format!("Basic {}", STANDARD.encode(TOKEN))] {
        let answer = server.post(&[("authorization", wrong.as_str())], &call);
        hunt.hear("http", format!("{answer:?}"));
    }
    let session = server.session();
    let answer = server.post(&[("mcp-session-id", session.as_str())], &call);
    hunt.hear("http", format!("{answer:?}"));
    hunt.hear("stderr of a server", server.running.stderr());
}

fn served_over_stdio(desk: &Desk, hunt: &mut Hunt) {
    let mut client = Client::greeted(desk);
    hunt.watch(client.running.child.id());
    let answer = client.call("billing.inspect_invoice", &json!({"id": "INV-1"}));
    hunt.hear("stdout of a server", answer.to_string());
    let refused = client.call("billing.inspect_invoice", &json!({"id": 5}));
    hunt.hear("stdout of a server", refused.to_string());
    hunt.hear("stderr of a server", client.running.stderr());
}

/// Every verb that shows, exports or copies something.
fn everything_that_shows(desk: &Desk, hunt: &mut Hunt) {
    for words in [
        "config show --json",
        "config validate --check-db",
        "tools list --json",
        "proposals list --json",
        "proposals show --json",
        "replay show --json",
        "replay export --output replay.json",
        "replay export --output replay.md --format markdown",
        "evidence list --json",
        "query-audit list --json",
        "receipts list --json",
        "activity search --json",
        "store stats --json",
        "store verify",
        "store backup --output copy.db",
        "smoke boundary",
        "worker --drain --json",
    ] {
        hunt.run(desk, words);
    }
}

/// The URLs of a server, with passwords that a URL must encode, and with wrong ones.
#[test]
fn no_address_of_a_database_is_in_anything_that_is_written() {
    for mut desk in Desk::on_servers() {
        let password = "canary/7f+% @x";
        let reader = account(&desk, password);
        let writer = account(&desk, "canary-of-the-writer-5e");
        let mut hunt = Hunt::of(&[password, "canary-of-the-writer-5e", "canary-wrong-3c"]);
        desk.set("DESK_READ_URL", reader.clone());
        desk.set("DESK_WRITE_URL", writer.clone());
        desk.set("SYNAPSOR_LOG_LEVEL", "trace");
        served_over_stdio(&desk, &mut hunt);
        let id = desk.approved("x");
        hunt.run(&desk, &format!("apply {id} --dry-run"));
        assert_eq!(desk.apply(&id), "applied");
        let id = desk.approved("y");
        let wrong = writer.replace("canary-of-the-writer-5e", "canary-wrong-3c");
        for url in [wrong.clone(), unreachable(&writer), writer.replace("://", ":/"), format!("{writer}?no_such=parameter")] {
            desk.set("DESK_WRITE_URL", url);
            hunt.run(&desk, &format!("apply {id} --json"));
            hunt.run(&desk, "config validate --check-db");
        }
        for url in [wrong, unreachable(&reader)] {
            desk.set("DESK_READ_URL", url);
            for words in ["tools list", "mcp serve", "config validate --check-db --json", "smoke boundary"] {
                hunt.run(&desk, words);
            }
            let seen = desk.program("propose billing.inspect_invoice --json").arg(r#"{"id":"INV-1"}"#).run();
            hunt.hear("propose", format!("{seen}"));
        }
        desk.set("DESK_READ_URL", reader);
        desk.set("DESK_WRITE_URL", writer);
        everything_that_shows(&desk, &mut hunt);
        hunt.read_all(desk.folder.path(), &[]);
        hunt.ends_well();
    }
}

/// The URL of an account with this password, which may do everything that the desk needs.
fn account(desk: &Desk, password: &str) -> String {
    let grants = desk.dialect(
        "",
        "grant all on all tables in schema public to {role}; grant all on schema public to {role}",
        "grant all on *.* to {role}",
    );
    let url = desk.role(grants);
    let user = url.split("://").nth(1).and_then(|rest| rest.split(':').next()).unwrap().to_owned();
    desk.execute(
        &desk
            .dialect("", "alter role {user} password '{password}'", "alter user '{user}'@'%' identified by '{password}'")
            .replace("{user}", &user)
            .replace("{password}", password),
    );
    let encoded: String = password
        .bytes()
        .map(|b| if b.is_ascii_alphanumeric() || b == b'-' { (b as char).to_string() } else { format!("%{b:02X}") })
        .collect();
    url.replace(":secret@", &format!(":{encoded}@"))
}

/// The same URL, where nobody listens.
fn unreachable(url: &str) -> String {
    let (before, after) = url.split_once('@').unwrap();
    format!("{before}@127.0.0.1:1/{}", after.split_once('/').unwrap().1)
}

const URL: &str = "postgres://app:hunter2-7f@db.internal/shop";

#[test]
fn a_credential_in_a_row_is_neither_shown_nor_recorded_and_the_rest_of_the_row_is() {
    let desk = Desk::sqlite();
    desk.execute(&format!("update tickets set subject = 'cannot connect to {URL}, please help' where id = 'T-1'"));
    let read = desk.reads("support.inspect_ticket", "tickets", &["id", "subject", "status"]);
    desk.offer(read);
    let shown = desk.call("support.inspect_ticket", &json!({"id": "T-1"}));
    assert_eq!(shown["data"]["subject"], "cannot connect to postgres://app:[redacted]@db.internal/shop, please help");
    // The row can be changed all the same, exactly.
    let proposed = desk.call("support.propose_status", &json!({"id": "T-1", "status": "solved"}));
    desk.approve(&id_of(&proposed));
    assert_eq!(desk.apply(&id_of(&proposed)), "applied");
    assert!(desk.table("select subject from tickets where id = 'T-1'").contains(URL), "the business keeps its own");
    let mut hunt = Hunt::of(&["hunter2-7f"]);
    everything_that_shows(&desk, &mut hunt);
    hunt.read_all(desk.folder.path(), &["business.db", "business.db-wal", "business.db-journal"]);
    hunt.ends_well();
}

#[test]
fn a_credential_that_a_model_gives_is_refused_before_anything_is_read() {
    let desk = Desk::sqlite();
    let refused = |arguments: &Value| {
        let seen = desk.program("propose billing.propose_waiver --json").arg(arguments.to_string()).run();
        told(&answer_of(&seen))
    };
    let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAxg7Yk2Vd9QmO5r0pXcT8sLwBvNf1";
    for given in [URL, "use Bearer eyJhbGciOiJIUzI1NiJ9.e30.x", "syn_wbr_0123456789", key] {
        insta::allow_duplicates! {
            insta::assert_snapshot!(refused(&json!({"id": "INV-1", "reason": given})), @"INVALID_ARGUMENT: Argument `reason` has a credential in it; leave it out, and tell a person where you found it.");
        }
    }
    assert!(!desk.ledger().exists() || desk.table_of_ledger("select count(*) from proposals") == "0");
    let mut hunt = Hunt::of(&["hunter2-7f", "eyJhbGciOiJIUzI1NiJ9", "0123456789"]);
    hunt.read_all(desk.folder.path(), &["business.db"]);
    hunt.ends_well();
    // A text about such things is none.
    let honest = desk
        .program("propose billing.propose_waiver --json")
        .arg(json!({"id": "INV-1", "reason": "the bearer of bad news: -----BEGIN PRIVATE KEY----- is missing; 4711 waits"}).to_string())
        .run();
    assert_eq!(honest.code, Some(0), "{honest}");
}

/// Nobody means to put a credential on record; a person who pastes one into a reason does all the same.
#[test]
fn a_credential_that_a_person_pastes_into_a_reason_is_not_recorded() {
    let desk = Desk::sqlite();
    desk.propose("x");
    let pasted = |words: &str, flag: &str| {
        let seen = desk.program(words).args([flag, &format!("asked for with {URL}")]).run();
        assert_eq!(seen.code, Some(0), "{seen}");
    };
    pasted("proposals approve --yes --reason fine", "--actor");
    pasted("proposals cancel --yes", "--reason");
    let told = desk.json("proposals show --json");
    assert_eq!(told["state"]["closing"]["reason"], "asked for with postgres://app:[redacted]@db.internal/shop");
    let mut hunt = Hunt::of(&["hunter2-7f"]);
    everything_that_shows(&desk, &mut hunt);
    hunt.read_all(desk.folder.path(), &[]);
    hunt.ends_well();
}

#[test]
fn where_the_whole_row_guards_a_change_a_credential_in_it_is_refused() {
    let desk = Desk::sqlite();
    desk.execute(&format!("update tickets set subject = '{URL}' where id = 'T-1'"));
    desk.configure(|config| {
        let status = config["capabilities"].as_array_mut().unwrap().iter_mut().find(|one| one["name"] == "support.propose_status").unwrap();
        status["conflict_guard"] = json!({"weak_guard_ack": true});
    });
    let seen = desk.program("propose support.propose_status --json").arg(json!({"id": "T-1", "status": "solved"}).to_string()).run();
    insta::assert_snapshot!(told(&answer_of(&seen)), @"POLICY_VIOLATION: Column `subject` of the row has a credential in it, so a change of the row cannot be recorded; ask a person to look at the data.");
}

/// TRAP 35: a column called like a secret is said when the file is checked, and no call fails for it.
#[test]
fn trap_35_a_column_that_counts_tokens_is_served_and_one_that_holds_one_is_refused_by_the_validator() {
    let desk = Desk::sqlite();
    desk.execute("alter table invoices add column token_count integer default 7");
    desk.execute("alter table invoices add column reset_token text default 'abc'");
    desk.execute("alter table invoices add column idempotency_key text default 'k-1'");
    desk.offer(desk.reads("desk.usage", "invoices", &["id", "token_count", "idempotency_key"]));
    let shown = desk.call("desk.usage", &json!({"id": "INV-1"}));
    assert_eq!((&shown["data"]["token_count"], &shown["data"]["idempotency_key"]), (&json!(7), &json!("k-1")));
    desk.offer(desk.reads("desk.reset", "invoices", &["id", "reset_token"]));
    let seen = desk.run("config validate");
    assert!(seen.code == Some(1) && seen.stdout.contains("SECRET_COLUMN $.capabilities[4].visible_columns[1]"), "{seen}");
    assert_eq!(desk.run("mcp serve").code, Some(1));
    desk.configure(|config| config["capabilities"][4]["secret_columns_ack"] = json!(["reset_token"]));
    let seen = desk.run("config validate");
    assert!(seen.code == Some(0) && seen.stdout.contains("warning SECRET_COLUMN_ACKNOWLEDGED"), "{seen}");
    assert_eq!(desk.call("desk.reset", &json!({"id": "INV-1"}))["data"]["reset_token"], "abc");
    // The ledger keeps the values of a version, too.
    desk.configure(|config| config["capabilities"][1]["conflict_guard"] = json!({"column": "session_id"}));
    let seen = desk.run("config validate");
    assert!(seen.code == Some(1) && seen.stdout.contains("SECRET_COLUMN $.capabilities[1].conflict_guard.column"), "{seen}");
}

/// TRAP 34: what is shown of the ledger keeps its keys.
#[test]
fn trap_34_a_key_that_is_no_secret_is_shown() {
    let desk = Desk::sqlite();
    let id = desk.approved("x");
    let applied = desk.json(&format!("apply {id} --json"));
    assert_eq!(applied["idempotency_key"], json!(format!("{id}:INV-1")));
    let told = desk.json("replay show latest --json");
    assert_eq!(told["receipts"][0]["idempotency_key"], json!(format!("{id}:INV-1")));
    assert_eq!(told["proposal"]["source"]["primary_key"], json!({"column": "id", "value": "INV-1"}));
    let config = desk.run("config show --json");
    assert!(config.stdout.contains("\"primary_key\": \"id\""), "{config}");
}

trait LedgerTable {
    fn table_of_ledger(&self, sql: &str) -> String;
}

impl LedgerTable for Desk {
    fn table_of_ledger(&self, sql: &str) -> String {
        synapsor_testkit::sqlite::table(&self.ledger(), sql)
    }
}
