//! Are the bounds and transitions of a proposal in order, and can anything satisfy them?

use std::collections::BTreeMap;

use synapsor_protocol::{Identifier, Number, Scalar};

use super::args::{Args, range};
use super::proposal::Around;
use super::report::{At, Report};
use crate::argument::{Arg, ArgKind};
use crate::code::Code;
use crate::proposal_rules::{Binding, Guard, NumericBound, TransitionGuard};
use crate::raw::proposal::{RawBound, RawTransition};
use crate::raw::{Named, Slot, Text};

type KnownPatch = [(Identifier, Option<Binding>)];

pub(crate) fn numeric_bounds(
    slot: &Slot<Named<RawBound>>,
    patch: &KnownPatch,
    args: &Args,
    at: &At,
    report: &mut Report,
) -> Option<BTreeMap<Identifier, NumericBound>> {
    if slot.is_absent() {
        return Some(BTreeMap::new());
    }
    let Named(bounds) = report.required(slot, Code::NumericBoundsNotObject, at)?;
    let mut checked = BTreeMap::new();
    for (name, slot) in bounds {
        let at = at.field(name);
        let codes = (Code::InvalidNumericBoundColumn, Code::NumericBoundPatchColumnRequired);
        let column = patch_column(name, patch, codes, &at, report);
        let bound = report.required(slot, Code::NumericBoundNotObject, &at).and_then(|raw| bound(raw, &at, report));
        let (Some(column), Some(bound)) = (column, bound) else { continue };
        if !binding(patch, &column).is_none_or(|binding| bound_can_hold(bound, &column, binding, args)) {
            report.add(Code::PatchValueNeverAllowed, &at);
        }
        checked.insert(column, bound);
    }
    (checked.len() == bounds.len()).then_some(checked)
}

fn bound(raw: &RawBound, at: &At, report: &mut Report) -> Option<NumericBound> {
    report.unknown(raw, at);
    if raw.minimum.is_absent() && raw.maximum.is_absent() {
        report.add(Code::NumericBoundEmpty, at);
        return None;
    }
    let (minimum, maximum) = range(&raw.minimum, &raw.maximum, at, report);
    (minimum.is_some() || maximum.is_some()).then_some(NumericBound { minimum, maximum })
}

pub(crate) fn transition_guards(
    slot: &Slot<Named<RawTransition>>,
    patch: &KnownPatch,
    around: &Around<'_>,
    guard: Option<&Guard>,
    at: &At,
    report: &mut Report,
) -> Option<BTreeMap<Identifier, TransitionGuard>> {
    if slot.is_absent() {
        return Some(BTreeMap::new());
    }
    let Named(guards) = report.required(slot, Code::TransitionGuardsNotObject, at)?;
    let mut checked = BTreeMap::new();
    for (name, slot) in guards {
        let at = at.field(name);
        let codes = (Code::InvalidTransitionGuardColumn, Code::TransitionPatchColumnRequired);
        let column = patch_column(name, patch, codes, &at, report);
        let raw = report.required(slot, Code::TransitionGuardNotObject, &at);
        let transition = raw.and_then(|raw| transition(raw, column.as_ref(), around, guard, &at, report));
        let (Some(column), Some(transition)) = (column, transition) else { continue };
        if !binding(patch, &column).is_none_or(|binding| transition_can_happen(&transition, binding, around.args)) {
            report.add(Code::PatchValueNeverAllowed, &at);
        }
        checked.insert(column, transition);
    }
    (checked.len() == guards.len()).then_some(checked)
}

fn transition(
    raw: &RawTransition,
    column: Option<&Identifier>,
    around: &Around<'_>,
    guard: Option<&Guard>,
    at: &At,
    report: &mut Report,
) -> Option<TransitionGuard> {
    report.unknown(raw, at);
    let from_at = at.field("from_column");
    let named = report.optional(&raw.from_column, Code::InvalidTransitionFromColumn, &from_at);
    let from_column = if raw.from_column.is_absent() { column } else { named };
    if from_column.is_some_and(|from| !around.is_read(from, guard)) {
        report.add(Code::TransitionFromColumnNotVisible, &from_at);
    }
    let allowed = states(raw, &at.field("allowed"), report);
    Some(TransitionGuard { from_column: from_column?.clone(), allowed: allowed? })
}

