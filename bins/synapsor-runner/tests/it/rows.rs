//! Which row is meant: tenants and ids that a lax comparison confuses, and values that do not fit.

use serde_json::{Value, json};

use crate::desk::{Desk, assert_same, id_of, on_each_engine, told};

on_each_engine! {
    tenants_that_differ_by_case_accent_or_blank_are_other_tenants
    a_missing_row_and_another_tenants_row_get_the_same_answer
    ids_of_every_kind_are_found_proposed_for_and_applied
    a_number_is_no_text_and_a_text_no_number
    bounds_hold_for_numeric_columns_to_the_last_digit
    bounds_that_became_narrower_hold_for_what_was_approved_before
    a_value_that_its_column_cannot_hold_is_refused_before_anybody_reviews_it
    columns_that_are_not_visible_are_not_shown
    a_key_that_names_two_rows_is_not_said_to_name_none
}

fn tenants_that_differ_by_case_accent_or_blank_are_other_tenants(desk: &mut Desk) {
    desk.execute("insert into invoices values ('INV-1', 'ácme', 'C-9', 'overdue', 3, 3, null, 1)");
    for (tenant, amount) in [("acme", 12900), ("globex", 99900), ("ACME", 1), ("ácme", 3)] {
        desk.set("DESK_TENANT", tenant);
        let answer = desk.call("billing.inspect_invoice", &json!({"id": "INV-1"}));
        assert_eq!(answer["data"]["amount_cents"], amount, "{tenant}: {answer:#}");
        let id = desk.approved(tenant);
        assert_eq!(desk.apply(&id), "applied", "{tenant}");
    }
    for nobody in ["Acme", "a\u{301}cme", " acme", "acme%", "acme' or '1'='1"] {
        desk.set("DESK_TENANT", nobody);
        let answer = desk.call("billing.inspect_invoice", &json!({"id": "INV-1"}));
        assert_eq!(answer["error"]["code"], "NOT_FOUND_IN_TENANT", "{nobody:?}");
    }
    assert_same!(desk.table("select tenant_id || '.', waiver_reason from invoices where id = 'INV-1' order by amount_cents"), @r"
    ACME. | ACME
    acme . | NULL
    ácme. | ácme
    acme. | acme
    globex. | globex
    ");
}

fn a_missing_row_and_another_tenants_row_get_the_same_answer(desk: &mut Desk) {
    desk.set("DESK_TENANT", "globex");
    let answer = |name: &str, id: &str| {
        let seen = desk.program("propose").args([name, "--json", &json!({"id": id, "reason": "x"}).to_string()]).run();
        (seen.code, seen.stdout, seen.stderr)
    };
    // `INV-2` is acme's, `INV-9` nobody's.
    assert_eq!(answer("billing.propose_waiver", "INV-2"), answer("billing.propose_waiver", "INV-9"));
    assert_eq!(answer("billing.propose_waiver", "INV-2").0, Some(1));
}

fn ids_of_every_kind_are_found_proposed_for_and_applied(desk: &mut Desk) {
    let ids = [
        "INV 1",
        " lead and trail ",
        "it's \"quoted\" \\ and; drop table invoices; --",
        "数字-Ünïcode-🧾",
        "tab\tand\nnewline",
        "%_*?",
        "00012",
        "null",
        // As long as a key of MySQL may be.
        &"long-".repeat(140),
        "wrp_1:INV-1",
    ];
    for id in ids {
        let quoted = id.replace('\'', "''");
        desk.execute(&format!("insert into invoices values ('{quoted}', 'acme', 'C-1', 'overdue', 5, 50, null, 1)"));
        let proposal = id_of(&desk.call("billing.propose_waiver", &json!({"id": id, "reason": "x"})));
        desk.approve(&proposal);
        assert_eq!(desk.apply(&proposal), "applied", "{id:?}");
        assert_eq!(desk.apply(&proposal), "already_applied", "{id:?}");
        assert_eq!(desk.table(&format!("select late_fee_cents, version from invoices where id = '{quoted}'")), "0 | 2", "{id:?}");
    }
    assert_eq!(desk.receipts().lines().count(), ids.len());
    let plain = desk.table("select count(*) from synapsor_writeback_receipts where operation_id like '%:sha256-%'");
    assert_eq!(plain, "6", "an id with blanks, beyond ASCII or too long is hashed into the operation id");
}

fn a_number_is_no_text_and_a_text_no_number(desk: &mut Desk) {
    desk.execute(
        "create table parts (id bigint primary key not null, tenant_id text not null, name text not null, version bigint not null); \
         insert into parts values (42, 'acme', 'bolt', 1), (9007199254740993, 'acme', 'nut', 1)",
    );
    let mut by_number = desk.reads("desk.inspect_by_number", "parts", &["id", "name"]);
    by_number["args"]["id"] = json!({"type": "number"});
    desk.offer(by_number);
    desk.offer(desk.reads("desk.inspect_by_text", "parts", &["id", "name"]));
    let asked = [
        ("desk.inspect_by_number", json!(42)),
        ("desk.inspect_by_number", json!(42.5)),
        ("desk.inspect_by_number", json!("42")),
        ("desk.inspect_by_text", json!("42")),
        ("desk.inspect_by_text", json!("042")),
        ("desk.inspect_by_text", json!("9007199254740993")),
        ("desk.inspect_by_text", json!("9007199254740992")),
        ("desk.inspect_by_text", json!("99999999999999999999")),
        ("desk.inspect_by_text", json!("bolt")),
    ];
    let told = asked.map(|(name, id)| {
        let answer = desk.call(name, &json!({"id": id}));
        let said = if answer["ok"] == true { answer["data"].to_string() } else { told(&answer) };
        format!("{id}: {said}\n")
    });
    assert_same!(told.concat(), @r#"
    42: {"id":42,"name":"bolt"}
    42.5: INVALID_ARGUMENT: Argument `id` cannot be used: expected an integer.
    "42": INVALID_ARGUMENT: Argument `id` must be a number.
    "42": {"id":42,"name":"bolt"}
    "042": INVALID_ARGUMENT: Argument `id` cannot be used: expected an integer.
    "9007199254740993": {"id":"9007199254740993","name":"nut"}
    "9007199254740992": NOT_FOUND_IN_TENANT: No such row is visible to this tenant; check the id and try again with another one.
    "99999999999999999999": INVALID_ARGUMENT: Argument `id` cannot be used: outside the range of the column's type.
    "bolt": INVALID_ARGUMENT: Argument `id` cannot be used: expected an integer.
    "#);
}

/// A table of prices, and a capability that proposes one within bounds.
fn prices(desk: &Desk) {
    desk.execute(
        "create table prices (id text not null, tenant_id text not null, price numeric(12,2) not null, version bigint not null, \
         primary key (tenant_id, id)); insert into prices values ('P-1', 'acme', 10.50, 1)",
    );
    for (name, kind) in [("desk.propose_price", "number"), ("desk.propose_exact_price", "string")] {
        let mut capability = desk.proposes(name, "prices", &["id", "price"]);
        capability["args"]["price"] = json!({"type": kind});
        capability["patch"] = json!({"price": {"from_arg": "price"}});
        capability["allowed_columns"] = json!(["price"]);
        capability["numeric_bounds"] = json!({"price": {"minimum": 0, "maximum": 100.5}});
        desk.offer(capability);
    }
}

fn bounds_hold_for_numeric_columns_to_the_last_digit(desk: &mut Desk) {
    prices(desk);
    let asked: [(&str, Value); 9] = [
        ("desk.propose_price", json!(100.5)),
        ("desk.propose_price", json!(100.51)),
        ("desk.propose_price", json!(-0.01)),
        ("desk.propose_exact_price", json!("100.50")),
        ("desk.propose_exact_price", json!("100.51")),
        ("desk.propose_exact_price", json!("0")),
        ("desk.propose_exact_price", json!("-1")),
        ("desk.propose_exact_price", json!("1e1")),
        ("desk.propose_exact_price", json!("cheap")),
    ];
    let told = asked.map(|(name, price)| {
        let answer = desk.call(name, &json!({"id": "P-1", "price": price}));
        let said = match answer["error"]["code"].as_str() {
            Some(code) => code.to_owned(),
            None => {
                let id = id_of(&answer);
                desk.approve(&id);
                let outcome = desk.apply(&id);
                format!("{outcome}, now {} hundredths", desk.table("select cast(price * 100 as bigint) from prices"))
            }
        };
        format!("{price}: {said}\n")
    });
    assert_same!(told.concat(), @r#"
    100.5: applied, now 10050 hundredths
    100.51: POLICY_VIOLATION
    -0.01: POLICY_VIOLATION
    "100.50": applied, now 10050 hundredths
    "100.51": POLICY_VIOLATION
    "0": applied, now 0 hundredths
    "-1": POLICY_VIOLATION
    "1e1": applied, now 1000 hundredths
    "cheap": INVALID_ARGUMENT
    "#);
}

fn bounds_that_became_narrower_hold_for_what_was_approved_before(desk: &mut Desk) {
    prices(desk);
    let id = id_of(&desk.call("desk.propose_price", &json!({"id": "P-1", "price": 50})));
    desk.approve(&id);
    desk.configure(|config| {
        let capabilities = config["capabilities"].as_array_mut().unwrap();
        for capability in capabilities.iter_mut().filter(|capability| capability["numeric_bounds"].is_object()) {
            capability["numeric_bounds"] = json!({"price": {"maximum": 49.99}});
        }
    });
    assert_same!(desk.apply(&id).replace(&id, "<id>"), @"refused: proposal <id> cannot be applied: column `price` must be at most 49.99");
    assert_eq!(desk.table("select cast(price * 100 as bigint), version from prices"), "1050 | 1");
}

fn a_value_that_its_column_cannot_hold_is_refused_before_anybody_reviews_it(desk: &mut Desk) {
    let mut capability = desk.proposes("desk.propose_priority", "tickets", &["id", "priority"]);
    capability["args"]["priority"] = json!({"type": "string"});
    capability["patch"] = json!({"priority": {"from_arg": "priority"}});
    capability["allowed_columns"] = json!(["priority"]);
    desk.offer(capability);
    for priority in ["high", "1.5", "99999999999999999999999", ""] {
        let answer = desk.call("desk.propose_priority", &json!({"id": "T-1", "priority": priority}));
        assert_eq!(answer["error"]["code"], "INVALID_ARGUMENT", "{priority:?}: {answer:#}");
    }
    assert_eq!(desk.json("proposals list --json")["proposals"], json!([]));
}

fn columns_that_are_not_visible_are_not_shown(desk: &mut Desk) {
    desk.offer(desk.reads("desk.inspect_status", "invoices", &["status"]));
    let answer = desk.call("desk.inspect_status", &json!({"id": "INV-1"}));
    assert_eq!(answer["data"], json!({"status": "overdue"}), "neither key, tenant nor version");
    let answer = desk.call("billing.propose_waiver", &json!({"id": "INV-1", "reason": "x"}));
    let about = &answer["_meta"];
    assert_eq!(
        (&about["tenant_id"], &about["principal"], &about["provenance"]),
        (&json!("acme"), &json!("agent-7"), &json!("environment"))
    );
}

fn a_key_that_names_two_rows_is_not_said_to_name_none(desk: &mut Desk) {
    desk.execute("create table loose (id text, tenant_id text, name text)");
    desk.execute("insert into loose values ('L-1', 'acme', 'one'), ('L-1', 'acme', 'two'), ('L-1', 'globex', 'three')");
    let mut capability = desk.reads("desk.inspect_loose", "loose", &["name"]);
    capability["max_rows"] = json!(5);
    desk.offer(capability);
    assert_same!(told(&desk.call("desk.inspect_loose", &json!({"id": "L-1"}))), @"MULTI_ROW_BLOCKED: More than one row has this id, and exactly one is needed; ask a person to look at the data.");
    desk.set("DESK_TENANT", "globex");
    assert_eq!(desk.call("desk.inspect_loose", &json!({"id": "L-1"}))["data"], json!({"name": "three"}));
}

#[test]
fn tenants_that_the_database_takes_for_equal_are_other_tenants() {
    let Some(mut desk) = Desk::mysql() else { return };
    let tenants = ["acme", "ACME", "\u{e1}cme", "acme "];
    desk.execute(
        "create table accounts (id integer primary key, tenant_id varchar(40) not null, note varchar(40), version integer not null)",
    );
    for (id, tenant) in (1..).zip(tenants) {
        desk.execute(&format!("insert into accounts values ({id}, '{tenant}', 'old', 1)"));
    }
    assert_eq!(desk.table("select count(*) from accounts where tenant_id = 'acme'"), "4", "so says the column's collation");
    let mut read = desk.reads("desk.inspect_account", "accounts", &["id", "note"]);
    read["args"]["id"] = json!({"type": "number"});
    let mut change = desk.proposes("desk.propose_note", "accounts", &["id", "note"]);
    change["args"] = json!({"id": {"type": "number"}, "note": {"type": "string"}});
    change["patch"] = json!({"note": {"from_arg": "note"}});
    change["allowed_columns"] = json!(["note"]);
    desk.offer(read);
    desk.offer(change);
    for (own, tenant) in (1..).zip(tenants) {
        desk.set("DESK_TENANT", tenant);
        for id in 1..=4 {
            let answer = desk.call("desk.inspect_account", &json!({"id": id}));
            assert_eq!(answer["ok"], id == own, "{tenant:?} and {id}: {answer:#}");
            let answer = desk.call("desk.propose_note", &json!({"id": id, "note": "new"}));
            assert_eq!(answer["ok"], id == own, "{tenant:?} and {id}: {answer:#}");
        }
        let proposal = id_of(&desk.call("desk.propose_note", &json!({"id": own, "note": "new"})));
        desk.approve(&proposal);
        // Meanwhile the row goes to somebody whose name is equal.
        let other = tenants[own % tenants.len()];
        desk.execute(&format!("update accounts set tenant_id = '{other}' where id = {own}"));
        assert_eq!(desk.apply(&proposal), "conflict ROW_NOT_FOUND", "{tenant:?}");
        desk.execute(&format!("update accounts set tenant_id = '{tenant}' where id = {own}"));
    }
    assert_eq!(desk.table("select distinct note, version from accounts"), "old | 1");
}

#[test]
fn values_of_every_type_travel_without_losing_a_digit() {
    let Some(desk) = Desk::postgres() else { return };
    desk.execute(
        "create type mood as enum ('calm', 'cross'); \
         create table wide (id text primary key, tenant_id text not null, big bigint, exact numeric, day date, \
         moment timestamptz, plain timestamp, doc jsonb, label uuid, feeling mood, ratio double precision, yes boolean); \
         insert into wide values ('W-1', 'acme', -9007199254740993, 12345678901234567890.10, '2026-03-29', \
         '2026-03-29 02:30:00.123456+05:45', '2026-03-29 02:30:00.1', '{\"b\": [1, {\"a\": null}]}', \
         '0190B6F0-C2A9-7D3F-8A4E-5B6C7D8E9F00', 'cross', 0.1, true)",
    );
    let columns = ["big", "exact", "day", "moment", "plain", "doc", "label", "feeling", "ratio", "yes"];
    desk.offer(desk.reads("desk.inspect_wide", "wide", &columns));
    let answer = desk.call("desk.inspect_wide", &json!({"id": "W-1"}));
    let told: Vec<_> = columns.iter().map(|column| format!("{column} {}", answer["data"][column])).collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    big "-9007199254740993"
    exact "12345678901234567890.10"
    day "2026-03-29"
    moment "2026-03-28T20:45:00.123456Z"
    plain "2026-03-29T02:30:00.100000"
    doc "{\"b\":[1,{\"a\":null}]}"
    label "0190b6f0-c2a9-7d3f-8a4e-5b6c7d8e9f00"
    feeling "cross"
    ratio 0.1
    yes true
    "#);
}
