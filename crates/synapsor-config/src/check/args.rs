//! Are the arguments in order?

use synapsor_protocol::{Number, Scalar};

use super::report::{At, Report};
use crate::argument::{Arg, ArgKind};
use crate::code::Code;
use crate::raw::capability::{ArgWord, RawArg};
use crate::raw::{Finite, Named, Slot, Text, Whole};
use crate::reserved;

/// The most characters of a name; model APIs take no longer ones.
const MAX_NAME: usize = 64;

/// The arguments of one capability in the order of the file, the broken ones by name only.
#[derive(Debug, Default)]
pub(crate) struct Args(Vec<(String, Option<Arg>)>);

impl Args {
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// Whether there is such an argument. If there is none at all, that was reported already.
    pub(crate) fn declares(&self, name: &str) -> bool {
        self.0.is_empty() || self.names().any(|declared| declared == name)
    }

    pub(crate) fn sound(&self, name: &str) -> Option<&Arg> {
        self.0.iter().find(|(declared, _)| declared == name)?.1.as_ref()
    }

    pub(crate) fn checked(self) -> Option<Vec<Arg>> {
        self.0.into_iter().map(|(_, arg)| arg).collect()
    }
}

pub(crate) fn args(slot: &Slot<Named<RawArg>>, at: &At, report: &mut Report) -> Args {
    let Some(Named(args)) = slot.given().filter(|args| !args.0.is_empty()) else {
        report.add(Code::ArgsRequired, at);
        return Args::default();
    };
    let checked = args.iter().map(|(name, slot)| {
        let at = at.field(name);
        check_name(name, &at, report);
        let raw = report.required(slot, Code::ArgNotObject, &at);
        (name.clone(), raw.and_then(|raw| arg(name, raw, &at, report)))
    });
    Args(checked.collect())
}

fn check_name(name: &str, at: &At, report: &mut Report) {
    if name.trim().is_empty() || name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
        report.add(Code::InvalidArgName, at);
    }
    if reserved::is_trust_field(name) {
        report.add(Code::ModelControlledReservedArg, at).hint("it comes from the trusted context or from the review");
    }
    if reserved::is_identifier_field(name) {
        report.add(Code::ModelControlledReservedArg, at).hint("tables and columns are fixed by `target`, `visible_columns` and `patch`");
    }
}

fn arg(name: &str, raw: &RawArg, at: &At, report: &mut Report) -> Option<Arg> {
    report.unknown(raw, at);
    let word = report.word(&raw.r#type, Code::InvalidArgType, &at.field("type"));
    let description = report.optional(&raw.description, Code::InvalidArgDescription, &at.field("description"));
    let required = report.optional(&raw.required, Code::InvalidArgRequired, &at.field("required"));
    let max_length = report.optional(&raw.max_length, Code::InvalidMaxLength, &at.field("max_length"));
    let (minimum, maximum) = range(&raw.minimum, &raw.maximum, at, report);
    let listed = report.optional(&raw.r#enum, Code::InvalidArgEnum, &at.field("enum"));
    let kind = match word? {
        ArgWord::String => ArgKind::String { max_length: max_length.map(|Whole(length)| *length) },
        ArgWord::Number => ArgKind::Number { minimum, maximum },
        ArgWord::Boolean => ArgKind::Boolean,
    };
    only_for_type(&kind, raw, at, report);
    let description = description.map(|Text(text)| text.clone());
    let mut arg = Arg { name: name.to_owned(), kind, description, required: required != Some(&false), allowed: None };
    if let Some(listed) = listed {
        arg.allowed = Some(allowed(&arg, listed, &at.field("enum"), report)?);
    }
    Some(arg)
}

fn only_for_type(kind: &ArgKind, raw: &RawArg, at: &At, report: &mut Report) {
    let bounded = !raw.minimum.is_absent() || !raw.maximum.is_absent();
    if bounded && !matches!(kind, ArgKind::Number { .. }) {
        report.add(Code::NumericBoundsRequireNumber, at);
    }
    if !raw.max_length.is_absent() && !matches!(kind, ArgKind::String { .. }) {
        report.add(Code::FieldHasNoEffect, &at.field("max_length")).hint("only strings have a length");
    }
}

/// The values of an `enum`: at least one, all different, each one that the argument accepts without the list.
fn allowed(arg: &Arg, listed: &[Slot<Scalar>], at: &At, report: &mut Report) -> Option<Vec<Scalar>> {
    if listed.is_empty() {
        report.add(Code::InvalidArgEnum, at);
        return None;
    }
    let mut allowed: Vec<Scalar> = Vec::new();
    for (index, slot) in listed.iter().enumerate() {
        let accepted = slot.given().and_then(|value| arg.check(&value.clone().into()).ok());
        match accepted.filter(|value| !allowed.contains(value)) {
            Some(value) => allowed.push(value),
            None => drop(report.add(Code::InvalidArgEnum, &at.index(index))),
        }
    }
    (allowed.len() == listed.len()).then_some(allowed)
}

/// A pair of bounds, of an argument or of a patch column.
pub(crate) fn range(minimum: &Slot<Finite>, maximum: &Slot<Finite>, at: &At, report: &mut Report) -> (Option<Number>, Option<Number>) {
    let minimum = report.optional(minimum, Code::InvalidMinimum, &at.field("minimum")).map(|Finite(number)| *number);
    let maximum = report.optional(maximum, Code::InvalidMaximum, &at.field("maximum")).map(|Finite(number)| *number);
    if let (Some(minimum), Some(maximum)) = (minimum, maximum)
        && minimum.as_f64() > maximum.as_f64()
    {
        report.add(Code::InvalidNumericRange, at);
    }
    (minimum, maximum)
}
