//! Are the effects in order, as far as the file tells?

use synapsor_protocol::decimal::Decimal;
use synapsor_protocol::name::CapabilityName;
use synapsor_protocol::{Identifier, Scalar};

use super::code::Code;
use super::config::{Assignment, EffectPlan, Expression, From, Placed, Requirement, Rows, Step, TableConfig, Test, Verb};
use super::finding::{At, Report};
use super::raw::{RawEffect, RawExpression, RawRange, RawRequirement, RawStep};
use super::slot::{Named, Slot};
use super::words::{FromText, RawRows, RawValue, Text, Whole};

/// The most values of one sum.
const MOST_OPERANDS: usize = 16;

pub(super) fn effects(slot: &Slot<Named<RawEffect>>, tables: &[TableConfig], at: &At, report: &mut Report) -> Option<Vec<EffectPlan>> {
    let Some(Named(effects)) = slot.given().filter(|effects| !effects.0.is_empty()) else {
        report.add(Code::EffectsRequired, at);
        return None;
    };
    let mut checked = Vec::new();
    for (name, slot) in effects {
        let at = at.field(name);
        if CapabilityName::new(name).is_none() {
            report.add(Code::InvalidCapabilityName, &at);
        }
        let raw = report.required(slot, Code::EffectNotObject, &at);
        checked.extend(raw.and_then(|raw| effect(name, raw, tables, &at, report)));
    }
    (checked.len() == effects.len()).then_some(checked)
}

fn effect(name: &str, raw: &RawEffect, tables: &[TableConfig], at: &At, report: &mut Report) -> Option<EffectPlan> {
    report.unknown(raw, at);
    let target = table(&raw.target, tables, &at.field("target"), report);
    if target.is_some_and(|target| target.key.is_none()) {
        report.add(Code::TargetKeyRequired, &at.field("target"));
    }
    let rehearsable = report.optional(&raw.rehearsable, Code::InvalidRehearsable, &at.field("rehearsable"));
    let requirements = requirements(&raw.require, &at.field("require"), report);
    let steps = steps(&raw.steps, tables, &at.field("steps"), report);
    Some(EffectPlan {
        action: name.to_owned(),
        rehearsable: rehearsable.copied().unwrap_or(false),
        target: target?.name.clone(),
        requirements: requirements?,
        steps: steps?,
    })
}

/// The declared table of this name. Where none is declared at all, that was told already.
fn table<'t>(slot: &Slot<Text>, tables: &'t [TableConfig], at: &At, report: &mut Report) -> Option<&'t TableConfig> {
    let name = slot.given().map_or("", |Text(name)| name);
    let found = tables.iter().find(|table| table.name == name);
    if found.is_none() && !tables.is_empty() {
        report.undeclared(at, name, tables.iter().map(|table| table.name.as_str()));
    }
    found
}

fn requirements(slot: &Slot<Vec<Slot<RawRequirement>>>, at: &At, report: &mut Report) -> Option<Vec<Requirement>> {
    if slot.is_absent() {
        return Some(Vec::new());
    }
    let slots = report.required(slot, Code::InvalidRequirement, at)?;
    let checked = slots.iter().enumerate().filter_map(|(index, slot)| {
        let at = at.index(index);
        let raw = report.required(slot, Code::InvalidRequirement, &at)?;
        requirement(raw, &at, report)
    });
    let checked: Vec<_> = checked.collect();
    (checked.len() == slots.len()).then_some(checked)
}

fn requirement(raw: &RawRequirement, at: &At, report: &mut Report) -> Option<Requirement> {
    report.unknown(raw, at);
    let message = report.required(&raw.message, Code::MessageRequired, &at.field("message"));
    let value = compared(&raw.value, &at.field("value"), report);
    let said = [&raw.equals, &raw.at_least, &raw.at_most].iter().filter(|slot| !slot.is_absent()).count();
    if said + [&raw.r#in, &raw.not_in].iter().filter(|slot| !slot.is_absent()).count() != 1 {
        report.add(Code::InvalidRequirement, at);
        return None;
    }
    let test = if !raw.equals.is_absent() {
        compared(&raw.equals, &at.field("equals"), report).map(Test::Equals)
    } else if !raw.at_least.is_absent() {
        bound(&raw.at_least, value.as_ref(), &at.field("at_least"), report).map(Test::AtLeast)
    } else if !raw.at_most.is_absent() {
        bound(&raw.at_most, value.as_ref(), &at.field("at_most"), report).map(Test::AtMost)
    } else if !raw.r#in.is_absent() {
        several(&raw.r#in, &at.field("in"), report).map(Test::In)
    } else {
        several(&raw.not_in, &at.field("not_in"), report).map(Test::NotIn)
    };
    Some(Requirement { value: value?, test: test?, message: message?.0.clone() })
}

