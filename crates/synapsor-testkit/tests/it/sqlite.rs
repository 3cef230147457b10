//! The sample business in a file.

use insta::assert_snapshot;
use synapsor_testkit::{Folder, sqlite};

#[test]
fn the_sample_business_has_tenants_that_a_lax_comparison_confuses() {
    let folder = Folder::new();
    let path = sqlite::support_desk(&folder);
    let sql = "select tenant_id || '.', id, late_fee_cents, waiver_reason from invoices order by 1, 2";
    assert_snapshot!(sqlite::table(&path, sql), @r"
    ACME. | INV-1 | 1 | NULL
    acme . | INV-1 | 2 | NULL
    acme. | INV-1 | 1500 | NULL
    acme. | INV-2 | 0 | NULL
    globex. | INV-1 | 2500 | NULL
    ");
}
