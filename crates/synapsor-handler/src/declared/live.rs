//! Does the database have what the file names, as it names it?
//!
//! Asked of the catalog, with the account of the handler; nothing is changed and no row is read. What a request brings cannot
//! be known here, but every name can, and every constant.

use std::collections::BTreeSet;

use synapsor_protocol::{Identifier, Scalar, Timestamp};
use synapsor_source::guarded::{ColumnFacts, OpenTable, TableRule, WriteSource};
use synapsor_source::{CatalogFinding, SourceError, TableUse, ValueError};

use super::config::{Assignment, EffectPlan, Expression, From, HandlerConfig, Placed, Requirement, Step, TableConfig, Test, Verb};
use super::finding::{At, Finding, Report, Severity, nearest};
use super::value::{forms, same};
use crate::service::Handler;

impl HandlerConfig {
    /// Holds the file against the database of its handler. Empty if everything is in order.
    ///
    /// Beside the codes of the catalog (`UNKNOWN_TABLE`, `NOT_A_TABLE`, `STORAGE_NOT_TRANSACTIONAL`, `UNSUPPORTED_KEY_TYPE`,
    /// `UNSAFE_KEY_COLLATION`, `KEY_NOT_UNIQUE`, `RECEIPT_TABLE_UNUSABLE`, `RECEIPT_TABLE_ABSENT`):
    ///
    /// | code | when |
    /// |---|---|
    /// | `DATABASE_UNAVAILABLE` | it cannot be reached now |
    /// | `DATABASE_REFUSED` | it does not take the account, or does not do what the URL demands; waiting does not help |
    /// | `DATABASE_BUSY` | it had no connection to spare, or was locked by others |
    /// | `UNKNOWN_COLUMN` | a table does not have a column |
    /// | `UNSUPPORTED_COLUMN_TYPE` | a column's type cannot be carried without loss |
    /// | `COLUMN_GENERATED` | the database computes a column that is to be set |
    /// | `PRIVILEGE_MISSING` | the account may not read or update a column |
    /// | `VALUE_DOES_NOT_FIT` | a column never holds this value |
    /// | `NOT_AN_EXACT_NUMBER` | a sum of, or for, a column that holds no integers or exact decimals |
    pub async fn inspect(&self, handler: &Handler) -> Vec<Finding> {
        let mut report = Report::default();
        if let Some(source) = handler.source()
            && let Err(error) = self.look(source, &mut report).await
        {
            let code = match &error {
                SourceError::PoolExhausted { .. } | SourceError::Busy { .. } => "DATABASE_BUSY",
                error if error.is_transient() => "DATABASE_UNAVAILABLE",
                _ => "DATABASE_REFUSED",
            };
            report.tell(Severity::Error, code, &At::root().field("database"), error.to_string());
        }
        report.findings(&self.text)
    }

    async fn look(&self, source: &WriteSource, report: &mut Report) -> Result<(), SourceError> {
        let mut opened = Vec::new();
        for table in &self.tables {
            opened.extend(open(source, table, report).await?.map(|open| (table, open)));
        }
        let targets: BTreeSet<&str> = self.effects.iter().map(|effect| effect.target.as_str()).collect();
        for (table, open) in opened.iter().filter(|(table, _)| targets.contains(table.name.as_str())) {
            target(source, table, open, report).await?;
        }
        if let Some(found) = source.check_receipts().await? {
            catalog(found, &At::root().field("database").field("receipts"), report);
        }
        for effect in &self.effects {
            Looking { effect, opened: &opened, report }.effect();
        }
        Ok(())
    }
}

async fn open(source: &WriteSource, table: &TableConfig, report: &mut Report) -> Result<Option<OpenTable>, SourceError> {
    let (schema, name) = table.schema_and_table();
    // What is no identifier was refused with the file.
    let Some(name) = Identifier::new(name) else { return Ok(None) };
    let rule = TableRule { schema: schema.and_then(Identifier::new), table: name, tenant: table.tenant.clone() };
    let opening = source.open_table(&rule).await?;
    for found in opening.findings {
        let at = if found.column.is_some() { table.at.field("tenant") } else { table.at.clone() };
        catalog(found, &at, report);
    }
    Ok(opening.table)
}

