//! How does `handler conformance` put rows back and count effects?
//!
//! By programs, or by the SQL of a fixture in the application's own database. That SQL is the tester's, as is the database: nothing
//! here is within reach of an agent or of a reviewed capability.
//!
//! Every connection is encrypted and verified unless the database is on this machine.

mod mysql;
mod postgres;
mod sqlite;

use serde_json::{Map, Value};
use synapsor_config::Environment;
use synapsor_handler::conformance::{Acting, Commands, Fixture, Observation, Observe, Reset, Select, Stage, StageError};
use synapsor_protocol::{Scalar, Secret};
use url::Url;

use crate::failure::{Answer, Failure};

/// A part of a URL that is shorter is looked for in no answer.
const LEAST_HIDDEN: usize = 6;

/// The application's data, as the fixture says.
pub(crate) struct FixtureStage<'a> {
    fixture: &'a Fixture,
    database: Option<Database>,
}

enum Database {
    Sqlite(sqlite::File),
    Postgres(Box<postgres::Server>),
    Mysql(mysql::Server),
}

impl<'a> FixtureStage<'a> {
    /// The stage, and what of its address may stand in no answer. Nothing is connected yet.
    pub(crate) fn of(fixture: &'a Fixture) -> Answer<(Self, Vec<Secret>)> {
        let Some(variable) = fixture.database.as_ref().map(|database| &database.url_env) else {
            return Ok((Self { fixture, database: None }, Vec::new()));
        };
        let url = Environment::process().secret(variable)?;
        let database =
            Database::of(&url).map_err(|reason| Failure::new(format_args!("the value of `{variable}` cannot be used: {reason}")))?;
        Ok((Self { fixture, database: Some(database) }, hidden(&url)))
    }

    fn database(&self) -> Result<&Database, StageError> {
        self.database.as_ref().ok_or_else(|| StageError::Other("the fixture names no database".to_owned()))
    }

    async fn observed(&self, queries: &Select) -> Result<Observation, StageError> {
        let database = self.database()?;
        let one = async |query: &str| -> Result<Value, StageError> {
            let row = database.row(query).await.map_err(|cause| failed(query, &cause))?;
            row.into_iter().next().map(|(_, value)| value).ok_or_else(|| failed(query, "there is no such row"))
        };
        let version = Scalar::from_json(&one(&queries.version).await?).filter(|version| !version.is_null());
        let version = version.ok_or_else(|| failed(&queries.version, "the version is null, or not one value"))?;
        let effects = one(&queries.effects).await?.as_u64().ok_or_else(|| failed(&queries.effects, "that is no count"))?;
        let row = match &queries.row {
            Some(query) => Value::Object(database.row(query).await.map_err(|cause| failed(query, &cause))?),
            None => Value::Null,
        };
        Ok(Observation { version, effects, row })
    }
}

impl Stage for FixtureStage<'_> {
    fn reset(&self) -> Acting<'_, ()> {
        Box::pin(async {
            match &self.fixture.reset {
                Reset::Command(words) => Commands { reset: words.clone(), observe: Vec::new() }.reset().await,
                Reset::Sql(statements) => {
                    let database = self.database()?;
                    for statement in statements {
                        database.execute(statement).await.map_err(|cause| failed(statement, &cause))?;
                    }
                    Ok(())
                }
            }
        })
    }

    fn observe(&self) -> Acting<'_, Observation> {
        Box::pin(async {
            match &self.fixture.observe {
                Observe::Command(words) => Commands { reset: Vec::new(), observe: words.clone() }.observe().await,
                Observe::Sql(queries) => self.observed(queries).await,
            }
        })
    }
}

impl Database {
    fn of(url: &Secret) -> Result<Self, &'static str> {
        let text = url.expose();
        match text.split_once("://").map(|(scheme, _)| scheme) {
            Some("postgres" | "postgresql") => postgres::Server::of(text).map(|server| Self::Postgres(Box::new(server))),
            Some("mysql" | "mariadb") => mysql::Server::of(text).map(Self::Mysql),
            Some("sqlite") | None => Ok(Self::Sqlite(sqlite::File::of(text))),
            Some(_) => Err("it is neither of PostgreSQL nor of MySQL, nor the path of a SQLite file"),
        }
    }

    async fn execute(&self, statement: &str) -> Result<(), String> {
        match self {
            Self::Sqlite(file) => file.execute(statement),
            Self::Postgres(server) => server.execute(statement).await,
            Self::Mysql(server) => server.execute(statement).await,
        }
    }

    /// The first row of a query, column by column.
    async fn row(&self, query: &str) -> Result<Map<String, Value>, String> {
        match self {
            Self::Sqlite(file) => file.row(query),
            Self::Postgres(server) => server.row(query).await,
            Self::Mysql(server) => server.row(query).await,
        }
    }
}

fn failed(statement: &str, cause: &str) -> StageError {
    StageError::Other(format!("`{statement}` failed: {cause}"))
}

/// The address, its password and its host, unless the host is this machine.
fn hidden(url: &Secret) -> Vec<Secret> {
    let Ok(parsed) = Url::parse(url.expose()) else { return Vec::new() };
    let host = parsed.host_str().filter(|host| !is_here(host));
    let parts = [Some(url.expose()), parsed.password(), host].into_iter().flatten();
    parts.filter(|part| part.len() >= LEAST_HIDDEN).map(|part| Secret::new(part.to_owned())).collect()
}

fn is_here(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

/// A number that every reader holds exactly stays one; another one is text, as everywhere.
fn integer(value: i64) -> Value {
    Scalar::from(value).into()
}

#[cfg(test)]
mod tests;
