//! Is everything that is wrong found before anything is served, and told at once?

use serde_json::{Value, json};

use crate::shop::{Shop, on_each_engine};

/// A file with one of each mistake that only the database or the environment shows.
fn wrong(shop: &Shop) -> Value {
    let mut file = shop.file();
    file["bearer_token_env"] = json!(["TOKEN", "SHORT_TOKEN", "UNSET_TOKEN"]);
    file["signing_secret_envs"] = json!(["SECRET", "BAD_SECRET"]);
    file
}

fn unfit(shop: &Shop) -> Value {
    let mut file = shop.file();
    file["tables"] = json!({
        "invoices": {"tenant": "tenant_id", "key": "status"},
        "credits": {"tenant": "tenant"},
        "notes": {"tenant": "tenant_id", "key": "id"},
        "nowhere": {"shared": true},
    });
    file["effects"] = json!({
        "billing.first": {
            "target": "invoices",
            "require": [
                {"value": {"from": "row.stauts"}, "equals": "open", "message": "misspelt"},
                {"value": {"from": "row.due_cents"}, "in": [1, "many"], "message": "no integer"},
                {"value": {"from": "row.total"}, "equals": "99.900", "message": "in another form"},
                {"value": {"from": "row.weight"}, "at_least": 1, "message": "not exact"},
            ],
            "steps": [
                {"update": {"table": "invoices", "where": {"id": {"from": "object_id"}, "versoin": 1}, "set": {
                    "status": null, "due_cents": "much", "total": {"add": [{"from": "row.weight"}, {"from": "row.due"}]},
                    "weight": {"sub": [1, 2]}, "version": {"from": "now"}}}},
                {"insert": {"table": "notes", "values": {"id": {"from": "generated_id"}, "body": {"from": "row.nothing"}, "colour": 1}}},
                {"insert": {"table": "nowhere", "values": {"id": 1}}},
            ],
        },
        "billing.second": {"target": "notes", "steps": [{"insert": {"table": "notes", "values": {
            "id": {"from": "attempt"}, "body": {"from": "patch.x", "default": 7}}}}]},
    });
    file
}

on_each_engine! {
    everything_that_does_not_fit_is_found_at_once
}