/// A table that requests have their rows in: its key must name one row.
async fn target(source: &WriteSource, table: &TableConfig, open: &OpenTable, report: &mut Report) -> Result<(), SourceError> {
    let Some(key) = &table.key else { return Ok(()) };
    let usage = TableUse {
        schema: open.schema().clone(),
        table: open.table().clone(),
        primary_key: key.clone(),
        tenant_key: table.tenant.clone(),
        columns: Vec::new(),
        patch: Vec::new(),
        version: None,
        writes: true,
    };
    for found in source.check(&usage).await?.findings {
        let at = if found.column.as_ref() == Some(key) { table.at.field("key") } else { table.at.clone() };
        catalog(found, &at, report);
    }
    Ok(())
}

fn catalog(found: CatalogFinding, at: &At, report: &mut Report) {
    let severity = match found.severity {
        synapsor_source::Severity::Error => Severity::Error,
        synapsor_source::Severity::Warning => Severity::Warning,
        synapsor_source::Severity::Notice => Severity::Notice,
    };
    report.tell(severity, found.code, at, found.message);
}

/// One effect, the tables that are there, and what was found.
struct Looking<'a> {
    effect: &'a EffectPlan,
    opened: &'a [(&'a TableConfig, OpenTable)],
    report: &'a mut Report,
}

impl<'a> Looking<'a> {
    fn effect(mut self) {
        let effect = self.effect;
        for requirement in &effect.requirements {
            self.requirement(requirement);
        }
        for step in &effect.steps {
            self.step(step);
        }
    }

