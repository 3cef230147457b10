//! Does looking things up work as the document says?

use rusqlite::Connection;
use serde_json::Value;
use synapsor_testkit::{Folder, Program, Seen};

use crate::page::{page, words};

fn run(folder: &Folder, words: &[String]) -> Seen {
    let program = Program::at(env!("CARGO_BIN_EXE_synapsor-runner")).args(words).inside(folder.path());
    program.env("SHOP_TENANT", "acme").env("SHOP_PRINCIPAL", "support-agent").run()
}

/// The shop of the configuration guide, with one change proposed, approved and applied.
fn shop() -> Folder {
    let folder = Folder::new();
    let mut config: Value =
        serde_json::from_str(&page("docs/configuration.md").block("json", "\"result_format\": 2,\n")).expect("it is JSON");
    // Whoever runs the tests decides here.
    config.as_object_mut().expect("a configuration is an object").remove("operators");
    folder.write("synapsor.runner.json", config.to_string());
    let shop = Connection::open(folder.join("shop.db")).expect("a database can be made");
    let rows = "CREATE TABLE invoices (id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, status TEXT NOT NULL,
        late_fee_cents INTEGER NOT NULL, waiver_reason TEXT, version INTEGER NOT NULL);
        INSERT INTO invoices VALUES ('INV-3001', 'acme', 'overdue', 2500, NULL, 1);";
    shop.execute_batch(rows).expect("the table can be made");
    folder
}

#[test]
fn each_command_of_the_page_finds_something() {
    let folder = shop();
    let waiver = r#"propose billing.propose_late_fee_waiver --json '{"invoice_id": "INV-3001", "reason": "payment page was down"}'"#;
    let read = r#"propose billing.inspect_invoice --json '{"invoice_id": "INV-3001"}'"#;
    let block = page("docs/lookups.md").block("sh", "activity search");
    let lines = block.lines().filter_map(|line| line.strip_prefix("synapsor-runner "));
    for line in [waiver, "proposals approve latest --yes", "apply latest", read].into_iter().chain(lines) {
        let seen = run(&folder, &words(line));
        assert_eq!(seen.code, Some(0), "`synapsor-runner {line}`:\n{seen}");
        assert!(!seen.stdout.starts_with("no "), "`synapsor-runner {line}` found nothing:\n{seen}");
    }
}
