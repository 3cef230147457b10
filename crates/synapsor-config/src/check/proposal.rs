//! Are the rules of a proposal in order?

use std::time::Duration;

use synapsor_protocol::Identifier;

use super::args::Args;
use super::capability::columns;
use super::report::{At, Report};
use super::rules::{numeric_bounds, transition_guards};
use crate::capability::{CapabilityKind, Target};
use crate::code::Code;
use crate::executor::Retry;
use crate::proposal_rules::{Advance, ApprovalRule, Binding, ExecutorRef, Guard, ProposalRules};
use crate::raw::capability::RawCapability;
use crate::raw::proposal::{RawApproval, RawBinding, RawGuard};
use crate::raw::{Named, Slot, Text, Whole};

/// What else the capability says.
pub(crate) struct Around<'a> {
    pub(crate) executor: Option<ExecutorRef>,
    pub(crate) retry: Retry,
    pub(crate) target: Option<&'a Target>,
    pub(crate) args: &'a Args,
    pub(crate) visible_columns: Option<&'a [Identifier]>,
}

impl Around<'_> {
    /// Whether the column is the primary key or the tenant column.
    fn is_key(&self, column: &Identifier) -> bool {
        self.target.is_some_and(|target| target.primary_key == *column || target.tenant.column() == Some(column))
    }

    /// Whether a call reads the column anyway.
    pub(crate) fn is_read(&self, column: &Identifier, guard: Option<&Guard>) -> bool {
        let visible = self.visible_columns.is_none_or(|visible| visible.contains(column));
        visible || self.is_key(column) || guard.and_then(Guard::column) == Some(column)
    }
}

/// The patch as it stands in the file, the broken bindings by column only.
pub(crate) type Patch = Vec<(Identifier, Option<Binding>)>;

pub(crate) fn rules(raw: &RawCapability, around: &Around<'_>, at: &At, report: &mut Report) -> Option<ProposalRules> {
    let patch = patch(&raw.patch, around.args, &at.field("patch"), report);
    let known = patch.as_deref().unwrap_or_default();
    let numeric_bounds = numeric_bounds(&raw.numeric_bounds, known, around.args, &at.field("numeric_bounds"), report);
    let guard = guard(&raw.conflict_guard, around, &at.field("conflict_guard"), report);
    let transitions_at = at.field("transition_guards");
    let transition_guards = transition_guards(&raw.transition_guards, known, around, guard.as_ref(), &transitions_at, report);
    let allowed_columns = allowed_columns(raw, around, &at.field("allowed_columns"), report);
    patch_columns(known, allowed_columns.as_deref(), guard.as_ref(), &at.field("patch"), report);
    let approval = approval(&raw.approval, &at.field("approval"), report);
    let patch: Option<Vec<_>> = patch?.into_iter().map(|(column, binding)| Some((column, binding?))).collect();
    Some(ProposalRules {
        executor: around.executor.clone()?,
        retry: around.retry,
        patch: patch?,
        allowed_columns: allowed_columns?,
        numeric_bounds: numeric_bounds?,
        transition_guards: transition_guards?,
        guard: guard?,
        approval,
    })
}

/// What a read capability has no use for. It is checked all the same: nothing in the file is wrong unnoticed.
pub(crate) fn needless(raw: &RawCapability, around: &Around<'_>, at: &At, report: &mut Report) -> CapabilityKind {
    let mut present = |absent: bool, name: &str| {
        if !absent {
            report.add(Code::FieldHasNoEffect, &at.field(name)).hint("only a proposal has it");
        }
        !absent
    };
    let has_patch = present(raw.patch.is_absent(), "patch");
    let has_allowed = present(raw.allowed_columns.is_absent(), "allowed_columns");
    let has_guard = present(raw.conflict_guard.is_absent(), "conflict_guard");
    present(raw.numeric_bounds.is_absent(), "numeric_bounds");
    present(raw.transition_guards.is_absent(), "transition_guards");
    present(raw.approval.is_absent(), "approval");
    let patch = if has_patch { patch(&raw.patch, around.args, &at.field("patch"), report) } else { None };
    let known = patch.as_deref().unwrap_or_default();
    numeric_bounds(&raw.numeric_bounds, known, around.args, &at.field("numeric_bounds"), report);
    let guard = if has_guard { guard(&raw.conflict_guard, around, &at.field("conflict_guard"), report) } else { None };
    transition_guards(&raw.transition_guards, known, around, guard.as_ref(), &at.field("transition_guards"), report);
    if has_allowed {
        allowed_columns(raw, around, &at.field("allowed_columns"), report);
    }
    approval(&raw.approval, &at.field("approval"), report);
    CapabilityKind::Read
}

