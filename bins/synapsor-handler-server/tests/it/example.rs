//! Does the example run with no other program, as its document says?

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use serde_json::json;
use synapsor_handler::conformance::{Acting, Conformance, Credentials, Fixture, HttpTransport, Observation, Observe, Reset, Stage};
use synapsor_protocol::Scalar;
use synapsor_protocol::name::EnvName;
use synapsor_testkit::asking::Ask;
use synapsor_testkit::{Folder, Postgres, sqlite};

use crate::shop::{Serving, program};

const POSTGRES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/account-credit/postgres");

/// The variables of a file of secrets.
fn secrets(text: &str) -> Vec<(String, String)> {
    text.lines().map(|line| line.split_once('=').unwrap()).map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn credit(schema: &str, token: &str, secret: &str) -> Ask {
    let ask = Ask::flat(schema).with("/action", "billing.propose_account_credit").version(1).with("/before", json!({}));
    ask.header("authorization", &format!("Bearer {token}")).signed(&[secret])
}

#[test]
fn the_example_is_made_checked_and_served() {
    let folder = Folder::new();
    let seen = program().inside(folder.path()).args(["example", "account-credit", "--dir", "my shop"]).run();
    insta::assert_snapshot!(seen, @r#"
    exit: 0
    ---- stdout ----
    In my shop: handler.json, shop.db with a few invoices, and secrets in handler.env.
    Next:
       cd 'my shop' && set -a && . ./handler.env && set +a
       synapsor-handler serve --check
       synapsor-handler serve
    synapsor.runner.json is for the other side. In another shell, with the same first line:
       synapsor-runner propose billing.propose_account_credit --json '{"invoice_id": "INV-1", "cents": 500, "reason": "late"}'
       synapsor-runner proposals approve latest
       synapsor-runner apply latest
    To prove the handler, which changes the first invoice many times and puts it back:
       synapsor-runner handler conformance --url "$HANDLER_URL" --fixture conformance.json
    ---- stderr ----
    "#);
    let shop = folder.join("my shop");
    let files = ["handler.env", "handler.json", "synapsor.runner.json", "conformance.json", "shop.db"];
    for (file, mode) in files.map(|file| (file, 0o600)).into_iter().chain([("", 0o700)]) {
        assert_eq!(fs::metadata(shop.join(file)).unwrap().permissions().mode() & 0o777, mode, "{file}");
    }
    let secrets = secrets(&fs::read_to_string(shop.join("handler.env")).unwrap());
    let run = |words: &[&str]| {
        let program = program().inside(&shop).args(words);
        secrets.iter().fold(program, |program, (name, value)| program.env(name, value))
    };
    let seen = run(&["serve", "--check"]).run();
    assert_eq!(seen.code, Some(0), "{seen}");
    let serving = Serving::of(run(&["serve", "--listen", "127.0.0.1:0"]));
    let [(_, token), (_, secret), ..] = secrets.as_slice() else { panic!("there are two secrets") };
    assert!(serving.said_as_it_is(&credit("main", token, secret)).starts_with("200 applied, 2 rows, mutated, version 1 -> 2"));
    let database = shop.join("shop.db");
    assert_eq!(
        sqlite::table(&database, "select tenant_id, invoice_id, cents, approved_by from account_credits"),
        "acme | INV-1 | 500 | ada"
    );
    assert_eq!(
        sqlite::table(&database, "select status, due_cents from invoices where tenant_id = 'acme' and id = 'INV-1'"),
        "credited | 11500"
    );
}

/// The rows of the example, put back and looked at as its fixture says.
struct Rows<'a> {
    fixture: &'a Fixture,
    database: PathBuf,
}

impl Stage for Rows<'_> {
    fn reset(&self) -> Acting<'_, ()> {
        Box::pin(async {
            let Reset::Sql(statements) = &self.fixture.reset else { panic!("the rows are put back by SQL") };
            statements.iter().for_each(|statement| sqlite::execute(&self.database, statement));
            Ok(())
        })
    }

    fn observe(&self) -> Acting<'_, Observation> {
        Box::pin(async {
            let Observe::Sql(queries) = &self.fixture.observe else { panic!("the rows are looked at by SQL") };
            let number = |query| sqlite::table(&self.database, query).parse::<u64>().unwrap();
            let row = sqlite::table(&self.database, queries.row.as_ref().unwrap());
            let version = Scalar::from(i64::try_from(number(&queries.version)).unwrap());
            Ok(Observation { version, effects: number(&queries.effects), row: row.into() })
        })
    }
}

