//! Does every statement of a list seek along its index, in the order of the list?

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::{Drawer, EVIDENCE, PROPOSALS, READS, RECEIPTS, Way, along, diagnosed, lane};
use crate::layout::build;

const YES_NO: [bool; 2] = [false, true];

/// Every statement that a combination of filters can lead to.
fn statements() -> BTreeSet<String> {
    let mut all: BTreeSet<String> = YES_NO.iter().flat_map(|tenant| YES_NO.map(|capability| diagnosed(*tenant, capability))).collect();
    let drawers: [&Drawer; 4] = [&PROPOSALS, &RECEIPTS, &EVIDENCE, &READS];
    for drawer in drawers {
        all.insert(lane(drawer));
        let by_time = drawer.by_time.then_some(Way::Time);
        for way in by_time.into_iter().chain([Way::Object("INV-1")]) {
            for by_shape in YES_NO {
                let statuses = if drawer.statuses.is_empty() { &YES_NO[..1] } else { &YES_NO };
                all.extend(statuses.iter().map(|by_status| along(drawer, way, by_shape, *by_status)));
            }
        }
    }
    all
}

fn plan(connection: &Connection, statement: &str) -> Vec<String> {
    let mut explain = connection.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
    explain.raw_query().mapped(|row| row.get("detail")).collect::<rusqlite::Result<_>>().unwrap()
}

#[test]
fn no_combination_of_filters_scans_a_table_or_sorts() {
    let connection = Connection::open_in_memory().unwrap();
    // As every connection of the ledger is: one plan for all values.
    connection.set_db_config(rusqlite::config::DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).unwrap();
    build(&connection, "memory".as_ref(), |_| Ok(())).unwrap();
    let mut plans = BTreeSet::new();
    for statement in statements() {
        let lines = plan(&connection, &statement);
        let looks_up_shapes =
            |line: &str| ["LIST SUBQUERY", "SCAN json_each", "CREATE BLOOM FILTER"].iter().any(|head| line.starts_with(head));
        assert!(lines.iter().all(|line| line.starts_with("SEARCH") || looks_up_shapes(line)), "{statement}\n{lines:?}");
        plans.extend(lines.into_iter().filter(|line| line.starts_with("SEARCH")));
    }
    insta::assert_snapshot!(plans.into_iter().collect::<Vec<_>>().join("\n"), @r"
    SEARCH diagnostics USING COVERING INDEX diagnostics_by_capability (capability=? AND at_micros>? AND at_micros<?)
    SEARCH diagnostics USING COVERING INDEX diagnostics_by_tenant (tenant_id=? AND at_micros>? AND at_micros<?)
    SEARCH diagnostics USING COVERING INDEX diagnostics_by_time (at_micros>? AND at_micros<?)
    SEARCH proposals USING COVERING INDEX proposals_by_object (object_id=? AND at_micros>? AND at_micros<?)
    SEARCH proposals USING COVERING INDEX proposals_by_shape (shape=? AND status=? AND at_micros>? AND at_micros<?)
    SEARCH proposals USING COVERING INDEX proposals_by_time (at_micros>? AND at_micros<?)
    SEARCH proposals USING INDEX proposals_by_object (object_id=? AND at_micros>? AND at_micros<?)
    SEARCH proposals USING INDEX proposals_by_time (at_micros>? AND at_micros<?)
    SEARCH query_audit USING COVERING INDEX query_audit_by_object (object_id=? AND at_micros>? AND at_micros<?)
    SEARCH query_audit USING COVERING INDEX query_audit_by_shape (shape=? AND at_micros>? AND at_micros<?)
    SEARCH writeback_receipts USING COVERING INDEX writeback_receipts_by_object (object_id=? AND at_micros>? AND at_micros<?)
    SEARCH writeback_receipts USING COVERING INDEX writeback_receipts_by_shape (shape=? AND status=? AND at_micros>? AND at_micros<?)
    SEARCH writeback_receipts USING COVERING INDEX writeback_receipts_by_time (at_micros>? AND at_micros<?)
    SEARCH writeback_receipts USING INDEX writeback_receipts_by_object (object_id=? AND at_micros>? AND at_micros<?)
    SEARCH writeback_receipts USING INDEX writeback_receipts_by_time (at_micros>? AND at_micros<?)
    ");
}
