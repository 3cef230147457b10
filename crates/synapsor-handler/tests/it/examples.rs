//! Do the examples do what they say?

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use crate::ask::Ask;
use crate::shop::{Shop, TOKEN};

/// A program that serves, ended with the test.
pub(crate) struct Serving {
    program: Child,
    address: String,
    path: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        // A program that is gone already is what is wanted.
        drop(self.program.kill());
        drop(self.program.wait());
    }
}

pub(crate) fn serve(name: &str, arguments: &[&str]) -> Serving {
    let folder: PathBuf = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("examples");
    let mut program = Command::new(folder.join(name)).args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(program.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("http://").unwrap_or_else(|| panic!("{name} says {line:?}"));
    let (address, path) = url.split_once('/').unwrap();
    Serving { program, address: address.to_owned(), path: format!("/{path}") }
}

impl Serving {
    pub(crate) fn id(&self) -> u32 {
        self.program.id()
    }

    /// Address and path.
    pub(crate) fn place(&self) -> (String, String) {
        (self.address.clone(), self.path.clone())
    }
}

/// Status and code of the answer.
fn ask(serving: &Serving, ask: &Ask) -> String {
    try_ask(&serving.place(), ask).unwrap()
}

/// The same; nothing if no whole answer came.
pub(crate) fn try_ask((address, path): &(String, String), ask: &Ask) -> Option<String> {
    let heard = ask.post(address, path)?;
    let receipt: serde_json::Value = serde_json::from_str(&heard.text).ok()?;
    Some(format!("{} {} {}", heard.status, receipt["status"].as_str()?, receipt["safe_error_code"]))
}

pub(crate) fn with_credits() -> Shop {
    let shop = Shop::sqlite();
    shop.execute(
        "create table account_credits (operation_id text primary key, tenant_id text not null, invoice_id text not null, \
         cents integer not null, reason text)",
    );
    shop
}

#[test]
fn the_account_credit_application_gives_one_credit() {
    let shop = with_credits();
    let secret = "whsec_bm90IGEgc2VjcmV0IGFueSBtb3Jl";
    let serving = serve("account_credit", &[shop.path().to_str().unwrap(), TOKEN, secret]);
    assert_eq!(serving.path, "/synapsor/writeback");
    let credit = Ask::flat(&shop).with("/action", "billing.propose_account_credit");
    assert_eq!(ask(&serving, &credit), "401 failed \"INVALID_SIGNATURE\"");
    assert_eq!(ask(&serving, &credit.clone().cents(0).signed(&[secret])), "500 failed \"HANDLER_BUSINESS_ERROR\"");
    assert_eq!(ask(&serving, &credit.clone().attempt(2).with("/dry_run", true).signed(&[secret])), "200 applied null");
    assert_eq!(ask(&serving, &credit.clone().attempt(3).signed(&[secret])), "200 applied null");
    assert_eq!(ask(&serving, &credit.attempt(4).signed(&[secret])), "200 already_applied null");
    assert_eq!(shop.table("select tenant_id, invoice_id, cents, reason from account_credits"), "acme | INV-1 | 500 | none");
    assert_eq!(shop.table("select status, version from invoices where tenant_id = 'acme' and id = 'INV-1'"), "credited | 4");
}

#[test]
fn the_handlers_on_axum_and_on_hyper_close_a_ticket() {
    for name in ["axum", "hyper"] {
        let shop = Shop::sqlite();
        let serving = serve(name, &[shop.path().to_str().unwrap(), TOKEN]);
        let close = Ask::flat(&shop).with("/action", "desk.close_ticket").with("/target/table", "tickets").object("T-1").version(1);
        let close = close.with("/patch", json!({"status": "closed"})).with("/allowed_columns", json!(["status"]));
        let close = close.with("/guards/allowed_columns", json!(["status"]));
        assert_eq!(ask(&serving, &close), "200 applied null", "{name}");
        assert_eq!(ask(&serving, &close), "200 already_applied null", "{name}");
        assert_eq!(ask(&serving, &close.without_header("authorization")), "401 failed \"UNAUTHORIZED\"", "{name}");
        assert_eq!(shop.table("select status, version from tickets where tenant_id = 'acme'"), "closed | 2", "{name}");
    }
}

#[test]
fn a_store_of_ones_own_keeps_the_same_rules() {
    let shop = Shop::sqlite();
    let serving = serve("own_store", &[TOKEN]);
    let set = Ask::flat(&shop).with("/action", "flags.propose_flag").with("/target/table", "flags").object("dark_mode").version(1);
    let set = set.with("/patch", json!({"enabled": true})).with("/allowed_columns", json!(["enabled"]));
    let set = set.with("/guards/allowed_columns", json!(["enabled"]));
    assert_eq!(ask(&serving, &set), "200 applied null");
    assert_eq!(ask(&serving, &set.clone().attempt(2)), "200 already_applied null");
    assert_eq!(ask(&serving, &set.clone().with("/proposal_hash", "sha256:02")), "409 failed \"IDEMPOTENCY_KEY_REUSED\"");
    assert_eq!(ask(&serving, &set.clone().proposal("wrp_2")), "200 conflict \"ROW_CHANGED_AFTER_PROPOSAL\"");
    assert_eq!(ask(&serving, &set.with("/dry_run", true)), "400 failed \"DRY_RUN_UNSUPPORTED\"");
}
