//! The application's MySQL or MariaDB database.

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder, Row, SslOpts};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use url::Url;

use super::is_here;

pub(super) struct Server {
    options: Opts,
    /// One connection for all scenarios.
    connection: Mutex<Option<Conn>>,
}

impl Server {
    pub(super) fn of(url: &str) -> Result<Self, &'static str> {
        let mut url = Url::parse(url).map_err(|_| "it is no URL")?;
        let here = url.host_str().is_none_or(is_here);
        url.set_query(None);
        let options = Opts::from_url(url.as_str()).map_err(|_| "a part of it cannot be read")?;
        let encrypted = (!here).then(SslOpts::default);
        let options = OptsBuilder::from_opts(options).ssl_opts(encrypted).prefer_socket(false);
        let pinned = "set autocommit = 1, time_zone = '+00:00', completion_type = 'NO_CHAIN', sql_mode = 'STRICT_ALL_TABLES'";
        Ok(Self { options: options.init(vec![pinned]).into(), connection: Mutex::default() })
    }

    pub(super) async fn execute(&self, statement: &str) -> Result<(), String> {
        let mut held = self.connection.lock().await;
        self.connected(&mut held).await?.exec_drop(statement, ()).await.map_err(|cause| cause.to_string())
    }

    pub(super) async fn row(&self, query: &str) -> Result<Map<String, Value>, String> {
        let mut held = self.connection.lock().await;
        let row: Option<Row> = self.connected(&mut held).await?.exec_first(query, ()).await.map_err(|cause| cause.to_string())?;
        let row = row.ok_or("there is no such row")?;
        let names: Vec<String> = row.columns_ref().iter().map(|column| column.name_str().into_owned()).collect();
        Ok(names.into_iter().zip(row.unwrap()).map(|(name, value)| (name, json(value))).collect())
    }

    async fn connected<'a>(&self, held: &'a mut Option<Conn>) -> Result<&'a mut Conn, String> {
        let connection = match held.take() {
            Some(connection) => connection,
            None => Conn::new(self.options.clone()).await.map_err(|cause| cause.to_string())?,
        };
        Ok(held.insert(connection))
    }
}

fn json(value: mysql_async::Value) -> Value {
    use mysql_async::Value as Held;
    match value {
        Held::NULL => Value::Null,
        Held::Int(value) => super::integer(value),
        Held::UInt(value) => i64::try_from(value).map_or_else(|_| value.to_string().into(), super::integer),
        Held::Float(value) => f64::from(value).into(),
        Held::Double(value) => value.into(),
        Held::Bytes(bytes) => String::from_utf8_lossy(&bytes).into(),
        other @ (Held::Date(..) | Held::Time(..)) => other.as_sql(true).trim_matches('\'').into(),
    }
}
