//! How does one UPDATE carry out the approved patch, and did it do that and nothing else to the row's identity?

use synapsor_protocol::{ErrorCode, Scalar, Timestamp};

use super::change::Advance;
use super::session::{Assignments, Effect, Row, Session, Verified, value};
use super::target::{Target, Version};
use super::transaction::Stop;
use crate::catalog::Column;
use crate::value::{CheckedValue, ValueKind, later_text};

/// The effect of the runner itself: one UPDATE with the reviewed patch and the next version.
#[derive(Debug)]
pub(super) struct Direct;

impl Effect for Direct {
    async fn run<S: Session>(&self, session: &mut S, target: &Target<'_>, before: &Row) -> Result<(), Stop> {
        let assignments = assignments(target, before)?;
        match session.update(target, &assignments).await? {
            1 => Ok(()),
            0 => Err(Stop::failed(ErrorCode::EFFECT_DIFFERS_FROM_APPROVAL, "the update matched no row")),
            rows => Err(Stop::failed(ErrorCode::MULTI_ROW_WRITE_BLOCKED, format_args!("the update matched {rows} rows"))),
        }
    }

    fn verify(&self, target: &Target<'_>, before: &Row, after: &[Row]) -> Result<Verified, Stop> {
        let [after] = after else {
            return Err(Stop::failed(ErrorCode::EFFECT_DIFFERS_FROM_APPROVAL, "key or tenant of the row changed"));
        };
        if !target.owns(after) {
            return Err(Stop::failed(ErrorCode::EFFECT_DIFFERS_FROM_APPROVAL, "key or tenant of the row changed"));
        }
        for (name, approved) in &target.change.patch {
            if value(after, name) != Some(approved.scalar()) {
                let why = format_args!("column `{name}` does not hold the approved value").to_string();
                return Err(Stop::failed(ErrorCode::EFFECT_DIFFERS_FROM_APPROVAL, why));
            }
        }
        let (previous_version, new_version) = match &target.version {
            Some(version) => moved(version, after)?,
            None => (None, None),
        };
        let also_changed = also_changed(target, before, after);
        Ok(Verified { rows_affected: 1, previous_version, new_version, also_changed, ..Verified::default() })
    }
}

fn assignments<'a>(target: &Target<'a>, before: &Row) -> Result<Assignments<'a>, Stop> {
    let patched = target.change.patch.iter().filter_map(|(name, value)| Some((target.table.named(name)?, value.clone())));
    let mut assignments = Assignments { values: patched.collect(), clock: None };
    match &target.version {
        Some(version) if version.advance == Advance::Auto && !version.column.generated => {
            match next(version.column, value(before, &version.column.name))? {
                Next::Value(value) => assignments.values.push((version.column, value)),
                Next::Clock => assignments.clock = Some(version.column),
            }
        }
        _ => {}
    }
    Ok(assignments)
}

/// The next version, and nothing else.
pub(super) fn advance<'a>(column: &'a Column, old: Option<&Scalar>) -> Result<Assignments<'a>, Stop> {
    Ok(match next(column, old)? {
        Next::Value(value) => Assignments { values: vec![(column, value)], clock: None },
        Next::Clock => Assignments { values: Vec::new(), clock: Some(column) },
    })
}

/// The next version.
enum Next {
    Value(CheckedValue),
    /// Of a real timestamp only the server knows it.
    Clock,
}

fn next(column: &Column, old: Option<&Scalar>) -> Result<Next, Stop> {
    let unknown = || Stop::failed(ErrorCode::VERSION_NOT_ADVANCED, format!("what follows the version in `{}` is not known", column.name));
    let (kind, old) = column.kind.as_ref().zip(old).ok_or_else(unknown)?;
    let following = match (kind, old) {
        (ValueKind::Timestamp { .. }, _) => return Ok(Next::Clock),
        (ValueKind::Uuid | ValueKind::UuidText, _) => Some(Scalar::from(uuid::Uuid::new_v4().to_string())),
        (ValueKind::Integer { .. }, old) => old.plain_text().parse::<i128>().ok().map(|old| Scalar::from((old + 1).to_string())),
        (ValueKind::MomentText { date_only: false }, Scalar::String(old)) => later_text(old, Timestamp::now()).map(Scalar::from),
        // A time kept as a number of seconds or milliseconds.
        (ValueKind::MomentText { date_only: false }, Scalar::Number(old)) => {
            let following = old.as_i64().and_then(|old| old.checked_add(1)).map(Scalar::from).ok_or_else(unknown)?;
            return Ok(Next::Value(CheckedValue { column: column.name.clone(), kind: kind.clone(), scalar: following }));
        }
        _ => None,
    };
    let checked = following.and_then(|following| column.check(&following).ok());
    checked.map(Next::Value).ok_or_else(unknown)
}

/// The version before and after, if it is another one.
pub(super) fn moved(version: &Version<'_>, after: &Row) -> Result<(Option<Scalar>, Option<Scalar>), Stop> {
    let name = &version.column.name;
    match value(after, name) {
        Some(new) if !new.is_null() && *new != version.expected => Ok((Some(version.expected.clone()), Some(new.clone()))),
        _ => Err(Stop::failed(ErrorCode::VERSION_NOT_ADVANCED, format!("the version in `{name}` did not move"))),
    }
}

fn also_changed(target: &Target<'_>, before: &Row, after: &Row) -> Vec<synapsor_protocol::Identifier> {
    let patched = |column| target.change.patch.iter().any(|(name, _)| name == column);
    let changed = before.iter().zip(after).filter(|(old, new)| old.fingerprint != new.fingerprint);
    changed.map(|(old, _)| &old.column).filter(|column| !patched(*column)).cloned().collect()
}
