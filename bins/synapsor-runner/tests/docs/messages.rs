//! Does the server answer the messages of the documents as the documents say?
//!
//! Every request of the page is sent, in its order, in one conversation; every answer and every notification of the
//! server that the page shows must be among what came back.

use serde_json::{Value, json};
use synapsor_testkit::Program;

use crate::page::page;
use crate::walks::shop;

/// The messages of the page: what a client says, and what the server does.
fn messages() -> (Vec<Value>, Vec<Value>) {
    let blocks = page("docs/mcp.md").blocks("json");
    let messages = blocks.iter().map(|block| serde_json::from_str::<Value>(block).expect("the block is JSON"));
    let of_server = |message: &Value| message["method"] == "notifications/progress" || message.get("method").is_none();
    let (said, asked) = messages.filter(|message| message.get("jsonrpc").is_some()).partition(of_server);
    (asked, said)
}

/// What the server says to these messages.
fn conversation(asked: &[Value]) -> Vec<Value> {
    let folder = shop();
    let lines: String = asked.iter().map(|message| format!("{message}\n")).collect();
    let program = Program::at(env!("CARGO_BIN_EXE_synapsor-runner")).args(["mcp", "serve"]).inside(folder.path());
    let seen = program.env("SHOP_TENANT", "acme").env("SHOP_PRINCIPAL", "support-agent").stdin(lines).run();
    assert_eq!(seen.code, Some(0), "{seen}");
    seen.stdout.lines().map(|line| serde_json::from_str(line).expect("each line is a message")).collect()
}

#[test]
fn each_message_of_the_page_is_taken_and_answered_as_the_page_says() {
    let (asked, said) = messages();
    // A conversation has one era; a request of the other one is a conversation of its own.
    let is_modern = |message: &Value| message["params"]["_meta"].get("io.modelcontextprotocol/protocolVersion").is_some();
    let (modern, mut earlier): (Vec<_>, Vec<_>) = asked.into_iter().partition(is_modern);
    assert!(earlier.len() > 3 && modern.len() == 1, "{earlier:?} {modern:?}");
    // What is cancelled is not answered; here it has been answered before.
    let cancelled = earlier.pop_if(|message| message["method"] == "notifications/cancelled").expect("the page cancels a call");
    assert_eq!(cancelled["params"]["requestId"], earlier.last().expect("the page calls")["id"]);
    let heard = conversation(&earlier);
    for message in &said {
        assert!(heard.contains(message), "the server never says {message}: {heard:#?}");
    }
    for request in &earlier {
        let answer = heard.iter().find(|message| message["id"] == request["id"]).unwrap_or_else(|| panic!("{request} is not answered"));
        let shown = said.iter().any(|message| message["id"] == request["id"] && message.get("error").is_some());
        assert_eq!(answer.get("error").is_some(), shown, "{request}: {answer}");
    }
    let answer = conversation(&modern).remove(0);
    assert_eq!(answer["result"]["structuredContent"]["data"]["id"], json!("INV-3001"), "{answer}");
}