    fn open(&self, name: &str) -> Option<&'a OpenTable> {
        self.opened.iter().find(|(table, _)| table.name == name).map(|(_, open)| open)
    }

    fn requirement(&mut self, requirement: &Requirement) {
        let bounds = matches!(requirement.test, Test::AtLeast(_) | Test::AtMost(_));
        for placed in std::iter::once(&requirement.value).chain(requirement.test.values()) {
            self.rows(&placed.value, &placed.at, bounds);
        }
        let target = self.open(&self.effect.target);
        if let (Expression::From { from: From::Row(column), .. }, Some(target)) = (&requirement.value.value, target)
            && target.facts(column).is_some_and(|facts| facts.carried)
            && !bounds
        {
            for placed in requirement.test.values() {
                self.comparable(target, column, placed);
            }
        }
    }

    /// A constant that a column never holds makes a requirement that is never, or always, met.
    fn comparable(&mut self, target: &OpenTable, column: &Identifier, Placed { value, at }: &Placed) {
        let Expression::Constant(constant) = value else { return };
        match target.check(column, constant) {
            Err(error) => self.unfit(target, column, &error.to_string(), at),
            Ok(canonical) if !same(&canonical, constant) => {
                let message =
                    format!("column `{column}` of `{}` holds this value in another form, so the two never are the same", target.table());
                self.report
                    .tell(Severity::Error, "VALUE_DOES_NOT_FIT", at, message)
                    .hint("say a number as a number, and all others as a row shows them");
            }
            Ok(_) => {}
        }
    }

    fn step(&mut self, step: &Step) {
        let Some(table) = self.open(&step.table) else { return };
        for assignment in &step.set {
            let Some(facts) = self.column(table, assignment) else { continue };
            let place = format!("column `{}` of `{}`", assignment.column, step.table);
            if facts.generated {
                self.tell("COLUMN_GENERATED", &assignment.at, format!("the database computes {place}"));
            } else if step.verb == Verb::Update && !facts.updatable {
                self.tell("PRIVILEGE_MISSING", &assignment.at, format!("the account may not update {place}"));
            }
            self.value(table, assignment, &facts);
        }
        for assignment in &step.filter {
            let Some(facts) = self.column(table, assignment) else { continue };
            if !facts.readable {
                let message = format!("the account may not read column `{}` of `{}`", assignment.column, step.table);
                self.tell("PRIVILEGE_MISSING", &assignment.at, message);
            }
            self.value(table, assignment, &facts);
        }
    }

    /// The column, if it is there and of a type that we carry.
    fn column(&mut self, table: &OpenTable, assignment: &Assignment) -> Option<ColumnFacts> {
        self.rows(&assignment.value, &assignment.at, false);
        self.facts(table, &assignment.column, &assignment.at)
    }

    fn facts(&mut self, table: &OpenTable, column: &Identifier, at: &At) -> Option<ColumnFacts> {
        let Some(facts) = table.facts(column) else {
            let message = format!("table `{}` has no column `{column}`", table.table());
            let found = self.report.tell(Severity::Error, "UNKNOWN_COLUMN", at, message);
            if let Some(near) = nearest(column.as_str(), table.columns().map(Identifier::as_str)) {
                found.hint(format!("did you mean `{near}`?"));
            }
            return None;
        };
        if !facts.carried {
            let message = format!("column `{column}` of `{}` has the type {}, which is not supported", table.table(), facts.type_name);
            self.tell("UNSUPPORTED_COLUMN_TYPE", at, message);
        }
        Some(facts).filter(|facts| facts.carried)
    }

    /// The columns of the request's row that a value is taken from; `exact` if they are compared as numbers.
    fn rows(&mut self, value: &Expression, at: &At, exact: bool) {
        match value {
            Expression::From { from: From::Row(column), .. } => {
                let Some(target) = self.open(&self.effect.target) else { return };
                let Some(facts) = self.facts(target, column, at) else { return };
                if exact && !facts.exact_number {
                    self.inexact(target, column, &facts, at);
                }
                if !facts.readable {
                    let message = format!("the account may not read column `{column}` of `{}`", target.table());
                    self.tell("PRIVILEGE_MISSING", at, message);
                }
            }
            Expression::Add(operands) => {
                operands.iter().enumerate().for_each(|(index, operand)| self.rows(operand, &at.field("add").index(index), true));
            }
            Expression::Sub(operands) => {
                self.rows(&operands.0, &at.field("sub").index(0), true);
                self.rows(&operands.1, &at.field("sub").index(1), true);
            }
            Expression::Constant(_) | Expression::From { .. } => {}
        }
    }

    /// Whether the column can hold the value, as far as anybody knows it yet.
    fn value(&mut self, table: &OpenTable, Assignment { column, value, at }: &Assignment, facts: &ColumnFacts) {
        match value {
            Expression::Constant(constant) => self.fits(table, column, constant, at),
            Expression::Add(_) | Expression::Sub(_) if !facts.exact_number => self.inexact(table, column, facts, at),
            Expression::Add(_) | Expression::Sub(_) => {}
            Expression::From { from, default } => {
                if let Some(default) = default {
                    self.fits(table, column, default, &at.field("default"));
                }
                self.made(table, column, from, at);
            }
        }
    }

    fn made(&mut self, table: &OpenTable, column: &Identifier, from: &From, at: &At) {
        // Of what every request has in the same form, one stands for all.
        const MOMENT: i64 = 1_772_438_400_123_456;
        let sample: Scalar = match from {
            From::Action => self.effect.action.as_str().into(),
            From::Attempt => Scalar::from(1),
            From::GeneratedId(_) => "01961f2e-0000-7000-8000-000000000000".into(),
            From::OperationId => "wrp_1:1".into(),
            From::ProposalId => "wrp_1".into(),
            From::Now => {
                let moment = Timestamp::from_micros(MOMENT);
                if !moment.into_iter().flat_map(forms).any(|form| table.check(column, &form).is_ok()) {
                    self.unfit(table, column, "it holds no moment", at);
                }
                return;
            }
            From::TenantId | From::ObjectId | From::Principal | From::Approver | From::Patch(_) | From::Before(_) | From::Row(_) => return,
        };
        self.fits(table, column, &sample, at);
    }

    fn fits(&mut self, table: &OpenTable, column: &Identifier, value: &Scalar, at: &At) {
        if let Err(error) = table.check(column, value) {
            let why = if error == ValueError::Null { "it is never null".to_owned() } else { error.to_string() };
            self.unfit(table, column, &why, at);
        }
    }

    fn unfit(&mut self, table: &OpenTable, column: &Identifier, why: &str, at: &At) {
        let type_name = table.facts(column).map(|facts| facts.type_name).unwrap_or_default();
        let message = format!("column `{column}` of `{}`, of type {type_name}, never holds this value: {why}", table.table());
        self.tell("VALUE_DOES_NOT_FIT", at, message);
    }

    fn inexact(&mut self, table: &OpenTable, column: &Identifier, facts: &ColumnFacts, at: &At) {
        let message = format!(
            "column `{column}` of `{}` has the type {}; only integers and exact decimals are added or compared",
            table.table(),
            facts.type_name
        );
        self.tell("NOT_AN_EXACT_NUMBER", at, message);
    }

    fn tell(&mut self, code: &'static str, at: &At, message: String) {
        self.report.tell(Severity::Error, code, at, message);
    }
}
