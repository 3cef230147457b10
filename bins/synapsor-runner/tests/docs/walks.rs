//! Does it work if somebody does exactly what the documents say?

use std::ffi::OsString;

use rusqlite::Connection;
use synapsor_testkit::{Folder, Postgres, Program, Seen};

use crate::page::{page, words};

/// Somebody at a shell.
struct Reader {
    folder: Folder,
    environment: Vec<(&'static str, OsString)>,
}

impl Reader {
    fn run(&self, words: &[String]) -> Seen {
        let program = Program::at(env!("CARGO_BIN_EXE_synapsor-runner")).args(words).inside(self.folder.path());
        self.environment.iter().fold(program, |program, (name, value)| program.env(name, value)).run()
    }

    /// Runs each line of a block that calls the program; every one must succeed.
    fn follow(&self, block: &str) -> String {
        let mut told = String::new();
        for line in block.lines().filter_map(|line| line.strip_prefix("synapsor-runner ")) {
            let mut words = words(line);
            if line.starts_with("proposals approve") {
                // There is no terminal to say yes on.
                words.push("--yes".to_owned());
            }
            let seen = self.run(&words);
            assert_eq!(seen.code, Some(0), "`synapsor-runner {line}`:\n{seen}");
            told.push_str(&seen.stdout);
        }
        told
    }
}

fn role_of(url: &str) -> &str {
    let user = url.split("//").nth(1).and_then(|rest| rest.split(':').next());
    user.expect("the URL names a user")
}

#[test]
fn the_readmes_own_table_is_read_proposed_approved_and_changed() {
    let Some(database) = Postgres::shared() else { return };
    let readme = page("README.md");
    let (reader, writer) = (database.role(""), database.role(""));
    for block in readme.blocks("sql") {
        database.execute(&block.replace("shop_reader", role_of(&reader)).replace("shop_writer", role_of(&writer)));
    }
    database.execute("insert into invoices values ('INV-1', 'acme', 'overdue', 2500), ('INV-2', 'globex', 'overdue', 900)");
    let folder = Folder::new();
    folder.write("synapsor.runner.json", readme.block("json", "\"capabilities\""));
    let environment = [("SHOP_READ_URL", reader), ("SHOP_WRITE_URL", writer)].map(|(name, url)| (name, OsString::from(url)));
    let trusted = [("SYNAPSOR_TENANT_ID", "acme"), ("SYNAPSOR_PRINCIPAL", "support-agent")];
    let trusted = trusted.map(|(name, value)| (name, OsString::from(value)));
    let reader = Reader { folder, environment: environment.into_iter().chain(trusted).collect() };
    let told = reader.follow(&readme.block("sh", "synapsor-runner propose"));
    assert!(told.contains("would be applied, version 1 -> 2"), "{told}");
    insta::assert_snapshot!(database.table("select * from invoices order by id"), @"
    INV-1 | acme | overdue | 0 | payment page was down | 2
    INV-2 | globex | overdue | 900 | NULL | 1
    ");
    insta::assert_snapshot!(database.table("select attempt, action, status from synapsor_writeback_receipts"), @"1 | billing.propose_waiver | applied");
}

/// The whole file of the configuration guide, beside its database.
pub(crate) fn shop() -> Folder {
    let folder = Folder::new();
    folder.write("synapsor.runner.json", page("docs/configuration.md").block("json", "\"result_format\": 2,\n"));
    let shop = Connection::open(folder.join("shop.db")).expect("a database can be made");
    let rows = "CREATE TABLE invoices (id TEXT PRIMARY KEY, tenant_id TEXT NOT NULL, status TEXT NOT NULL,
        late_fee_cents INTEGER NOT NULL, waiver_reason TEXT, version INTEGER NOT NULL);
        INSERT INTO invoices VALUES ('INV-3001', 'acme', 'overdue', 2500, NULL, 1);";
    shop.execute_batch(rows).expect("the table can be made");
    folder
}

#[test]
fn the_whole_file_of_the_configuration_guide_works_beside_its_database() {
    let folder = shop();
    let trusted = [("SHOP_TENANT", "acme"), ("SHOP_PRINCIPAL", "support-agent")];
    let reader = Reader { folder, environment: trusted.map(|(name, value)| (name, OsString::from(value))).into() };
    reader.follow(&page("docs/configuration.md").block("sh", "config validate"));
    let read = words(r#"propose billing.inspect_invoice --json '{"invoice_id": "INV-3001"}'"#);
    let seen = reader.run(&read);
    assert_eq!(seen.code, Some(0), "{seen}");
    assert!(seen.stdout.contains(r#""late_fee_cents": 2500"#), "{seen}");
}