fn patch(slot: &Slot<Named<RawBinding>>, args: &Args, at: &At, report: &mut Report) -> Option<Patch> {
    let Some(Named(bindings)) = slot.given().filter(|bindings| !bindings.0.is_empty()) else {
        report.add(Code::PatchRequired, at);
        return None;
    };
    let mut patch = Vec::new();
    for (name, slot) in bindings {
        let at = at.field(name);
        let column = Identifier::new(name);
        if column.is_none() {
            report.add(Code::InvalidPatchColumn, &at);
        }
        let raw = report.required(slot, Code::PatchBindingNotObject, &at);
        let binding = raw.and_then(|raw| binding(raw, args, &at, report));
        patch.extend(column.map(|column| (column, binding)));
    }
    Some(patch)
}

fn binding(raw: &RawBinding, args: &Args, at: &At, report: &mut Report) -> Option<Binding> {
    report.unknown(raw, at);
    if raw.fixed.is_absent() == raw.from_arg.is_absent() {
        report.add(Code::InvalidPatchBinding, at);
        return None;
    }
    if let Some(value) = report.optional(&raw.fixed, Code::InvalidPatchBinding, &at.field("fixed")) {
        return Some(Binding::Fixed(value.clone()));
    }
    let at = at.field("from_arg");
    let Text(name) = report.optional(&raw.from_arg, Code::InvalidPatchArg, &at)?;
    if !args.declares(name) {
        report.undeclared(Code::UnknownPatchArg, &at, name, args.names());
    }
    if args.sound(name).is_some_and(|arg| !arg.required) {
        report.add(Code::OptionalPatchArg, &at).hint("a call that would leave every column as it is gets refused");
    }
    Some(Binding::FromArg(name.clone()))
}

fn allowed_columns(raw: &RawCapability, around: &Around<'_>, at: &At, report: &mut Report) -> Option<Vec<Identifier>> {
    let codes = (Code::AllowedColumnsRequired, Code::InvalidAllowedColumn);
    let allowed = columns(&raw.allowed_columns, codes, at, report);
    let slots = raw.allowed_columns.given().map(Vec::as_slice).unwrap_or_default();
    for (index, column) in slots.iter().enumerate() {
        if column.given().is_some_and(|column| around.is_key(column)) {
            report.add(Code::KeyColumnInAllowedColumns, &at.index(index));
        }
    }
    allowed
}

fn patch_columns(
    patch: &[(Identifier, Option<Binding>)],
    allowed: Option<&[Identifier]>,
    guard: Option<&Guard>,
    at: &At,
    report: &mut Report,
) {
    for (column, _) in patch {
        let at = at.field(column.as_str());
        if allowed.is_some_and(|allowed| !allowed.contains(column)) {
            report.add(Code::PatchColumnNotAllowed, &at);
        }
        if guard.and_then(Guard::column) == Some(column) {
            report.add(Code::GuardColumnInPatch, &at).hint("the runner moves the version column itself, or the database does: `advance`");
        }
    }
}

fn guard(slot: &Slot<RawGuard>, around: &Around<'_>, at: &At, report: &mut Report) -> Option<Guard> {
    let raw = report.required(slot, Code::ConflictGuardRequired, at)?;
    report.unknown(raw, at);
    let ack_at = at.field("weak_guard_ack");
    let weak = report.optional(&raw.weak_guard_ack, Code::InvalidWeakGuardAck, &ack_at) == Some(&true);
    let advance_at = at.field("advance");
    let column_at = at.field("column");
    if raw.column.is_absent() && weak {
        report.unused(&raw.advance, Code::InvalidGuardAdvance, &advance_at);
        report.add(Code::WeakConflictGuard, &ack_at).hint("add a version column to the table and name it in `column`");
        return Some(Guard::WeakRowHash);
    }
    let advance = report.optional_word(&raw.advance, Code::InvalidGuardAdvance, &advance_at).unwrap_or(Advance::Auto);
    if raw.column.is_absent() && matches!(raw.weak_guard_ack, Slot::Wrong(_)) {
        return None;
    }
    let column = report.required(&raw.column, Code::ConflictGuardColumnRequired, &column_at)?.clone();
    if around.is_key(&column) {
        report.add(Code::GuardColumnIsKey, &column_at);
    }
    if weak {
        report.add(Code::FieldHasNoEffect, &ack_at).hint("the version column guards the row");
    }
    Some(Guard::Column { column, advance })
}

fn approval(slot: &Slot<RawApproval>, at: &At, report: &mut Report) -> ApprovalRule {
    let default = ApprovalRule { required_role: None, expires_after: ApprovalRule::DEFAULT_EXPIRY };
    let Some(raw) = report.optional(slot, Code::ApprovalNotObject, at) else { return default };
    report.unknown(raw, at);
    report.optional_word(&raw.mode, Code::InvalidApproval, &at.field("mode"));
    let role = report.optional(&raw.required_role, Code::InvalidApproval, &at.field("required_role"));
    let expiry_at = at.field("expires_after_seconds");
    let expiry = report.optional(&raw.expires_after_seconds, Code::InvalidApproval, &expiry_at);
    ApprovalRule {
        required_role: role.map(|Text(role)| role.clone()),
        expires_after: expiry.map_or(default.expires_after, |Whole(seconds)| Duration::from_secs(*seconds)),
    }
}
