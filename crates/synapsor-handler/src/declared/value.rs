//! What is a declared value, once there is a request?
//!
//! # Invariants
//! - Sums and differences are exact; a result that a column does not hold is refused where it is bound.
//! - `now` is one moment throughout an effect, and equal names of generated ids are one id.
//! - No fault repeats a value.

use std::cmp::Ordering;

use synapsor_protocol::decimal::Decimal;
use synapsor_protocol::{Identifier, Scalar, Timestamp};

use super::config::{Expression, From};
use crate::fields::{FieldError, Fields};
use crate::job::Job;

/// Why there is no value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ValueFault {
    /// The request, or the row, does not have it.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// Something else was to be added, subtracted or compared.
    #[error("{0} is no integer and no exact decimal")]
    NotANumber(String),
    /// The sum spans too many digits.
    #[error("a sum has more digits than any column")]
    Overflow,
}

/// Where the values of one run of an effect come from.
pub(crate) struct Given<'a> {
    job: &'a Job,
    now: Timestamp,
    generated: Vec<(Option<Identifier>, String)>,
}

impl<'a> Given<'a> {
    pub(crate) fn new(job: &'a Job, now: Timestamp) -> Self {
        Self { job, now, generated: Vec::new() }
    }

    /// The one moment of this run.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    pub(crate) fn value(&mut self, expression: &Expression) -> Result<Scalar, ValueFault> {
        match expression {
            Expression::Constant(constant) => Ok(constant.clone()),
            Expression::From { from, default } => self.taken(from, default.as_ref()),
            Expression::Add(operands) => {
                let mut sum = Decimal::ZERO;
                for operand in operands {
                    sum = sum.plus(&self.number(operand)?).ok_or(ValueFault::Overflow)?;
                }
                written(&sum)
            }
            Expression::Sub(operands) => {
                let (whole, part) = (self.number(&operands.0)?, self.number(&operands.1)?);
                written(&whole.minus(&part).ok_or(ValueFault::Overflow)?)
            }
        }
    }

    fn number(&mut self, expression: &Expression) -> Result<Decimal, ValueFault> {
        number(&self.value(expression)?).ok_or_else(|| ValueFault::NotANumber(named(expression)))
    }

    fn taken(&mut self, from: &From, default: Option<&Scalar>) -> Result<Scalar, ValueFault> {
        let job = self.job;
        Ok(match from {
            From::TenantId => job.tenant_id().into(),
            From::ObjectId => job.object_id().into(),
            From::Principal => job.principal().into(),
            From::OperationId => job.operation_id().into(),
            From::ProposalId => job.proposal_id().into(),
            From::Action => job.action().into(),
            From::Attempt => Scalar::from(i64::from(job.attempt())),
            From::Now => self.now.to_string().into(),
            From::GeneratedId(name) => self.generated(name.as_ref()).into(),
            From::Approver => job.approver().map_or_else(|| default.cloned().unwrap_or(Scalar::Null), Scalar::from),
            From::Patch(name) => field(job.patch(), name, default)?,
            From::Before(name) => field(job.before(), name, default)?,
            From::Row(name) => field(job.row(), name, default)?,
        })
    }

    fn generated(&mut self, name: Option<&Identifier>) -> String {
        if let Some((_, id)) = self.generated.iter().find(|(known, _)| known.as_ref() == name) {
            return id.clone();
        }
        let id = uuid::Uuid::now_v7().to_string();
        self.generated.push((name.cloned(), id.clone()));
        id
    }
}

fn field(fields: Fields<'_>, name: &Identifier, default: Option<&Scalar>) -> Result<Scalar, ValueFault> {
    match (fields.scalar(name.as_str()), default) {
        (Ok(Scalar::Null) | Err(_), Some(default)) => Ok(default.clone()),
        (Ok(value), _) => Ok(value.clone()),
        (Err(error), None) => Err(error.into()),
    }
}

/// Whether both are the same: texts letter by letter, a number and a text by their decimal values.
pub(crate) fn same(one: &Scalar, other: &Scalar) -> bool {
    match (one, other) {
        (Scalar::Number(_), Scalar::String(_)) | (Scalar::String(_), Scalar::Number(_)) => {
            number(one).is_some_and(|one| number(other) == Some(one))
        }
        _ => one == other,
    }
}

/// Which number is larger; `None` if one is none.
pub(crate) fn compare(one: &Scalar, other: &Scalar) -> Option<Ordering> {
    Some(number(one)?.cmp(&number(other)?))
}

