//! Does comparing an agent with people work as the document says, and does it print what stands there?

use rusqlite::Connection;
use serde_json::Value;
use synapsor_testkit::{Folder, Program};

use crate::page::{page, words};

/// The shop of the configuration guide in shadow mode, where whoever runs the tests records.
fn shop() -> Folder {
    let folder = Folder::new();
    let mut config: Value =
        serde_json::from_str(&page("docs/configuration.md").block("json", "\"result_format\": 2,\n")).expect("it is JSON");
    config.as_object_mut().expect("a configuration is an object").remove("operators");
    config["mode"] = "shadow".into();
    folder.write("synapsor.runner.json", config.to_string());
    let shop = Connection::open(folder.join("shop.db")).expect("a database can be made");
    let rows = "CREATE TABLE invoices (id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, status TEXT NOT NULL,
        late_fee_cents INTEGER NOT NULL, waiver_reason TEXT, version INTEGER NOT NULL);
        INSERT INTO invoices VALUES ('INV-3001', 'acme', 'overdue', 2500, NULL, 1);";
    shop.execute_batch(rows).expect("the table can be made");
    folder
}

/// The text without what differs from one time to the next: ids, and who records.
fn scrubbed(text: &str) -> String {
    let id = |word: &str| if word.trim_end_matches('.').starts_with("wrp_") { "wrp_1".to_owned() } else { word.to_owned() };
    let line = |line: &str| match line.strip_prefix("recorded by ") {
        Some(rest) => format!("recorded by somebody{}", rest.split_once(':').map(|(_, notes)| notes).unwrap_or_default()),
        None => line.split(' ').map(id).collect::<Vec<_>>().join(" "),
    };
    text.trim_end().lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn each_command_of_the_page_prints_what_stands_there() {
    let folder = shop();
    let page = page("docs/shadow.md");
    let run = |line: &str| {
        let program = Program::at(env!("CARGO_BIN_EXE_synapsor-runner")).args(words(line)).inside(folder.path());
        let seen = program.env("SHOP_TENANT", "acme").env("SHOP_PRINCIPAL", "support-agent").run();
        assert_eq!(seen.code, Some(0), "`synapsor-runner {line}`:\n{seen}");
        scrubbed(&seen.stdout)
    };
    let lines = |holding| page.block("sh", holding).lines().map(|line| line.replacen("synapsor-runner ", "", 1)).collect::<Vec<_>>();
    lines("propose billing").iter().for_each(|line| assert!(run(line).contains("shadow_proposal_created")));
    let printed: Vec<String> = lines("shadow list").iter().map(|line| run(line)).collect();
    let shown: Vec<String> = page.blocks("text").iter().map(|block| scrubbed(block)).collect();
    assert_eq!(printed, shown);
}
