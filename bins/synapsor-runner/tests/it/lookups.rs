//! Looking things up: every record is found by every filter, page by page, and by whoever can read the ledger.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use insta::assert_snapshot;
use serde_json::{Value, json};

use crate::desk::{Desk, id_of};

/// A waived fee, a rejected change of a ticket, reads of two tenants, a row that is not there, a refusal.
fn busy() -> Desk {
    let mut desk = Desk::sqlite();
    let waiver = desk.approved("x");
    assert_eq!(desk.apply(&waiver), "applied");
    desk.call("support.propose_status", &json!({"id": "T-1", "status": "solved"}));
    assert_eq!(desk.run("proposals reject --reason no --yes").code, Some(0));
    desk.call("billing.inspect_invoice", &json!({"id": "INV-2"}));
    desk.call("billing.inspect_invoice", &json!({"id": "INV-9"}));
    desk.call("billing.inspect_invoice", &json!({"key": "INV-1"}));
    desk.set("DESK_TENANT", "globex");
    desk.call("billing.inspect_invoice", &json!({"id": "INV-1"}));
    desk.set("DESK_TENANT", "acme");
    desk
}

/// The names of the lists, as commands and as members of their answers.
const LISTS: [(&str, &str); 6] = [
    ("proposals list", "proposals"),
    ("evidence list", "evidence"),
    ("query-audit list", "query_audit"),
    ("receipts list", "receipts"),
    ("replay list", "replays"),
    ("activity search", "activity"),
];

fn lines(desk: &Desk, words: &str, name: &str) -> Vec<Value> {
    desk.json(&format!("{words} --json"))[name].as_array().unwrap_or_else(|| panic!("{words} has no {name}")).clone()
}

/// How many records each list has with these words.
fn counts(desk: &Desk, words: &str) -> String {
    let counted = LISTS.map(|(list, name)| lines(desk, &format!("{list} {words}"), name).len().to_string());
    format!("{words}: {}\n", counted.join(" "))
}

/// What is printed, without what differs from run to run.
fn shown(desk: &Desk, words: &str) -> String {
    // The filters know ids where a word begins.
    let seen = desk.run(words).to_string().replace("_wrp_", "_ wrp_");
    desk.scrub(&seen)
}

