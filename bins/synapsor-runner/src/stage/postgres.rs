//! The application's PostgreSQL database.

use std::sync::Arc;

use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Map, Value};
use tokio::sync::Mutex;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, Error};
use tokio_postgres_rustls::MakeRustlsConnect;
use url::Url;

use super::is_here;

pub(super) struct Server {
    config: Config,
    /// One connection for all scenarios.
    client: Mutex<Option<Client>>,
}

impl Server {
    pub(super) fn of(url: &str) -> Result<Self, &'static str> {
        let mut url = Url::parse(url).map_err(|_| "it is no URL")?;
        let here = url.host_str().is_none_or(is_here);
        // How it is encrypted is not the URL's to weaken here; what else it says, the driver reads.
        let rest: Vec<(String, String)> =
            url.query_pairs().filter(|(name, _)| !name.starts_with("ssl")).map(|(name, value)| (name.into(), value.into())).collect();
        url.query_pairs_mut().clear().extend_pairs(rest);
        let mut config: Config = url.as_str().parse().map_err(|_| "a part of it cannot be read")?;
        config.ssl_mode(if here { SslMode::Disable } else { SslMode::Require }).application_name("synapsor-conformance");
        config.options("-c timezone=UTC -c datestyle=ISO -c default_transaction_isolation=read\\ committed");
        Ok(Self { config, client: Mutex::default() })
    }

    pub(super) async fn execute(&self, statement: &str) -> Result<(), String> {
        let mut held = self.client.lock().await;
        self.connected(&mut held).await?.batch_execute(statement).await.map_err(|cause| words(&cause))
    }

    pub(super) async fn row(&self, query: &str) -> Result<Map<String, Value>, String> {
        let query = format!("select row_to_json(observed)::text from ({}) as observed limit 1", query.trim().trim_end_matches(';'));
        let mut held = self.client.lock().await;
        let row = self.connected(&mut held).await?.query_opt(&query, &[]).await.map_err(|cause| words(&cause))?;
        let text: String = row.ok_or("there is no such row")?.try_get(0).map_err(|cause| words(&cause))?;
        let columns: Map<String, Value> = serde_json::from_str(&text).map_err(|cause| cause.to_string())?;
        Ok(columns.into_iter().map(|(name, value)| (name, value.as_i64().map_or(value, super::integer))).collect())
    }

    async fn connected<'a>(&self, held: &'a mut Option<Client>) -> Result<&'a Client, String> {
        if held.as_ref().is_none_or(Client::is_closed) {
            let (client, connection) = self.config.connect(connector()?).await.map_err(|cause| words(&cause))?;
            tokio::spawn(connection);
            return Ok(held.insert(client));
        }
        held.as_ref().ok_or_else(|| "the connection is gone".to_owned())
    }
}

fn connector() -> Result<MakeRustlsConnect, String> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let config = builder.with_safe_default_protocol_versions().map_err(|cause| cause.to_string())?;
    Ok(MakeRustlsConnect::new(config.with_root_certificates(roots).with_no_client_auth()))
}

fn words(cause: &Error) -> String {
    cause.as_db_error().map_or_else(|| synapsor_protocol::chain::chain(cause), ToString::to_string)
}
