//! What we write validates against the published shapes, and a shape refuses what is not its record.

use serde_json::{Value, json};
use synapsor_protocol::schemas::schemas;

fn check(file: &str, record: &Value) -> String {
    let (_, schema) = schemas().into_iter().find(|(name, _)| *name == file).unwrap();
    let validator = jsonschema::validator_for(schema.as_value()).unwrap();
    let faults: Vec<_> = validator.iter_errors(record).map(|fault| format!("{} {fault}", fault.instance_path())).collect();
    if faults.is_empty() { "valid".into() } else { faults.join("\n") }
}

/// The example of the published documentation, as any writer may write it.
fn change_set() -> Value {
    serde_json::from_str(include_str!("../../../../fixtures/protocol/change-set.v1/valid/reference.json")).unwrap()
}

#[test]
fn the_records_that_we_write_are_valid() {
    let set: synapsor_protocol::ChangeSet = serde_json::from_value(change_set()).unwrap();
    assert_eq!(check("change-set.v1.schema.json", &serde_json::to_value(set.sealed().unwrap()).unwrap()), "valid");
    let job: Value = serde_json::from_str(include_str!("../../../../fixtures/protocol/writeback-job.v1/valid/reference.json")).unwrap();
    let job = synapsor_protocol::record::read::<synapsor_protocol::WritebackJob>(job.to_string().as_bytes()).unwrap();
    assert_eq!(check("writeback-job.v1.schema.json", &serde_json::to_value(job).unwrap()), "valid");
    let receipt: synapsor_protocol::ExecutionReceipt =
        serde_json::from_str(include_str!("../../../../fixtures/protocol/execution-receipt.v1/valid/applied.json")).unwrap();
    assert_eq!(receipt.hash().unwrap(), receipt.receipt_hash);
    assert_eq!(check("execution-receipt.v1.schema.json", &serde_json::to_value(receipt).unwrap()), "valid");
}

#[test]
fn a_written_record_is_closed() {
    let edited = |edit: fn(&mut Value)| {
        let mut record = change_set();
        edit(&mut record);
        check("change-set.v1.schema.json", &record)
    };
    assert_eq!(edited(|_| ()), "valid");
    assert_eq!(edited(|record| record["evidence"]["note"] = json!("the evidence is open")), "valid");
    for edit in [
        (|record| record["later"] = json!(1)) as fn(&mut Value),
        |record| record["scope"]["region"] = json!("eu"),
        |record| record["patch"]["status"] = json!(["not a scalar"]),
        |record| record["mode"] = json!("apply_now"),
        |record| record["proposal_version"] = json!(0),
        |record| record["integrity"]["proposal_hash"] = json!("md5:1"),
        |record| record["guards"]["allowed_columns"] = json!([]),
        |record| drop(record.as_object_mut().unwrap().remove("guards")),
    ] {
        assert_ne!(edited(edit), "valid");
    }
}
