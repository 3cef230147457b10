//! Does the environment have what the file names, and what handler comes of both?
//!
//! The variables are read by the caller; here is only said which are missing or unusable, by their names.

use std::time::Duration;

use synapsor_protocol::Secret;
use synapsor_protocol::handler::SigningSecret;
use synapsor_protocol::name::EnvName;

use super::config::{DatabasePlace, HandlerConfig};
use super::effect::DeclaredEffect;
use super::finding::{At, Finding, Report, Severity};
use crate::builder::{Builder, LEAST_TOKEN_BYTES};
use crate::database::Table;
use crate::error::HandlerError;
use crate::service::Handler;

impl HandlerConfig {
    /// The handler of this file. `variable` gives the value of an environment variable, without line breaks at its end. Nothing is
    /// connected yet.
    ///
    /// | code | when |
    /// |---|---|
    /// | `VARIABLE_MISSING` | an environment variable that the file names is not set |
    /// | `WEAK_TOKEN` | a bearer token could be guessed |
    /// | `UNUSABLE_SECRET` | a signing secret is none |
    /// | `DATABASE_UNUSABLE` | a URL that is none, or an engine that this build does not have |
    /// | `TABLE_TWICE` | two names of one table |
    /// | `TABLE_OF_RECEIPTS` | the table of the receipts among those of the effects |
    pub fn handler(&self, variable: impl Fn(&EnvName) -> Option<String>) -> Result<Handler, Vec<Finding>> {
        let mut report = Report::default();
        let at = At::root();
        let mut builder = self.plan();
        for token in self.secrets(&self.bearer_token_envs, &at.field("bearer_token_env"), &variable, &mut report) {
            if token.value.len() < LEAST_TOKEN_BYTES {
                let message = format!("the token in `{}` has fewer than {LEAST_TOKEN_BYTES} bytes", token.name);
                report.tell(Severity::Error, "WEAK_TOKEN", &token.at, message);
            }
            builder = builder.bearer_token(token.value);
        }
        for secret in self.secrets(&self.signing_secret_envs, &at.field("signing_secret_envs"), &variable, &mut report) {
            if let Err(error) = SigningSecret::new(&Secret::new(secret.value.clone())) {
                let message = format!("the secret in `{}` cannot be used: {error}", secret.name);
                report.tell(Severity::Error, "UNUSABLE_SECRET", &secret.at, message);
            }
            builder = builder.signing_secret(secret.value);
        }
        let builder = self.with_database(builder, &variable, &mut report);
        match builder.filter(|_| !report.refused).map(Builder::build) {
            Some(Ok(handler)) => return Ok(handler),
            Some(Err(error)) => unbuilt(&error, &mut report),
            None => {}
        }
        Err(report.findings(&self.text))
    }

    /// What whoever serves the handler found wrong with a member of the file, placed in the text as the other findings are.
    pub fn refused(&self, code: &'static str, member: &str, message: String, hint: Option<&str>) -> Vec<Finding> {
        let mut report = Report::default();
        let found = report.tell(Severity::Error, code, &At::root().field(member), message);
        hint.map(|hint| found.hint(hint));
        report.findings(&self.text)
    }

    /// Everything that needs no variable.
    fn plan(&self) -> Builder {
        let builder = Builder::new().tolerance(self.tolerance).body_limit(self.body_limit);
        let builder = builder.connections(self.database.connections).statement_timeout(self.database.statement_timeout);
        let builder = builder.effect_time(self.limits.effect_time).receipt_table(&self.database.receipts);
        let builder = self.tables.iter().fold(builder, |builder, declared| {
            let (schema, name) = declared.schema_and_table();
            let table = declared.tenant.as_ref().map_or_else(|| Table::shared(name), |tenant| Table::new(name, tenant.as_str()));
            let table = schema.map_or(table.clone(), |schema| table.schema(schema));
            builder.table(declared.key.as_ref().map_or(table.clone(), |key| table.key(key.as_str())))
        });
        self.effects.iter().fold(builder, |builder, plan| {
            let (action, effect) = (plan.action.clone(), DeclaredEffect::new(plan.clone()));
            if plan.rehearsable { builder.rehearsable_effect(action, effect) } else { builder.effect(action, effect) }
        })
    }

    fn with_database(&self, builder: Builder, variable: &dyn Fn(&EnvName) -> Option<String>, report: &mut Report) -> Option<Builder> {
        let at = At::root().field("database");
        match &self.database.place {
            #[cfg(feature = "sqlite")]
            DatabasePlace::Sqlite(path) => Some(builder.sqlite(path)),
            #[cfg(feature = "postgres")]
            DatabasePlace::Postgres(name) => read(name, &at.field("url_env"), variable, report).map(|url| builder.postgres(url)),
            #[cfg(feature = "mysql")]
            DatabasePlace::Mysql(name) => read(name, &at.field("url_env"), variable, report).map(|url| builder.mysql(url)),
            #[cfg(not(all(feature = "mysql", feature = "postgres", feature = "sqlite")))]
            _ => {
                let message = "this build does not have the engine".to_owned();
                report.tell(Severity::Error, "DATABASE_UNUSABLE", &at.field("engine"), message);
                None
            }
        }
    }

    /// The values of these variables that are set; the others are told.
    fn secrets(&self, names: &[EnvName], at: &At, variable: &dyn Fn(&EnvName) -> Option<String>, report: &mut Report) -> Vec<Held> {
        let places = names.iter().enumerate().map(|(index, name)| (name, if names.len() > 1 { at.index(index) } else { at.clone() }));
        let held = places.filter_map(|(name, at)| read(name, &at, variable, report).map(|value| Held { name: name.clone(), at, value }));
        held.collect()
    }

    /// How long a handler needs at most to finish what it has begun.
    pub fn longest_work(&self) -> Duration {
        self.limits.effect_time + self.database.statement_timeout
    }
}

/// A variable's value.
struct Held {
    name: EnvName,
    at: At,
    value: String,
}

fn read(name: &EnvName, at: &At, variable: &dyn Fn(&EnvName) -> Option<String>, report: &mut Report) -> Option<String> {
    let value = variable(name).filter(|value| !value.is_empty());
    if value.is_none() {
        let message = format!("the environment variable `{name}` is not set");
        report.tell(Severity::Error, "VARIABLE_MISSING", at, message).hint(format!("set it for this process: `export {name}=...`"));
    }
    value
}

fn unbuilt(error: &HandlerError, report: &mut Report) {
    let at = At::root();
    let (code, at) = match error {
        HandlerError::TableTwice { .. } => ("TABLE_TWICE", at.field("tables")),
        HandlerError::TableOfReceipts { .. } => ("TABLE_OF_RECEIPTS", at.field("tables")),
        _ => ("DATABASE_UNUSABLE", at.field("database")),
    };
    report.tell(Severity::Error, code, &at, error.to_string());
}