#[test]
fn every_list_takes_every_filter() {
    let desk = busy();
    let filters = [
        "--limit 200",
        "--tenant acme",
        "--tenant globex",
        "--tenant ACME",
        "--principal agent-7",
        "--principal agent-8",
        "--capability billing.propose_waiver",
        "--action support.propose_status",
        "--object invoices:INV-1",
        "--object invoice:INV-1 --tenant acme",
        "--object main.invoices:INV-1",
        "--object tickets:INV-1",
        "--object ticket:",
        "--object INV-2",
        "--primary-key T-1",
        "--source desk",
        "--source shop",
        "--table invoices",
        "--table main.tickets",
        "--from 2020-01-01 --to 2020-12-31",
        "--from 2020-01-01",
        "--to 2020-01-01T00:00:00+05:00",
    ];
    // Proposals, evidence, query audit, receipts, replays, activity.
    assert_snapshot!(filters.map(|words| counts(&desk, words)).concat(), @r"
    --limit 200: 2 4 5 1 2 13
    --tenant acme: 2 3 4 1 2 11
    --tenant globex: 0 1 1 0 0 2
    --tenant ACME: 0 0 0 0 0 0
    --principal agent-7: 2 4 5 1 2 12
    --principal agent-8: 0 0 0 0 0 0
    --capability billing.propose_waiver: 1 1 1 1 1 4
    --action support.propose_status: 1 1 1 0 1 3
    --object invoices:INV-1: 1 2 2 1 1 6
    --object invoice:INV-1 --tenant acme: 1 1 1 1 1 4
    --object main.invoices:INV-1: 1 2 2 1 1 6
    --object tickets:INV-1: 0 0 0 0 0 0
    --object ticket:: 1 1 1 0 1 3
    --object INV-2: 0 1 1 0 0 2
    --primary-key T-1: 1 1 1 0 1 3
    --source desk: 2 4 5 1 2 12
    --source shop: 0 0 0 0 0 0
    --table invoices: 1 3 4 1 1 9
    --table main.tickets: 1 1 1 0 1 3
    --from 2020-01-01 --to 2020-12-31: 0 0 0 0 0 0
    --from 2020-01-01: 2 4 5 1 2 13
    --to 2020-01-01T00:00:00+05:00: 0 0 0 0 0 0
    ");
}

#[test]
fn a_fingerprint_finds_the_queries_of_one_shape() {
    let desk = busy();
    let audit = lines(&desk, "query-audit list --capability billing.inspect_invoice --tenant globex", "query_audit").remove(0);
    let fingerprint = audit["query_fingerprint"].as_str().unwrap();
    let found = lines(&desk, &format!("query-audit list --fingerprint {fingerprint}"), "query_audit");
    let all = lines(&desk, "query-audit list", "query_audit");
    let same: Vec<_> = all.iter().filter(|line| line["query_fingerprint"] == fingerprint).cloned().collect();
    assert!(found == same && same.len() < all.len(), "{found:#?}");
}

#[test]
fn a_status_is_that_of_the_record_or_of_the_proposal_behind_it() {
    let desk = busy();
    for (words, name, found) in [
        ("proposals list --status applied", "proposals", 1),
        ("replay list --state rejected", "replays", 1),
        ("evidence list --status applied", "evidence", 1),
        ("query-audit list --status rejected", "query_audit", 1),
        ("receipts list --status applied", "receipts", 1),
        ("receipts list --status conflict", "receipts", 0),
        ("activity search --status applied", "activity", 2),
        ("activity search --status rejected", "activity", 1),
        ("activity search --status already_applied", "activity", 0),
    ] {
        assert_eq!(lines(&desk, words, name).len(), found, "{words}");
    }
    let refused = ["proposals list --status lost", "receipts list --status pending_review", "activity search --status lost"];
    assert_snapshot!(refused.map(|words| desk.run(words).stderr).concat(), @r"
    error: `lost` is no status
    hint: one of: pending_review, approved, rejected, canceled, expired, pending_worker, applied, conflict, failed
    error: `pending_review` is no status
    hint: one of: already_applied, applied, conflict, failed
    error: `lost` is no status
    hint: one of: already_applied, applied, approved, canceled, conflict, expired, failed, pending_review, pending_worker, rejected
    ");
}

#[test]
fn words_that_mean_no_filter_are_refused() {
    let desk = busy();
    let refused = [
        "proposals list --from yesterday",
        "evidence list --to 2026-3-2",
        "receipts list --before 7",
        "query-audit list --fingerprint abc",
        "evidence list --object :",
    ];
    assert_snapshot!(refused.map(|words| desk.run(words).stderr).concat(), @r"
    error: `--from` does not understand `yesterday`
    hint: a time with its zone, `2026-03-02T08:00:00Z`, or a day, `2026-03-02`
    error: `--to` does not understand `2026-3-2`
    hint: a time with its zone, `2026-03-02T08:00:00Z`, or a day, `2026-03-02`
    error: `7` is no cursor
    hint: take the one that the last page ended with
    error: `--fingerprint` takes a digest: `sha256:` and the hash
    error: `--object` names no object
    hint: `type:id`, `type:` alone, or the id alone
    ");
}

#[test]
fn every_list_is_read_to_its_end_page_by_page() {
    let desk = busy();
    for (list, name) in LISTS {
        let whole = lines(&desk, &format!("{list} --limit 200"), name);
        assert!(!whole.is_empty(), "{list}");
        for limit in [1, 2, whole.len()] {
            let (mut paged, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = desk.json(&format!("{list} --json --limit {limit}{cursor}"));
                paged.extend(page[name].as_array().unwrap().clone());
                match page["next_cursor"].as_str() {
                    Some(next) => cursor = format!(" --before {next}"),
                    None => break,
                }
                assert!(paged.len() < whole.len(), "{list}: a cursor was given that leads to nothing");
            }
            assert_eq!(paged, whole, "{list} by {limit}");
        }
        let times: Vec<&str> = whole.iter().map(|line| line["created_at"].as_str().unwrap()).collect();
        assert!(
            list.starts_with("evidence") || list.starts_with("activity") || times.is_sorted_by(|one, other| one >= other),
            "{list} {times:?}"
        );
    }
}

#[test]
fn a_list_is_a_table_for_a_person() {
    let desk = busy();
    let told = ["receipts list", "proposals list --limit 1", "receipts list --tenant nobody"].map(|words| shown(&desk, words)).concat();
    let cursor = told.split("--before ").nth(1).and_then(|rest| rest.lines().next()).unwrap();
    assert_snapshot!(told.replace(cursor, "<cursor>"), @r"
    exit: 0
    ---- stdout ----
     RECEIPT                                         STATUS   CAPABILITY              TENANT  OBJECT          CREATED
     receipt_6_ wrp_#1  applied  billing.propose_waiver  acme    invoices:INV-1  <time>
    ---- stderr ----
    exit: 0
    ---- stdout ----
     PROPOSAL                              STATUS    CAPABILITY              TENANT  OBJECT       CREATED
     wrp_#1  rejected  support.propose_status  acme    tickets:T-1  <time>
    more: --before <cursor>
    ---- stderr ----
    exit: 0
    ---- stdout ----
    no receipts
    ---- stderr ----
    ");
}

#[test]
fn a_receipt_is_shown_by_any_id_that_leads_to_it() {
    let desk = busy();
    assert_snapshot!(shown(&desk, "receipts show"), @r"
    exit: 0
    ---- stdout ----
    receipt          receipt_6_ wrp_#1
    status           applied
    proposal         wrp_#1
    job              wbj_#1, attempt 1
    operation        wrp_#1:INV-1
    carried out by   pid <pid>
    rows changed     1
    version          3 -> 4
    recorded at      <time>
    receipt hash     sha256:#1
    ---- stderr ----
    ");
    let receipt = desk.json("receipts show --json")["receipts"][0].clone();
    for member in ["receipt_id", "proposal_id", "writeback_job_id", "idempotency_key"] {
        let id = receipt[member].as_str().unwrap();
        assert_eq!(desk.json(&format!("receipts show {id} --json"))["receipts"][0], receipt, "{member}");
    }
    assert_eq!(desk.run("receipts show receipt_1_wrp_1").code, Some(1));
    let other = lines(&desk, "proposals list --status rejected", "proposals")[0]["proposal_id"].as_str().unwrap().to_owned();
    assert_snapshot!(desk.scrub(&desk.run(&format!("receipts show {other}")).stderr), @r"
    error: there is no receipt of wrp_#1
    hint: `synapsor-runner receipts list` shows what there is
    ");
}

#[test]
fn evidence_and_query_are_shown_with_what_came_of_them() {
    let desk = busy();
    let id = lines(&desk, "evidence list --status applied", "evidence")[0]["evidence_id"].as_str().unwrap().to_owned();
    assert_snapshot!(shown(&desk, &format!("evidence show {id}")), @r#"
    exit: 0
    ---- stdout ----
    evidence         ev_#1
    read at          <time>
    capability       billing.propose_waiver
    read for         agent-7
    tenant           acme
    table            desk <schema>.invoices
    object           invoices:INV-1
    query shape      sha256:#1
    proposal         wrp_#1
    query            qa_#1 gave 1 row(s)
    what was read
      {"kind":"external_row","visible_row":{"id":"INV-1","late_fee_cents":1500,"status":"overdue","tenant_id":"acme","version":3,"waiver_reason":null}}
    ---- stderr ----
    "#);
    let shown = desk.json(&format!("evidence show {id} --json"));
    assert_eq!(shown["query_audit"][0]["evidence_id"], json!(id), "{shown:#}");
    let audit = shown["query_audit"][0]["audit_id"].as_str().unwrap();
    assert_eq!(desk.json(&format!("query-audit show {audit} --json"))["query_audit"], shown["query_audit"][0]);
    assert_eq!(desk.json("query-audit show --json")["query_audit"]["tenant_id"], "globex");
    for words in ["evidence show ev_none", "query-audit show qa_none", "replay show wrp_none"] {
        assert_eq!(desk.run(words).code, Some(1), "{words}");
    }
}

#[test]
fn a_read_that_found_nothing_is_on_record_without_evidence() {
    let desk = busy();
    let missed = lines(&desk, "query-audit list --object INV-9", "query_audit");
    assert_eq!((missed.len(), &missed[0]["row_count"], missed[0].get("evidence_id")), (1, &json!(0), None), "{missed:#?}");
    assert!(lines(&desk, "evidence list --object INV-9", "evidence").is_empty());
}

/// TRAP 50
#[test]
fn trap_50_a_search_for_an_object_shows_nothing_of_another() {
    let desk = busy();
    let text = desk.json("activity search --object tickets:T-1 --limit 200 --json").to_string();
    assert!(text.contains("T-1") && !text.contains("INV-") && !text.contains("globex"), "{text}");
    assert_eq!(lines(&desk, "receipts list --object tickets:T-1", "receipts").len(), 0);
}

#[test]
fn any_id_is_searched_for() {
    let desk = busy();
    let proposal = lines(&desk, "proposals list --status applied", "proposals")[0]["proposal_id"].as_str().unwrap().to_owned();
    let belongs = lines(&desk, &format!("activity search {proposal}"), "activity");
    let ids: Vec<&str> =
        belongs.iter().flat_map(|line| ["receipt_id", "audit_id", "evidence_id"].map(|id| line[id].as_str())).flatten().collect();
    for id in ids.iter().copied().chain([proposal.as_str()]) {
        assert_eq!(lines(&desk, &format!("activity search {id}"), "activity"), belongs, "{id}");
    }
    for words in [format!("--proposal {proposal}"), format!("--replay replay_{proposal}"), format!("--replay {proposal}")] {
        assert_eq!(lines(&desk, &format!("activity search {words}"), "activity"), belongs, "{words}");
    }
    assert_eq!(lines(&desk, &format!("activity search {proposal} --tenant globex"), "activity").len(), 0);
    // A source that cannot be reached: the answer names a diagnostic.
    desk.configure(|config| config["sources"]["desk"]["path"] = json!("./nowhere.db"));
    let answer = desk.call("billing.inspect_invoice", &json!({"id": "INV-1"}));
    let id = answer["_meta"]["diagnostic_id"].as_str().unwrap_or_else(|| panic!("{answer:#}"));
    assert_snapshot!(shown(&desk, &format!("activity search {id}")), @r"
    exit: 0
    ---- stdout ----
     KIND        ID                                     STATUS                   CAPABILITY               TENANT  OBJECT  CREATED
     diagnostic  diag_#1  TEMPORARILY_UNAVAILABLE  billing.inspect_invoice  acme    -       <time>
    diag_#1: source `desk` cannot be reached: unable to open database file: <folder>/nowhere.db: Error code 14: unable to open database file
    ---- stderr ----
    ");
    assert_eq!(desk.run("activity search wrp_none").code, Some(1));
}

#[test]
fn a_replay_is_exported_as_it_is_shown() {
    let desk = busy();
    let id = lines(&desk, "replay list --status applied", "replays")[0]["replay_id"].as_str().unwrap().to_owned();
    assert_eq!(desk.json(&format!("replay export {id} --output replay.json --json"))["ok"], true);
    let mut exported: Value = serde_json::from_str(&desk.folder.read("replay.json")).unwrap();
    let mut shown = desk.json(&format!("replay show {id} --json"));
    let members: Vec<String> = exported.as_object().unwrap().keys().cloned().collect();
    assert_eq!(members.join(" "), "replay_id proposal state events receipts query_audit evidence job generated_at");
    for record in [&mut exported, &mut shown] {
        record.as_object_mut().unwrap().remove("generated_at");
    }
    assert_eq!(shown.as_object_mut().unwrap().remove("ok"), Some(json!(true)));
    assert_eq!(exported, shown);
    assert_eq!(desk.run(&format!("replay export {id} --output replay.md --format markdown")).code, Some(0));
    let text = desk.folder.read("replay.md").replace("_wrp_", "_ wrp_");
    let told: Vec<&str> = text.lines().filter(|line| !line.starts_with("    ")).collect();
    assert_snapshot!(desk.scrub(&told.join("\n")), @r#"
    # Replay `replay_ wrp_#1`

    - status: `applied`
    - capability: `billing.propose_waiver`
    - proposed by: `agent-7`
    - tenant: `acme`
    - row: `desk <schema>.invoices where id = "INV-1"`
    - proposal hash: `sha256:#1`
    - approval digest: `sha256:#2`

    ## The change

    - late_fee_cents: `1500` becomes `0`
    - waiver_reason: `null` becomes `"x"`

    ## What happened

    1. <time> `proposal_created` by `agent-7`
    2. <time> `evidence_recorded` by `agent-7`
    3. <time> `proposal_approved` by `<account>`
    4. <time> `writeback_job_recorded` by `<account>`
    5. <time> `writeback_attempt_claimed` by `<account>` `attempt 1, pid <pid>`
    6. <time> `writeback_applied` by `<account>` `attempt 1`

    ## Receipts


    ## Queries


    ## What was read
    "#);
    // One without receipts has the list all the same.
    let id = lines(&desk, "replay list --status rejected", "replays")[0]["replay_id"].as_str().unwrap().to_owned();
    assert_eq!(desk.run(&format!("replay export {id} --output rejected.json")).code, Some(0));
    let exported: Value = serde_json::from_str(&desk.folder.read("rejected.json")).unwrap();
    assert_eq!((exported["receipts"].clone(), exported["evidence"].as_array().map(Vec::len)), (json!([]), Some(1)));
}

#[test]
fn exports_are_private_files_that_replace_nothing_unasked() {
    let desk = busy();
    let at = |name: &str| desk.folder.join(name);
    desk.folder.write("there.json", "precious");
    desk.folder.write("elsewhere/target.json", "precious");
    symlink(at("elsewhere/target.json"), at("link.json")).unwrap();
    fs::create_dir(at("folder")).unwrap();
    let refused = [
        "evidence export --output there.json",
        "query-audit export --output link.json",
        "replay export --output link.json --force",
        "evidence export --output folder --force",
        "replay export --output nowhere/file.json",
        "replay export wrp_none --output never.json",
        "evidence export --output never.json --store nowhere.db",
    ];
    assert_snapshot!(desk.scrub(&refused.map(|words| desk.run(words).stderr).concat()), @r"
    error: `there.json` is there already
    hint: name another file, or say `--force` to replace it
    error: `link.json` is a symbolic link, which is not followed
    error: `link.json` is a symbolic link, which is not followed
    error: `folder` is no file
    error: `nowhere/file.json` cannot be made: No such file or directory (os error 2)
    error: there is no proposal wrp_none
    hint: `synapsor-runner proposals list` shows what there is
    error: there is no ledger `<folder>/nowhere.db`
    hint: nothing was proposed yet with this configuration; `--store FILE` names another ledger
    ");
    assert_eq!((desk.folder.read("there.json"), desk.folder.read("elsewhere/target.json")), ("precious".into(), "precious".into()));
    for words in [
        "evidence export --output new.json",
        "query-audit export --output there.json --force",
        "replay export --output new.md --format markdown",
    ] {
        assert_eq!(desk.run(words).code, Some(0), "{words}");
    }
    for name in ["new.json", "there.json", "new.md"] {
        assert_eq!(fs::metadata(at(name)).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    assert!(desk.folder.read("there.json").contains("audit_id"));
    let left: Vec<_> = fs::read_dir(desk.folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(!left.iter().any(|name| name.contains("part") || name == "never.json"), "{left:?}");
}

#[test]
fn whoever_can_read_the_ledger_looks_without_being_an_operator() {
    let desk = busy();
    desk.configure(|config| config["operators"] = json!({"somebody-else": {"roles": ["billing_lead"]}}));
    for words in LISTS.map(|(list, _)| list).into_iter().chain([
        "proposals show",
        "replay show",
        "evidence show",
        "query-audit show",
        "receipts show",
        "store stats",
        "store verify",
        "store head",
        "replay export --output replay.json",
    ]) {
        let seen = desk.run(words);
        assert_eq!(seen.code, Some(0), "{words}: {seen}");
    }
    for words in ["proposals approve --yes", "proposals reject --yes --reason x", "proposals cancel --yes", "apply"] {
        let seen = desk.run(words);
        assert!(seen.code == Some(1) && seen.stderr.contains("is not among the operators"), "{words}: {seen}");
    }
}

#[test]
fn printed_commands_mean_the_same_place() {
    let desk = Desk::sqlite();
    fs::rename(desk.folder.config(), desk.folder.join("other config.json")).unwrap();
    let at = |words: &str| desk.program(words).args(["--config", "other config.json", "--store", "books.db"]);
    let proposed = at("propose billing.propose_waiver").args(["--json", r#"{"id": "INV-1", "reason": "x"}"#]).run();
    let id = id_of(&serde_json::from_str(&proposed.stdout).unwrap());
    let told = [at("proposals show"), at("proposals approve --yes"), at("apply wrp_none"), at("apply --dry-run")]
        .map(|program| program.run().to_string());
    let text = desk.scrub(&told.concat()).replace(&id, "ID");
    let commands: Vec<&str> = text.lines().filter(|line| line.contains("synapsor-runner ")).map(str::trim).collect();
    assert!(commands.iter().all(|line| line.contains("--config 'other config.json' --store books.db")), "{commands:#?}");
    assert!(commands.len() >= 4, "{commands:#?}");
}

#[test]
fn the_whole_ledger_is_counted_and_verified() {
    let desk = busy();
    let stats = desk.json("store stats --json");
    assert_eq!(
        (&stats["tables"]["proposals"], &stats["tables"]["query_audit"], &stats["layout"]),
        (&json!(2), &json!(5), &json!(4)),
        "{stats:#}"
    );
    let (verified, head) = (desk.json("store verify --json"), desk.json("store head --json"));
    assert_eq!((&verified["head"], &verified["proposals"]), (&head["head"], &json!(2)), "{verified:#}");
    assert_eq!(head["head"], stats["head"]);
}

#[test]
fn what_a_terminal_would_hide_is_shown_in_lists_and_exports() {
    let mut desk = Desk::sqlite();
    desk.set("DESK_AGENT", "agent\u{202e}7");
    desk.execute("update invoices set status = 'paid' || char(27) || '[8m' where id = 'INV-1'");
    desk.propose("fine\u{1b}[2K\u{202e}");
    for words in ["evidence show", "query-audit show", "activity search", "replay list", "evidence list --json"] {
        let seen = desk.run(words);
        assert!(seen.code == Some(0) && !seen.stdout.contains(['\u{1b}', '\u{202e}']), "{words}: {seen}");
    }
    for (format, file) in [("json", "r.json"), ("markdown", "r.md")] {
        assert_eq!(desk.run(&format!("replay export --output {file} --format {format}")).code, Some(0));
        assert!(!desk.folder.read(file).contains(['\u{1b}', '\u{202e}']), "{format}");
    }
}