#[test]
fn the_example_passes_every_scenario_with_the_fixture_that_comes_with_it() {
    let folder = Folder::new();
    assert_eq!(program().inside(folder.path()).args(["example", "account-credit", "--dir", "shop"]).run().code, Some(0));
    let secrets = secrets(&folder.read("shop/handler.env"));
    let program = program().inside(&folder.join("shop")).args(["serve", "--listen", "127.0.0.1:0"]);
    let serving = Serving::of(secrets.iter().fold(program, |program, (name, value)| program.env(name, value)));
    let fixture = Fixture::from_slice(folder.read("shop/conformance.json").as_bytes()).unwrap();
    let value = |name: &EnvName| secrets.iter().find(|(known, _)| known == name.as_str()).map(|(_, value)| value.clone());
    let credentials = Credentials::of(&fixture, value).unwrap();
    assert_eq!(value(&fixture.database.as_ref().unwrap().url_env).unwrap(), "shop.db");
    let rows = Rows { fixture: &fixture, database: folder.join("shop/shop.db") };
    let transport = HttpTransport::new(&format!("http://{}/synapsor/writeback", serving.address)).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let record = runtime.block_on(Conformance::new(&fixture, credentials, &transport, &rows).run(|_| ())).unwrap().to_json();
    let failed = record["scenarios"].as_array().unwrap().iter().filter(|one| one["outcome"] == "failed");
    let failed: Vec<String> = failed.map(|one| format!("{}: {}", one["name"], one["found"])).collect();
    assert_eq!(failed, Vec::<String>::new(), "{}", serving.running.stderr());
    assert_eq!(record["earned"], json!({"redelivery": "safe", "dry_run": "handler"}));
}

/// The runner's side of it.
#[test]
fn the_example_has_a_configuration_that_the_runner_takes() {
    let text = include_bytes!("../../examples/account-credit/sqlite/synapsor.runner.json");
    let checked = synapsor_config::check(text, "/srv/shop".as_ref());
    let errors: Vec<String> = checked.of(synapsor_config::Severity::Error).map(ToString::to_string).collect();
    assert_eq!(errors, Vec::<String>::new());
}

#[test]
fn what_is_there_already_is_left_alone() {
    let folder = Folder::new();
    folder.write("account-credit/handler.env", "mine");
    let seen = program().inside(folder.path()).args(["example", "account-credit"]).run();
    assert_eq!(seen.code, Some(1));
    insta::assert_snapshot!(seen.stderr, @"
    error: the folder account-credit is not empty and was left alone
    hint: name another one: `--dir FOLDER`
    ");
    assert_eq!(folder.read("account-credit/handler.env"), "mine");
}

#[test]
fn two_examples_have_secrets_of_their_own() {
    let made = || {
        let folder = Folder::new();
        assert_eq!(program().inside(folder.path()).args(["example", "account-credit"]).run().code, Some(0));
        folder.read("account-credit/handler.env")
    };
    let (one, other) = (made(), made());
    for ((name, one), (_, other)) in secrets(&one).into_iter().zip(secrets(&other)).take(2) {
        assert!(one != other && one.len() > 40, "{name}");
    }
}

/// With the schema and the grants of the example, and the account that they are for.
#[test]
fn the_example_on_postgres_works_with_its_least_grants() {
    let Some(database) = Postgres::shared() else { return };
    let text = fs::read_to_string(format!("{POSTGRES}/schema.sql")).unwrap();
    let (grants, rest): (Vec<&str>, Vec<&str>) = text.lines().partition(|line| line.starts_with("grant "));
    database.execute(&rest.join("\n"));
    let url = database.role(&grants.join("\n").replace(" to handler;", " to {role};"));
    let token = "a token of at least sixteen letters";
    let secret = "whsec_bm90IGEgc2VjcmV0IGFueSBtb3Jl";
    let serve = |words: &[&str]| {
        let program = program().args(["serve", "--config", &format!("{POSTGRES}/handler.json")]).args(words);
        program.env("HANDLER_TOKEN", token).env("HANDLER_SIGNING_SECRET", secret).env("HANDLER_DATABASE_URL", &url)
    };
    let seen = serve(&["--check"]).run();
    assert_eq!((seen.code, seen.stdout.as_str()), (Some(0), "in order\n"), "{seen}");
    let serving = Serving::of(serve(&["--listen", "127.0.0.1:0"]));
    assert!(serving.said_as_it_is(&credit("public", token, secret)).starts_with("200 applied, 2 rows"));
    assert_eq!(database.table("select cents, approved_by from account_credits"), "500 | ada");
}
