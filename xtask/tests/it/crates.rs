//! May each crate use what it uses?
//!
//! The table of crates is data here, and `cargo metadata` is held against it. A crate that needs more
//! is a change of the architecture: first the reason, then the row.

use std::collections::BTreeSet;
use std::fs;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Which crates of the workspace a crate may use. `*` is all of them.
const TABLE: [(&str, &[&str]); 16] = [
    ("synapsor-protocol", &[]),
    ("synapsor-envelope", &["protocol"]),
    ("synapsor-config", &["protocol"]),
    ("synapsor-proposal", &["protocol"]),
    ("synapsor-source", &["protocol"]),
    ("synapsor-ledger", &["protocol", "proposal"]),
    ("synapsor-executor", &["protocol", "source"]),
    ("synapsor-http", &["protocol"]),
    ("synapsor-handler", &["protocol", "source"]),
    ("synapsor-agent", &["protocol", "envelope", "config", "proposal", "ledger", "source"]),
    ("synapsor-operator", &["protocol", "config", "proposal", "ledger", "executor"]),
    ("synapsor-mcp", &["protocol", "envelope", "agent", "http"]),
    ("synapsor-testkit", &["*"]),
    ("synapsor-runner", &["*"]),
    ("synapsor-handler-server", &["protocol", "handler", "http"]),
    ("xtask", &["protocol", "envelope", "config", "handler"]),
];

/// What tests use and nothing else may.
const TESTKIT: &str = "synapsor-testkit";

/// Features that let a program decide or write, and who may ask for them.
const AUTHORITY: [(&str, &[&str]); 2] = [
    ("decisions", &["synapsor-ledger", "synapsor-operator", "synapsor-runner"]),
    ("guarded-write", &["synapsor-executor", "synapsor-handler", "synapsor-runner"]),
];

/// Libraries that must not come in by any way: TLS is rustls on ring.
const BANNED: [&str; 5] = ["openssl", "openssl-sys", "native-tls", "aws-lc-rs", "aws-lc-sys"];

#[test]
fn each_crate_uses_only_what_the_table_of_crates_allows() {
    insta::assert_snapshot!(findings(used_beyond_the_table), @"");
}

#[test]
fn the_testkit_is_used_by_tests_alone() {
    let shipped_with = |package: &Package| {
        uses(package, &[DependencyKind::Normal, DependencyKind::Build])
            .filter(|name| name == TESTKIT && package.name.as_str() != TESTKIT)
            .map(|name| format!("{} links {name}", package.name))
            .collect()
    };
    insta::assert_snapshot!(findings(shipped_with), @"");
}

#[test]
fn only_the_operators_side_asks_for_features_that_decide_or_write() {
    insta::assert_snapshot!(findings(authority_out_of_place), @"");
}

#[test]
fn every_package_takes_the_lints_of_the_workspace() {
    let without = |package: &Package| {
        let manifest = fs::read_to_string(&package.manifest_path).unwrap();
        if manifest.contains("[lints]\nworkspace = true") { Vec::new() } else { vec![format!("{} has lints of its own", package.name)] }
    };
    insta::assert_snapshot!(findings(without), @"");
}

#[test]
fn no_banned_library_is_in_the_lock_file() {
    let lock = fs::read_to_string(metadata().workspace_root.join("Cargo.lock")).unwrap();
    let found: Vec<_> = BANNED.iter().filter(|name| lock.contains(&format!("name = \"{name}\"\n"))).collect();
    insta::assert_snapshot!(format!("{found:?}"), @"[]");
}

fn metadata() -> Metadata {
    MetadataCommand::new().no_deps().other_options(["--locked".to_owned()]).exec().expect("cargo describes the workspace")
}

/// What `check` finds over all packages, one finding a line.
fn findings(check: impl Fn(&Package) -> Vec<String>) -> String {
    metadata().packages.iter().flat_map(check).collect::<Vec<_>>().join("\n")
}

/// Names of the packages of this workspace that `package` depends on in one of `kinds`.
fn uses(package: &Package, kinds: &[DependencyKind]) -> impl Iterator<Item = String> {
    package.dependencies.iter().filter(move |used| used.path.is_some() && kinds.contains(&used.kind)).map(|used| used.name.clone())
}

fn used_beyond_the_table(package: &Package) -> Vec<String> {
    let Some((_, row)) = TABLE.iter().find(|(name, _)| package.name.as_str() == *name) else {
        return vec![format!("{} has no row in the table", package.name)];
    };
    if row.contains(&"*") {
        return Vec::new();
    }
    let allowed: BTreeSet<String> = row.iter().map(|name| format!("synapsor-{name}")).collect();
    uses(package, &[DependencyKind::Normal, DependencyKind::Build])
        .filter(|name| !allowed.contains(name) && name != TESTKIT)
        .map(|name| format!("{} uses {name}", package.name))
        .collect()
}

fn authority_out_of_place(package: &Package) -> Vec<String> {
    let asked = package.dependencies.iter().filter(|used| used.kind == DependencyKind::Normal);
    let features = asked.flat_map(|used| used.features.iter().map(|name| (used.name.as_str(), name)));
    features
        .filter(|(_, feature)| {
            let holders = AUTHORITY.iter().find(|(name, _)| name == feature);
            holders.is_some_and(|(_, holders)| !holders.contains(&package.name.as_str()))
        })
        .map(|(used, feature)| format!("{} asks {used} for {feature}", package.name))
        .collect()
}