/// The forms in which columns hold a moment, the finest first.
pub(crate) fn forms(now: Timestamp) -> impl Iterator<Item = Scalar> {
    let full = now.to_string();
    let seconds = full.split('.').next().unwrap_or_default().to_owned();
    let fraction = full.split('.').nth(1).unwrap_or_default().trim_end_matches('Z').to_owned();
    let millis = fraction.chars().take(3).collect::<String>();
    let points = [format!("{seconds}.{fraction}"), format!("{seconds}.{millis}"), seconds.clone()];
    let date = seconds.split('T').next().unwrap_or_default().to_owned();
    let zoned: Vec<String> = points.iter().map(|point| format!("{point}Z")).collect();
    zoned.into_iter().chain(points).chain([date]).map(Scalar::from)
}

fn number(scalar: &Scalar) -> Option<Decimal> {
    match scalar {
        Scalar::Number(number) => Decimal::parse(&number.to_string()),
        Scalar::String(text) => Decimal::parse(text),
        Scalar::Null | Scalar::Bool(_) => None,
    }
}

/// As values travel: an integer that every reader holds as a number, all others as their digits.
fn written(number: &Decimal) -> Result<Scalar, ValueFault> {
    let text = number.plain().ok_or(ValueFault::Overflow)?;
    Ok(text.parse::<i64>().map_or_else(|_| Scalar::String(text), Scalar::from))
}

