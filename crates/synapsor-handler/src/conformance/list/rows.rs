//! Whose row is it, and is it still the one that was approved?

use serde_json::json;

use crate::conformance::ask::{Ask, Patch, Row, Version};
use crate::conformance::scenario::{Expect, Need, Proves, Scenario, Step};

const NOT_FOUND: Expect = Expect::Conflict("ROW_NOT_FOUND_OR_WRONG_TENANT");
const CHANGED: &str = "ROW_CHANGED_AFTER_PROPOSAL";

pub(super) fn all() -> Vec<Scenario> {
    tenants().into_iter().chain(strange()).chain(versions()).collect()
}

fn tenants() -> Vec<Scenario> {
    let of = |row: Row| Ask { row, ..Ask::good() };
    vec![
        Scenario::new("row-missing", "a row that is not there is a conflict")
            .or_else(
                "the runner cannot tell a final answer from a failure",
                "answer 200 `conflict` with `ROW_NOT_FOUND_OR_WRONG_TENANT`, and keep it",
            )
            .send(of(Row::Missing), NOT_FOUND),
        Scenario::new("row-of-another-tenant", "another tenant's row is not touched")
            .or_else("one tenant can change what is another's", "look the row up by key AND tenant, in the statement that locks it")
            .send(of(Row::Others), NOT_FOUND),
        Scenario::new("rows-indistinguishable", "a missing row and another tenant's row get the same bytes")
            .or_else(
                "one tenant can find out what another one has",
                "use one statement with key and tenant for both, and put nothing of the row or of the request into the answer",
            )
            .step(Step::Alike(of(Row::Missing), of(Row::Others).operation(1), NOT_FOUND)),
        Scenario::new("tenant-spelled-otherwise", "a tenant in other letters, or with a blank behind it, is another tenant")
            .or_else(
                "whoever may call himself `ACME` reaches what is `acme`'s",
                "compare key and tenant byte for byte after the row was found: collations, above all those of MySQL, call more equal",
            )
            .needs(Need::SpelledTenant)
            .send(of(Row::TenantInOtherCase), Expect::Unchanged)
            .send(of(Row::TenantWithBlank).operation(1), Expect::Unchanged),
        Scenario::new("key-spelled-otherwise", "a key in other letters is another key")
            .or_else(
                "another row is changed than the one that was approved",
                "compare key and tenant byte for byte after the row was found: collations, above all those of MySQL, call more equal",
            )
            .needs(Need::SpelledKey)
            .send(of(Row::KeyInOtherCase), Expect::Unchanged),
        Scenario::new("tenant-column-chosen", "the request does not choose which column is the tenant's")
            .or_else(
                "a sender with another configuration takes the tenant out of the guard, and reaches every row",
                "fix table, key column and tenant column in your code, and refuse a request that names others",
            )
            .send(of(Row::GuardedByKey), Expect::Unseen),
        Scenario::new("table-chosen", "the request does not choose the table")
            .or_else("a sender can have any table of your database locked and changed", "refuse a table that your code does not name")
            .send(
                Ask::good()
                    .with("/target/table", Some("synapsor_conformance".into()))
                    .with("/change_set/target/table", Some("synapsor_conformance".into())),
                Expect::Unseen,
            ),
    ]
}

/// Values that are dangerous where values are put into statements.
fn strange() -> Vec<Scenario> {
    let mend = "bind values as parameters, never put them into the text of a statement; check their types first";
    vec![
        Scenario::new("key-hostile", "a key with quotes and comments in it finds nothing")
            .or_else("values of a request become part of a statement", mend)
            .send(Ask { row: Row::Hostile, ..Ask::good() }, Expect::Unseen),
        Scenario::new("patch-hostile", "a text where a number is due fails, and nothing is done")
            .or_else("values of a request become part of a statement, or are taken for something else", mend)
            .needs(Need::TypedPatch)
            .send(Ask { patch: Patch::Hostile, ..Ask::good() }, Expect::Failed),
        Scenario::new("patch-beyond-review", "a column that is not among the allowed ones is refused")
            .or_else(
                "more is changed than a person approved",
                "compare the patch with `allowed_columns`, and take named columns out of it instead of all that are there",
            )
            .send(
                Ask::good()
                    .with("/allowed_columns", Some(json!(["synapsor_conformance"])))
                    .with("/guards/allowed_columns", Some(json!(["synapsor_conformance"]))),
                Expect::Failed,
            ),
    ]
}

fn versions() -> Vec<Scenario> {
    let late = || Ask::good().operation(1);
    vec![
        Scenario::new("version-changed", "a row that changed since it was approved is a conflict, with the version that was met")
            .or_else(
                "a change is applied over one that its reviewer never saw",
                "compare the version of the locked row exactly, as text in the database's own precision; answer 200 `conflict` \
                 `ROW_CHANGED_AFTER_PROPOSAL` with `previous_version`",
            )
            .send(Ask::good(), Expect::Applied)
            .step(Step::Look)
            .send(late(), Expect::ConflictAt(CHANGED))
            .effects(1),
        Scenario::new("version-exact", "a version that differs in the last digit of its fraction is another one")
            .or_else(
                "an update is lost whenever two of them meet within a millisecond",
                "compare versions as text in the database's own precision, never as dates of your language",
            )
            .needs(Need::FineVersion)
            .send(Ask { version: Version::Almost, ..Ask::good() }, Expect::Conflict(CHANGED)),
        Scenario::new("version-near", "a version that a careless reader takes for the same is another one")
            .or_else("a change is applied over one that its reviewer never saw", "compare versions exactly: `5` is not `5.5`")
            .needs(Need::NumberVersion)
            .send(Ask { version: Version::Near, ..Ask::good() }, Expect::Unchanged),
        Scenario::new("version-seen-again", "the next proposal, which saw the row as it is now, is applied")
            .or_else("a row can be changed once and never again", "compare with the version of the row now, and move it with every change")
            .send(Ask::good(), Expect::Applied)
            .step(Step::Look)
            .send(Ask { version: Version::Seen, ..late() }, Expect::Applied)
            .effects(2),
        Scenario::new("race-of-changes", "of eight different changes of one version at once, one is applied")
            .or_else(
                "an update is lost whenever two of them meet",
                "lock the row (`select ... for update`) before its version is compared, in the transaction that changes it",
            )
            .step(Step::AtOnce((0..8).map(|operation| Ask::good().operation(operation)).collect(), Expect::Conflict(CHANGED)))
            .effects(1),
        Scenario::new("conflict-sticky", "a conflict is kept: the same operation gets it again, whatever the row is by then")
            .or_else(
                "a change that was reported as refused is applied later, by a repeated request",
                "store the conflict under the operation id, commit it, and answer by what is stored",
            )
            .proves(Proves::Redelivery)
            .send(Ask::good(), Expect::Applied)
            .step(Step::Look)
            .send(late(), Expect::ConflictAt(CHANGED))
            .step(Step::Reset)
            .send(late().attempt(2), Expect::Conflict(CHANGED))
            .effects(1),
    ]
}