/// A value that can be compared: not one that is made anew every time.
fn compared(slot: &Slot<RawValue>, at: &At, report: &mut Report) -> Option<Placed> {
    let checked = value(slot, at, report)?;
    if matches!(&checked, Expression::From { from, .. } if from.is_made()) {
        report.add(Code::NotComparable, at);
    }
    Some(Placed { value: checked, at: at.clone() })
}

/// Both sides of a bound are numbers.
fn bound(slot: &Slot<RawValue>, value: Option<&Placed>, at: &At, report: &mut Report) -> Option<Placed> {
    let bound = compared(slot, at, report)?;
    for side in [Some(&bound), value].into_iter().flatten().filter(|side| !may_be_number(&side.value)) {
        report.add(Code::NotANumber, &side.at);
    }
    Some(bound)
}

fn several(slot: &Slot<Vec<Slot<RawValue>>>, at: &At, report: &mut Report) -> Option<Vec<Placed>> {
    let Some(slots) = slot.given().filter(|slots| !slots.is_empty()) else {
        report.add(Code::InvalidRequirement, at);
        return None;
    };
    let checked: Vec<_> = slots.iter().enumerate().filter_map(|(index, slot)| compared(slot, &at.index(index), report)).collect();
    (checked.len() == slots.len()).then_some(checked)
}

fn steps(slot: &Slot<Vec<Slot<RawStep>>>, tables: &[TableConfig], at: &At, report: &mut Report) -> Option<Vec<Step>> {
    let Some(slots) = slot.given().filter(|slots| !slots.is_empty()) else {
        report.add(Code::StepsRequired, at);
        return None;
    };
    let checked = slots.iter().enumerate().filter_map(|(index, slot)| {
        let at = at.index(index);
        let raw = report.required(slot, Code::InvalidStep, &at)?;
        step(raw, tables, &at, report)
    });
    let checked: Vec<_> = checked.collect();
    (checked.len() == slots.len()).then_some(checked)
}

