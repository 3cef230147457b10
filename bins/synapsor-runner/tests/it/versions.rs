//! What guards a change: versions of every precision, and the hash of a row that has none.

use serde_json::json;

use crate::desk::{Desk, assert_same, id_of, on_each_engine, told};

on_each_engine! {
    a_version_in_microseconds_is_compared_to_the_last_digit_and_moves_on
    a_row_without_a_version_is_compared_as_a_whole
    a_version_that_is_null_guards_nothing_and_is_refused
    a_version_that_the_database_should_move_and_does_not_is_no_success
    a_version_that_a_trigger_moves_is_accepted
    a_wide_version_is_no_double
}

/// A table of notes with this type of version, and a capability that proposes another body.
fn notes(desk: &Desk, version: &str, first: &str, guard: serde_json::Value) {
    desk.execute(&format!(
        "create table notes (id text not null, tenant_id text not null, body text not null, colour text, version {version}, \
         primary key (tenant_id, id)); insert into notes values ('N-1', 'acme', 'old', 'red', {first})"
    ));
    let mut capability = desk.proposes("desk.propose_note", "notes", &["id", "body", "colour"]);
    capability["args"]["body"] = json!({"type": "string"});
    capability["patch"] = json!({"body": {"from_arg": "body"}});
    capability["allowed_columns"] = json!(["body"]);
    capability["conflict_guard"] = guard;
    desk.offer(capability);
}

fn approved(desk: &Desk, body: &str) -> String {
    let id = id_of(&desk.call("desk.propose_note", &json!({"id": "N-1", "body": body})));
    desk.approve(&id);
    id
}

fn by_version() -> serde_json::Value {
    json!({"column": "version"})
}

fn a_version_in_microseconds_is_compared_to_the_last_digit_and_moves_on(desk: &mut Desk) {
    let version = desk.dialect("timestamp not null", "timestamptz not null", "timestamp(6) not null");
    // Every session of the test is in UTC; MySQL reads no zone behind a time.
    let at = |fraction: &str| format!("'2026-03-02 08:00:00.{fraction}{}'", desk.dialect("+00:00", "+00:00", ""));
    let set = |fraction: &str| desk.execute(&format!("update notes set version = {}", at(fraction)));
    notes(desk, version, &at("123456"), by_version());
    let id = approved(desk, "one");
    assert_eq!(desk.apply(&id), "applied");
    assert_eq!(
        desk.table("select body, version > '2026-03-03' from notes").replace('t', "1"),
        "one | 1",
        "the version is the time of the change"
    );
    set("123456");
    let id = approved(desk, "two");
    set("123457");
    assert_eq!(desk.apply(&id), "conflict VERSION_CONFLICT", "one microsecond is another version");
    let id = approved(desk, "three");
    set("123");
    assert_eq!(desk.apply(&id), "conflict VERSION_CONFLICT", "and so is less precision");
    assert_eq!(desk.table("select body from notes"), "one");
}

fn a_row_without_a_version_is_compared_as_a_whole(desk: &mut Desk) {
    notes(desk, "bigint", "null", json!({"weak_guard_ack": true}));
    let id = approved(desk, "one");
    desk.execute("update notes set colour = 'blue'");
    assert_same!(desk.apply(&id), @"conflict ROW_CHANGED_AFTER_PROPOSAL");
    let id = approved(desk, "one");
    assert_eq!(desk.apply(&id), "applied");
    assert_eq!(desk.table("select body, colour from notes"), "one | blue");
}

fn a_version_that_is_null_guards_nothing_and_is_refused(desk: &mut Desk) {
    notes(desk, "bigint", "null", by_version());
    assert_same!(told(&desk.call("desk.propose_note", &json!({"id": "N-1", "body": "one"}))), @"POLICY_VIOLATION: The row has no version, so a change of it cannot be guarded; ask a person to look at the data.");
    desk.execute("update notes set version = 1");
    let id = approved(desk, "one");
    desk.execute("update notes set version = null");
    assert_eq!(desk.apply(&id), "conflict VERSION_CONFLICT");
}

fn a_version_that_the_database_should_move_and_does_not_is_no_success(desk: &mut Desk) {
    notes(desk, "bigint not null", "1", json!({"column": "version", "advance": "database"}));
    let id = approved(desk, "one");
    assert_same!(desk.apply(&id), @"failed VERSION_NOT_ADVANCED");
    assert_eq!(desk.table("select body, version from notes"), "old | 1");
}

fn a_version_that_a_trigger_moves_is_accepted(desk: &mut Desk) {
    notes(desk, "bigint not null", "1", json!({"column": "version", "advance": "database"}));
    desk.execute(desk.dialect(
        "create trigger moves after update of body on notes begin update notes set version = old.version + 10 where rowid = new.rowid; end",
        "create function moves() returns trigger language plpgsql as $$ begin new.version := old.version + 10; return new; end $$; \
         create trigger moves before update on notes for each row execute function moves()",
        "create trigger moves before update on notes for each row set new.version = old.version + 10",
    ));
    let id = approved(desk, "one");
    assert_eq!(desk.apply(&id), "applied");
    assert_eq!(desk.table("select body, version from notes"), "one | 11");
}

fn a_wide_version_is_no_double(desk: &mut Desk) {
    notes(desk, "bigint not null", "9007199254740993", by_version());
    let id = approved(desk, "one");
    desk.execute("update notes set version = 9007199254740992");
    assert_eq!(desk.apply(&id), "conflict VERSION_CONFLICT");
    desk.execute("update notes set version = 9007199254740993");
    let id = approved(desk, "two");
    assert_eq!(desk.apply(&id), "applied");
    assert_eq!(desk.table("select body, version from notes"), "two | 9007199254740994");
}