fn states(raw: &RawTransition, at: &At, report: &mut Report) -> Option<BTreeMap<String, Vec<String>>> {
    let Some(Named(transitions)) = raw.allowed.given().filter(|transitions| !transitions.0.is_empty()) else {
        report.add(Code::TransitionAllowedRequired, at);
        return None;
    };
    let mut allowed = BTreeMap::new();
    for (from, slot) in transitions {
        let at = at.field(from);
        let slots = slot.given().map(Vec::as_slice).unwrap_or_default();
        let states: Option<Vec<String>> = slots.iter().map(|slot| slot.given().map(|Text(state)| state.clone())).collect();
        if from.trim().is_empty() {
            report.add(Code::TransitionFromRequired, &at);
        }
        match states.filter(|states| !states.is_empty()) {
            Some(states) => drop(allowed.insert(from.clone(), states)),
            None => drop(report.add(Code::TransitionToValuesRequired, &at)),
        }
    }
    (allowed.len() == transitions.len()).then_some(allowed)
}

/// The column that a rule is about. It must be one of the patch, if there is a patch to look in.
fn patch_column(name: &str, patch: &KnownPatch, codes: (Code, Code), at: &At, report: &mut Report) -> Option<Identifier> {
    let (invalid, required) = codes;
    let column = Identifier::new(name);
    match &column {
        None => drop(report.add(invalid, at)),
        Some(column) if !patch.is_empty() && !patch.iter().any(|(set, _)| set == column) => {
            report.undeclared(required, at, name, patch.iter().map(|(set, _)| set.as_str()));
        }
        Some(_) => {}
    }
    column
}

fn binding<'p>(patch: &'p KnownPatch, column: &Identifier) -> Option<&'p Binding> {
    patch.iter().find(|(set, _)| set == column)?.1.as_ref()
}

/// Whether at least one value of the binding is within the bound. An unknown argument is reported elsewhere.
fn bound_can_hold(bound: NumericBound, column: &Identifier, binding: &Binding, args: &Args) -> bool {
    let holds = |value: &Scalar| bound.check(column, value).is_ok();
    match binding {
        Binding::Fixed(value) => holds(value),
        Binding::FromArg(name) => args.sound(name).is_none_or(|arg| match (&arg.allowed, &arg.kind) {
            (Some(allowed), _) => allowed.iter().any(holds),
            (None, ArgKind::Number { minimum, maximum }) => overlap(&bound, *minimum, *maximum),
            // A decimal travels as text.
            (None, ArgKind::String { .. }) => true,
            (None, ArgKind::Boolean) => false,
        }),
    }
}

fn overlap(bound: &NumericBound, minimum: Option<Number>, maximum: Option<Number>) -> bool {
    let below = |low: Option<Number>, high: Option<Number>| low.zip(high).is_none_or(|(low, high)| low.as_f64() <= high.as_f64());
    below(bound.minimum, maximum) && below(minimum, bound.maximum)
}

/// Whether at least one value of the binding may follow some state.
fn transition_can_happen(guard: &TransitionGuard, binding: &Binding, args: &Args) -> bool {
    let may_follow = |value: &Scalar| value.as_str().is_some_and(|next| guard.allowed.values().flatten().any(|state| state == next));
    match binding {
        Binding::Fixed(value) => may_follow(value),
        Binding::FromArg(name) => args.sound(name).is_none_or(|arg| can_be_text(arg, may_follow)),
    }
}

fn can_be_text(arg: &Arg, accepted: impl Fn(&Scalar) -> bool) -> bool {
    match &arg.allowed {
        Some(allowed) => allowed.iter().any(accepted),
        None => matches!(arg.kind, ArgKind::String { .. }),
    }
}