fn step(raw: &RawStep, tables: &[TableConfig], at: &At, report: &mut Report) -> Option<Step> {
    report.unknown(raw, at);
    let said = [!raw.insert.is_absent(), !raw.update.is_absent(), !raw.delete.is_absent()];
    if said.iter().filter(|said| **said).count() != 1 {
        report.add(Code::InvalidStep, at);
        return None;
    }
    if !raw.insert.is_absent() {
        let at = at.field("insert");
        let raw = report.required(&raw.insert, Code::InvalidStep, &at)?;
        report.unknown(raw, &at);
        let table = table(&raw.table, tables, &at.field("table"), report);
        let set = assignments(&raw.values, table, &at.field("values"), report);
        return Some(Step { verb: Verb::Insert, table: table?.name.clone(), set: set?, filter: Vec::new(), rows: Rows::ONE });
    }
    if !raw.update.is_absent() {
        let at = at.field("update");
        let raw = report.required(&raw.update, Code::InvalidStep, &at)?;
        report.unknown(raw, &at);
        let table = table(&raw.table, tables, &at.field("table"), report);
        let set = assignments(&raw.set, table, &at.field("set"), report);
        let filter = assignments(&raw.r#where, table, &at.field("where"), report);
        let rows = rows(&raw.rows, &at.field("rows"), report);
        return Some(Step { verb: Verb::Update, table: table?.name.clone(), set: set?, filter: filter?, rows });
    }
    let at = at.field("delete");
    let raw = report.required(&raw.delete, Code::InvalidStep, &at)?;
    report.unknown(raw, &at);
    let table = table(&raw.table, tables, &at.field("table"), report);
    let filter = assignments(&raw.r#where, table, &at.field("where"), report);
    let rows = rows(&raw.rows, &at.field("rows"), report);
    Some(Step { verb: Verb::Delete, table: table?.name.clone(), set: Vec::new(), filter: filter?, rows })
}

fn assignments(slot: &Slot<Named<RawValue>>, table: Option<&TableConfig>, at: &At, report: &mut Report) -> Option<Vec<Assignment>> {
    let Some(Named(members)) = slot.given().filter(|members| !members.0.is_empty()) else {
        report.add(Code::ColumnsRequired, at);
        return None;
    };
    let mut checked = Vec::new();
    for (name, slot) in members {
        let at = at.field(name);
        let column = Identifier::new(name);
        if column.is_none() {
            report.add(Code::InvalidColumn, &at);
        }
        if column.is_some() && table.is_some_and(|table| table.tenant == column) {
            report.add(Code::TenantIsSet, &at);
        }
        let value = value(slot, &at, report);
        checked.extend(column.zip(value).map(|(column, value)| Assignment { column, value, at }));
    }
    (checked.len() == members.len()).then_some(checked)
}

fn rows(slot: &Slot<RawRows>, at: &At, report: &mut Report) -> Rows {
    match report.optional(slot, Code::InvalidRows, at) {
        None => Rows::ONE,
        Some(RawRows::Exactly(rows)) => Rows { min: *rows, max: Some(*rows) },
        Some(RawRows::Between(range)) => between(range, at, report),
    }
}

fn between(raw: &RawRange, at: &At, report: &mut Report) -> Rows {
    report.unknown(raw, at);
    let min = report.optional(&raw.min, Code::InvalidRows, &at.field("min")).map_or(0, |Whole(min)| *min);
    let max = report.optional(&raw.max, Code::InvalidRows, &at.field("max")).map(|Whole(max)| *max);
    if max.is_some_and(|max| max < min) {
        report.add(Code::InvalidRows, at).message("`max` is less than `min`");
    }
    Rows { min, max }
}

/// A value anywhere.
fn value(slot: &Slot<RawValue>, at: &At, report: &mut Report) -> Option<Expression> {
    match report.required(slot, Code::InvalidValue, at)? {
        RawValue::Constant(constant) => Some(Expression::Constant(constant.clone())),
        RawValue::Expression(raw) => expression(raw, at, report),
    }
}

fn expression(raw: &RawExpression, at: &At, report: &mut Report) -> Option<Expression> {
    report.unknown(raw, at);
    let said = [!raw.from.is_absent(), !raw.add.is_absent(), !raw.sub.is_absent()];
    if said.iter().filter(|said| **said).count() != 1 {
        report.add(Code::InvalidValue, at);
        return None;
    }
    if raw.from.is_absent() && !raw.default.is_absent() {
        report.add(Code::InvalidDefault, &at.field("default"));
    }
    if !raw.from.is_absent() {
        return from(raw, at, report);
    }
    if !raw.add.is_absent() {
        return operands(&raw.add, MOST_OPERANDS, &at.field("add"), report).map(Expression::Add);
    }
    let mut operands = operands(&raw.sub, 2, &at.field("sub"), report)?.into_iter();
    Some(Expression::Sub(Box::new((operands.next()?, operands.next()?))))
}

fn from(raw: &RawExpression, at: &At, report: &mut Report) -> Option<Expression> {
    let from = match raw.from.given() {
        Some(FromText(from)) => Some(from.clone()),
        None => {
            let words: Vec<String> = FromText::PLAIN.iter().map(|(word, _)| format!("`{word}`")).collect();
            let hint = format!("there are {}, `patch.x`, `before.x`, `row.x` and `generated_id.x`", words.join(", "));
            report.add(Code::UnknownValue, &at.field("from")).hint(hint);
            None
        }
    };
    let default = report.optional(&raw.default, Code::InvalidDefault, &at.field("default"));
    if default.is_some() && from.as_ref().is_some_and(|from| !from.may_be_missing()) {
        report.add(Code::InvalidDefault, &at.field("default"));
    }
    Some(Expression::From { from: from?, default: default.cloned() })
}

fn operands(slot: &Slot<Vec<Slot<RawValue>>>, most: usize, at: &At, report: &mut Report) -> Option<Vec<Expression>> {
    let Some(slots) = slot.given().filter(|slots| (2..=most).contains(&slots.len())) else {
        report.add(Code::InvalidOperands, at);
        return None;
    };
    let mut checked = Vec::new();
    for (index, slot) in slots.iter().enumerate() {
        let at = at.index(index);
        let Some(operand) = value(slot, &at, report) else { continue };
        if !may_be_number(&operand) {
            report.add(Code::NotANumber, &at);
        }
        checked.push(operand);
    }
    (checked.len() == slots.len()).then_some(checked)
}

/// Whether the value can be an integer or an exact decimal.
fn may_be_number(value: &Expression) -> bool {
    match value {
        Expression::Constant(constant) => is_number(constant),
        Expression::Add(_) | Expression::Sub(_) => true,
        Expression::From { from, default } => {
            let from_may = match from {
                From::Attempt | From::Patch(_) | From::Before(_) | From::Row(_) => true,
                // Whoever counts them knows what they are: ids may be numbers.
                From::TenantId | From::ObjectId => true,
                From::Principal | From::Approver | From::OperationId | From::ProposalId | From::Action => false,
                From::Now | From::GeneratedId(_) => false,
            };
            from_may && default.as_ref().is_none_or(is_number)
        }
    }
}

fn is_number(scalar: &Scalar) -> bool {
    match scalar {
        Scalar::Number(_) => true,
        Scalar::String(text) => Decimal::parse(text).is_some(),
        Scalar::Null | Scalar::Bool(_) => false,
    }
}