fn everything_that_does_not_fit_is_found_at_once(shop: &Shop) {
    shop.write(&unfit(shop));
    let seen = shop.program().args(["--check", "--json"]).run();
    assert_eq!(seen.code, Some(1), "{seen}");
    let record: Value = serde_json::from_str(&seen.stdout).unwrap();
    assert_eq!(record["ok"], false);
    let found = record["findings"].as_array().unwrap().iter().map(|finding| {
        assert!(finding["line"].as_u64().is_some_and(|line| line > 0) && !finding["message"].as_str().unwrap().is_empty());
        format!("{} {}", finding["code"].as_str().unwrap(), finding["path"].as_str().unwrap())
    });
    let found: Vec<String> = found.collect();
    insta::allow_duplicates! { insta::assert_snapshot!(found.join("\n"), @"
    UNKNOWN_COLUMN $.tables.credits.tenant
    UNKNOWN_TABLE $.tables.nowhere
    KEY_NOT_UNIQUE $.tables.invoices.key
    RECEIPT_TABLE_ABSENT $.database.receipts
    UNKNOWN_COLUMN $.effects.billing.first.require[0].value
    VALUE_DOES_NOT_FIT $.effects.billing.first.require[1].in[1]
    VALUE_DOES_NOT_FIT $.effects.billing.first.require[2].equals
    NOT_AN_EXACT_NUMBER $.effects.billing.first.require[3].value
    VALUE_DOES_NOT_FIT $.effects.billing.first.steps[0].update.set.status
    VALUE_DOES_NOT_FIT $.effects.billing.first.steps[0].update.set.due_cents
    NOT_AN_EXACT_NUMBER $.effects.billing.first.steps[0].update.set.total.add[0]
    UNKNOWN_COLUMN $.effects.billing.first.steps[0].update.set.total.add[1]
    NOT_AN_EXACT_NUMBER $.effects.billing.first.steps[0].update.set.weight
    VALUE_DOES_NOT_FIT $.effects.billing.first.steps[0].update.set.version
    UNKNOWN_COLUMN $.effects.billing.first.steps[0].update.where.versoin
    UNKNOWN_COLUMN $.effects.billing.first.steps[1].insert.values.body
    UNKNOWN_COLUMN $.effects.billing.first.steps[1].insert.values.colour
    VALUE_DOES_NOT_FIT $.effects.billing.second.steps[0].insert.values.id
    VALUE_DOES_NOT_FIT $.effects.billing.second.steps[0].insert.values.body.default
    ") }
    assert_eq!(shop.table("select count(*) from notes"), "3");
}

#[test]
fn findings_are_sentences_with_their_places() {
    let shop = Shop::sqlite();
    shop.folder.write("handler.json", serde_json::to_string_pretty(&unfit(&shop)).unwrap());
    let seen = shop.program().arg("--check").run();
    insta::assert_snapshot!(seen, @"
    exit: 1
    ---- stdout ----
    error UNKNOWN_COLUMN $.tables.credits.tenant (20:7)
      the tenant column `tenant` of `main.credits` does not exist
    error UNKNOWN_TABLE $.tables.nowhere (26:5)
      there is no table `main.nowhere` that the account can see
    error KEY_NOT_UNIQUE $.tables.invoices.key (17:7)
      no unique index says that the key `status`, alone or with the tenant, names one row
    notice RECEIPT_TABLE_ABSENT $.database.receipts (9:3)
      there is no receipt table yet; the first change creates it
    error UNKNOWN_COLUMN $.effects.billing.first.require[0].value (35:11)
      table `invoices` has no column `stauts`
      hint: did you mean `status`?
    error VALUE_DOES_NOT_FIT $.effects.billing.first.require[1].in[1] (47:13)
      column `due_cents` of `invoices`, of type bigint, never holds this value: expected an integer
    error VALUE_DOES_NOT_FIT $.effects.billing.first.require[2].equals (55:11)
      column `total` of `invoices` holds this value in another form, so the two never are the same
      hint: say a number as a number, and all others as a row shows them
    error NOT_AN_EXACT_NUMBER $.effects.billing.first.require[3].value (59:11)
      column `weight` of `invoices` has the type double precision; only integers and exact decimals are added or compared
    error VALUE_DOES_NOT_FIT $.effects.billing.first.steps[0].update.set.status (77:15)
      column `status` of `invoices`, of type TEXT, never holds this value: it is never null
    error VALUE_DOES_NOT_FIT $.effects.billing.first.steps[0].update.set.due_cents (78:15)
      column `due_cents` of `invoices`, of type bigint, never holds this value: expected an integer
    error NOT_AN_EXACT_NUMBER $.effects.billing.first.steps[0].update.set.total.add[0] (81:19)
      column `weight` of `invoices` has the type double precision; only integers and exact decimals are added or compared
    error UNKNOWN_COLUMN $.effects.billing.first.steps[0].update.set.total.add[1] (84:19)
      table `invoices` has no column `due`
    error NOT_AN_EXACT_NUMBER $.effects.billing.first.steps[0].update.set.weight (89:15)
      column `weight` of `invoices` has the type double precision; only integers and exact decimals are added or compared
    error VALUE_DOES_NOT_FIT $.effects.billing.first.steps[0].update.set.version (95:15)
      column `version` of `invoices`, of type bigint, never holds this value: it holds no moment
    error UNKNOWN_COLUMN $.effects.billing.first.steps[0].update.where.versoin (74:15)
      table `invoices` has no column `versoin`
      hint: did you mean `version`?
    error UNKNOWN_COLUMN $.effects.billing.first.steps[1].insert.values.body (108:15)
      table `invoices` has no column `nothing`
    error UNKNOWN_COLUMN $.effects.billing.first.steps[1].insert.values.colour (111:15)
      table `notes` has no column `colour`
    error VALUE_DOES_NOT_FIT $.effects.billing.second.steps[0].insert.values.id (132:15)
      column `id` of `notes`, of type TEXT, never holds this value: expected a text
    error VALUE_DOES_NOT_FIT $.effects.billing.second.steps[0].insert.values.body.default (137:17)
      column `body` of `notes`, of type TEXT, never holds this value: expected a text
    18 errors, 1 notice
    ---- stderr ----
    ");
}

#[test]
fn what_the_environment_lacks_is_told_by_name_and_no_value() {
    let shop = Shop::sqlite();
    shop.folder.write("handler.json", serde_json::to_string_pretty(&wrong(&shop)).unwrap());
    let seen = shop.program().env("SHORT_TOKEN", "canary").env("BAD_SECRET", "whsec_canary!").arg("--check").run();
    assert!(!seen.to_string().contains("canary"));
    insta::assert_snapshot!(seen, @"
    exit: 1
    ---- stdout ----
    error VARIABLE_MISSING $.bearer_token_env[2] (7:5)
      the environment variable `UNSET_TOKEN` is not set
      hint: set it for this process: `export UNSET_TOKEN=...`
    error WEAK_TOKEN $.bearer_token_env[1] (6:5)
      the token in `SHORT_TOKEN` has fewer than 16 bytes
    error UNUSABLE_SECRET $.signing_secret_envs[1] (11:5)
      the secret in `BAD_SECRET` cannot be used: the signing secret begins with `whsec_`, and no base64 follows
    3 errors
    ---- stderr ----
    ");
}

#[test]
fn what_cannot_be_served_is_not() {
    let shop = Shop::sqlite();
    shop.folder.write("handler.json", serde_json::to_string_pretty(&wrong(&shop)).unwrap());
    let seen = shop.program().run();
    assert_eq!(seen.code, Some(1));
    assert!(seen.stderr.contains("VARIABLE_MISSING") && seen.stderr.contains("cannot be served"), "{seen}");
    shop.write(&json!({"version": 2, "strict": true}));
    let seen = shop.program().run();
    assert_eq!(seen.code, Some(1));
    insta::assert_snapshot!(seen.stderr, @"
    error UNKNOWN_FIELD $.strict (1:14)
      there is no such field
      hint: the fields here are `version`, `listen`, `allowed_hosts`, `tls`, `behind_tls_proxy`, `path`, `bearer_token_env`, `signing_secret_envs`, `tolerance_seconds`, `body_limit`, ...
    error UNSUPPORTED_CONFIG_VERSION $.version (1:2)
      `version` must be 1
    error AUTHENTICATION_REQUIRED $ (1:1)
      there must be `bearer_token_env` or `signing_secret_envs`, best both
    error DATABASE_REQUIRED $.database (1:1)
      `database` must be an object
    error TABLES_REQUIRED $.tables (1:1)
      `tables` must be an object with at least one table
    error EFFECTS_REQUIRED $.effects (1:1)
      `effects` must be an object with at least one effect
    6 errors
    error: `handler.json` cannot be served
    hint: `--check` only says what is wrong
    ");
    let seen = shop.program().args(["--config", "nowhere.json"]).run();
    insta::assert_snapshot!(seen.stderr, @"
    error: `nowhere.json` cannot be read: No such file or directory (os error 2)
    hint: name the file with `--config FILE`, or make one with `synapsor-handler example account-credit`
    ");
}

#[test]
fn what_is_in_order_is_said_to_be() {
    for engine in [Some(Shop::sqlite()), Shop::postgres(), Shop::mysql()] {
        let Some(shop) = engine else { continue };
        let seen = shop.program().arg("--check").run();
        assert_eq!((seen.code, seen.stderr.as_str()), (Some(0), ""), "{seen}");
        assert!(seen.stdout.starts_with("notice RECEIPT_TABLE_ABSENT $.database.receipts"), "{seen}");
        let seen = shop.program().args(["--check", "--json"]).run();
        assert_eq!(serde_json::from_str::<Value>(&seen.stdout).unwrap()["ok"], true);
    }
}

/// A password that is wrong does not become right by waiting.
#[test]
fn a_database_that_refuses_the_account_ends_the_start() {
    let Some(shop) = Shop::postgres() else { return };
    let seen = shop.program().env("SHOP_URL", shop.server().url_as("nobody", "canary-of-a-password")).run();
    assert_eq!(seen.code, Some(1));
    assert!(seen.stderr.contains("DATABASE_REFUSED") && !seen.stderr.contains("canary"), "{seen}");
}