/// How the value is said in the file.
fn named(expression: &Expression) -> String {
    let dotted = |of: &str, name: &Identifier| format!("`{of}.{name}`");
    match expression {
        Expression::From { from: From::Patch(name), .. } => dotted("patch", name),
        Expression::From { from: From::Before(name), .. } => dotted("before", name),
        Expression::From { from: From::Row(name), .. } => dotted("row", name),
        Expression::From { from: From::TenantId, .. } => "`tenant_id`".to_owned(),
        Expression::From { from: From::ObjectId, .. } => "`object_id`".to_owned(),
        _ => "a value of a sum".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use synapsor_protocol::handler::Order;
    use synapsor_protocol::{Scalar, Timestamp};

    use super::{Given, forms, same};
    use crate::declared::config::Expression;
    use crate::job::Job;

    /// The effect's one value, as the file says it.
    fn expression(value: &serde_json::Value) -> Expression {
        let file = json!({
            "version": 1, "bearer_token_env": "TOKEN", "database": {"engine": "sqlite", "path": "shop.db"},
            "tables": {"invoices": {"tenant": "tenant_id", "key": "id"}},
            "effects": {"a.b": {"target": "invoices", "steps": [{"insert": {"table": "invoices", "values": {"x": value}}}]}},
        });
        let checked = crate::declared::check(file.to_string().as_bytes(), "/".as_ref());
        let config = checked.config.unwrap_or_else(|| panic!("{:?}", checked.findings));
        config.effects[0].steps[0].set[0].value.clone()
    }

    fn job() -> Job {
        let order = json!({
            "protocol_version": "1.0", "proposal_id": "wrp_1", "proposal_hash": "sha256:0101", "action": "a.b", "attempt": 2,
            "idempotency_key": "wrp_1:INV-1", "target": {"table": "invoices", "primary_key": {"column": "id", "value": "INV-1"}},
            "tenant_guard": {"column": "tenant_id", "value": "acme"}, "allowed_columns": ["cents", "price", "note", "fee"],
            "patch": {"cents": 250, "price": "0.10", "note": null, "fee": 0.2},
            "before": {"cents": 1}, "principal": {"id": "agent-7"},
            "guards": {"tenant": {"column": "tenant_id", "value": "acme"}, "allowed_columns": ["cents", "price", "note", "fee"],
                "expected_version": {"column": "version", "value": 3}},
        });
        let row = [("balance", Scalar::from(i64::MAX)), ("total", "12.50".into()), ("open", true.into())];
        let row = row.map(|(name, value)| (name.parse().unwrap(), value)).into();
        Job::new(Order::from_value(&order).unwrap()).with_row(row)
    }

    fn check(value: &serde_json::Value) -> String {
        let job = job();
        let mut given = Given::new(&job, Timestamp::parse("2026-03-02T08:00:00.123456Z").unwrap());
        given.value(&expression(value)).map_or_else(|fault| format!("none: {fault}"), |value| value.to_string())
    }

    #[test]
    fn a_value_is_what_the_request_and_the_row_say() {
        for (value, expected) in [
            (json!("tenant_id"), r#""tenant_id""#),
            (json!(null), "null"),
            (json!({"from": "tenant_id"}), r#""acme""#),
            (json!({"from": "object_id"}), r#""INV-1""#),
            (json!({"from": "principal"}), r#""agent-7""#),
            (json!({"from": "approver"}), "null"),
            (json!({"from": "approver", "default": "nobody"}), r#""nobody""#),
            (json!({"from": "operation_id"}), r#""wrp_1:INV-1""#),
            (json!({"from": "proposal_id"}), r#""wrp_1""#),
            (json!({"from": "action"}), r#""a.b""#),
            (json!({"from": "attempt"}), "2"),
            (json!({"from": "now"}), r#""2026-03-02T08:00:00.123456Z""#),
            (json!({"from": "patch.cents"}), "250"),
            (json!({"from": "before.cents"}), "1"),
            (json!({"from": "row.total"}), r#""12.50""#),
            (json!({"from": "patch.note"}), "null"),
            (json!({"from": "patch.note", "default": "none"}), r#""none""#),
            (json!({"from": "patch.reason", "default": null}), "null"),
            (json!({"from": "patch.reason"}), "none: `reason` of the patch is not there"),
        ] {
            assert_eq!(check(&value), expected, "{value}");
        }
    }

    #[test]
    fn sums_are_exact_and_of_numbers_alone() {
        for (value, expected) in [
            (json!({"add": [{"from": "patch.cents"}, 1, -51]}), "200"),
            (json!({"add": [{"from": "patch.price"}, {"from": "patch.fee"}]}), r#""0.3""#),
            (json!({"sub": [{"from": "row.total"}, {"from": "patch.price"}]}), r#""12.4""#),
            (json!({"sub": [{"from": "row.total"}, {"add": [{"from": "row.total"}, "0.5"]}]}), r#""-0.5""#),
            (json!({"add": ["9007199254740991", 1]}), "9007199254740992"),
            (json!({"add": ["9007199254740992", 1]}), r#""9007199254740993""#),
            (json!({"add": [{"from": "row.balance"}, 1]}), r#""9223372036854775808""#),
            (json!({"add": [{"from": "row.open"}, 1]}), "none: `row.open` is no integer and no exact decimal"),
            (json!({"add": [{"from": "patch.note"}, 1]}), "none: `patch.note` is no integer and no exact decimal"),
            (json!({"add": [{"from": "patch.note", "default": 4}, 1]}), "5"),
            (json!({"sub": [{"from": "object_id"}, 1]}), "none: `object_id` is no integer and no exact decimal"),
            (json!({"add": ["1e5000", 1]}), "none: a sum has more digits than any column"),
        ] {
            assert_eq!(check(&value), expected, "{value}");
        }
    }

    #[test]
    fn equal_names_of_generated_ids_are_one_id() {
        let job = job();
        let mut given = Given::new(&job, Timestamp::now());
        let mut id = |name: &str| given.value(&expression(&json!({"from": name}))).unwrap().plain_text();
        assert_eq!(id("generated_id"), id("generated_id"));
        assert_eq!(id("generated_id.credit"), id("generated_id.credit"));
        assert_ne!(id("generated_id"), id("generated_id.credit"));
        assert!(id("generated_id").parse::<uuid::Uuid>().is_ok());
    }

    #[test]
    fn a_number_and_a_text_are_the_same_by_their_values_and_texts_by_their_letters() {
        let scalar = |text: &str| serde_json::from_str::<Scalar>(text).unwrap();
        for (one, other, expected) in [
            ("1", "\"1\"", true),
            ("12.5", "\"12.50\"", true),
            ("\"12.5\"", "\"12.50\"", false),
            ("\"007\"", "\"7\"", false),
            ("null", "null", true),
            ("null", "\"\"", false),
            ("true", "\"true\"", false),
            ("1", "true", false),
        ] {
            assert_eq!(same(&scalar(one), &scalar(other)), expected, "{one} {other}");
            assert_eq!(same(&scalar(other), &scalar(one)), expected, "{other} {one}");
        }
    }

    #[test]
    fn a_moment_has_a_form_for_each_kind_of_column() {
        let moment = Timestamp::parse("2026-03-02T08:00:00.123456Z").unwrap();
        let forms: Vec<String> = forms(moment).map(|form| form.plain_text()).collect();
        insta::assert_snapshot!(forms.join("\n"), @"
        2026-03-02T08:00:00.123456Z
        2026-03-02T08:00:00.123Z
        2026-03-02T08:00:00Z
        2026-03-02T08:00:00.123456
        2026-03-02T08:00:00.123
        2026-03-02T08:00:00
        2026-03-02
        ");
    }
}
