//! Which columns of a capability say that they hold a secret, and did somebody look at them?

use synapsor_protocol::Identifier;

use super::capability::columns;
use super::report::{At, Report};
use crate::code::Code;
use crate::raw::capability::RawCapability;
use crate::secret_name::is_secret_name;

/// Looks at what a model may see, what a proposal may set, and what the ledger keeps of each row besides: key, tenant and version.
pub(crate) fn columns_named_for_secrets(raw: &RawCapability, at: &At, report: &mut Report) {
    let ack_at = at.field("secret_columns_ack");
    let acknowledged = acknowledged(raw, &ack_at, report);
    let mut used: Vec<&Identifier> = Vec::new();
    for (column, at) in named(raw, at) {
        if !is_secret_name(column.as_str()) {
            continue;
        }
        match acknowledged.contains(column) {
            true if used.contains(&column) => {}
            true => drop(report.add(Code::SecretColumnAcknowledged, &at)),
            false => {
                report.add(Code::SecretColumn, &at).hint(format!(
                    "leave the column out, or list it in `secret_columns_ack` if a person has made sure that `{column}` holds none"
                ));
            }
        }
        used.push(column);
    }
    for (index, column) in acknowledged.iter().enumerate().filter(|(_, column)| !used.contains(column)) {
        report.add(Code::FieldHasNoEffect, &ack_at.index(index)).hint(format!("`{column}` needs no acknowledgement here"));
    }
}

fn acknowledged(raw: &RawCapability, at: &At, report: &mut Report) -> Vec<Identifier> {
    if raw.secret_columns_ack.is_absent() {
        return Vec::new();
    }
    let codes = (Code::InvalidSecretColumnsAck, Code::InvalidSecretColumnsAck);
    columns(&raw.secret_columns_ack, codes, at, report).unwrap_or_default()
}

/// The columns that are shown, set or kept, each with its places in the file.
fn named<'r>(raw: &'r RawCapability, at: &At) -> Vec<(&'r Identifier, At)> {
    let mut named: Vec<(&Identifier, At)> = Vec::new();
    for (slots, field) in [(&raw.visible_columns, "visible_columns"), (&raw.allowed_columns, "allowed_columns")] {
        let at = at.field(field);
        let sound = slots.given().into_iter().flatten().enumerate();
        named.extend(sound.filter_map(|(index, slot)| slot.given().map(|column| (column, at.index(index)))));
    }
    named.extend(kept(raw, at));
    named
}

/// The columns whose values stand in every record of a row.
fn kept<'r>(raw: &'r RawCapability, at: &At) -> impl Iterator<Item = (&'r Identifier, At)> {
    let (target, guard) = (at.field("target"), at.field("conflict_guard"));
    let of_target =
        raw.target.given().map(|raw| [(&raw.primary_key, target.field("primary_key")), (&raw.tenant_key, target.field("tenant_key"))]);
    let of_guard = raw.conflict_guard.given().map(|raw| (&raw.column, guard.field("column")));
    let slots = of_target.into_iter().flatten().chain(of_guard);
    slots.filter_map(|(slot, at)| slot.given().map(|column| (column, at)))
}
