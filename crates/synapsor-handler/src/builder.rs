//! What must be said before a handler serves?

use std::sync::Arc;
use std::time::Duration;

use synapsor_protocol::Secret;
use synapsor_protocol::handler::signature::{DEFAULT_TOLERANCE, SigningSecret};
use synapsor_protocol::preparse::Limits;
use tokio_util::task::TaskTracker;

use crate::admission::{Admission, Secrets};
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
use crate::database::{Database, Plan, Table};
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
use crate::effect::Effect;
use crate::error::HandlerError;
use crate::service::{Handler, Inner};
use crate::store::Store;

/// A shorter token could be guessed.
pub(crate) const LEAST_TOKEN_BYTES: usize = 16;
/// How long a body may take to come.
const BODY_TIME: Duration = Duration::from_secs(10);

/// A handler to be. Everything that is wrong with it is said by [`Builder::build`], before the first request.
#[cfg_attr(
    feature = "sqlite",
    doc = r#"
```
use std::time::Duration;
use synapsor_handler::{Done, EffectError, Handler, Job, Table, Tx};

async fn close(job: Job, tx: Tx) -> Result<Done, EffectError> {
    let status = job.patch().text("status")?;
    tx.update("tickets", &[("status", status.into())], &[("id", job.object_id().into())]).await?;
    Ok(Done::new().effect("db.update"))
}

let handler = Handler::builder()
    // Who may ask: a token, and signatures by the secret of now or, during a rotation, by the next one.
    .bearer_token("a token of at least sixteen letters")
    .signing_secret("whsec_bm90IGEgc2VjcmV0IGFueSBtb3Jl")
    .signing_secret("whsec_dGhlIG5leHQgc2VjcmV0IGluIGxpbmU=")
    .tolerance(Duration::from_secs(120))
    // Where: the database, its receipts, and the tables that effects may touch with the column that says whose row it is.
    .sqlite("desk.db")
    .receipt_table("synapsor_handler_receipts")
    .table(Table::new("tickets", "tenant_id"))
    // What: one effect per capability. This one may also be tried without committing it.
    .rehearsable_effect("desk.close_ticket", close)
    .build()?;
# drop(handler);
# Ok::<(), synapsor_handler::HandlerError>(())
```
"#
)]
pub struct Builder {
    tokens: Vec<String>,
    live_tokens: Option<Arc<dyn Fn() -> Vec<Secret> + Send + Sync>>,
    secrets: Vec<String>,
    live_secrets: Option<Arc<dyn Fn() -> Vec<SigningSecret> + Send + Sync>>,
    anonymous: bool,
    tolerance: Duration,
    body_limit: usize,
    store: Option<Arc<dyn Store>>,
    #[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
    plan: Plan,
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").finish_non_exhaustive()
    }
}

impl Builder {
    pub(crate) fn new() -> Self {
        Self {
            tokens: Vec::new(),
            live_tokens: None,
            secrets: Vec::new(),
            live_secrets: None,
            anonymous: false,
            tolerance: DEFAULT_TOLERANCE,
            body_limit: Limits::DEFAULT.bytes,
            store: None,
            #[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
            plan: Plan::default(),
        }
    }

    /// Accepts this token; call it twice while one replaces the other. At least 16 bytes.
    #[must_use]
    pub fn bearer_token(mut self, token: impl Into<String>) -> Self {
        self.tokens.push(token.into());
        self
    }

    /// Asks for the tokens of the moment at every request, so that they may change under a running service. Without any the
    /// answer is 500 `HANDLER_TOKEN_MISSING`: a token that was lost does not open the door.
    #[must_use]
    pub fn bearer_tokens_from(mut self, tokens: impl Fn() -> Vec<String> + Send + Sync + 'static) -> Self {
        let usable = move || tokens().into_iter().filter(|token| token.len() >= LEAST_TOKEN_BYTES).map(Secret::new).collect();
        self.live_tokens = Some(Arc::new(usable));
        self
    }

    /// Accepts signatures by this secret; call it twice during a rotation. `whsec_` and base64 as Standard Webhooks has them, or
    /// any other text.
    #[must_use]
    pub fn signing_secret(mut self, secret: impl Into<String>) -> Self {
        self.secrets.push(secret.into());
        self
    }

    /// Asks for the secrets of the moment at every request. Without any the answer is 500 `HANDLER_SIGNING_SECRET_MISSING`.
    #[must_use]
    pub fn signing_secrets_from(mut self, secrets: impl Fn() -> Vec<String> + Send + Sync + 'static) -> Self {
        let usable = move || secrets().into_iter().filter_map(|secret| SigningSecret::new(&Secret::new(secret)).ok()).collect();
        self.live_secrets = Some(Arc::new(usable));
        self
    }

    /// Serves whoever asks. For a service that only a proxy reaches which authenticates by itself.
    #[must_use]
    pub fn without_authentication(mut self) -> Self {
        self.anonymous = true;
        self
    }

    /// How far from now a signed request may have been sent, into the past and the future alike: five minutes unless said
    /// otherwise.
    #[must_use]
    pub fn tolerance(mut self, tolerance: Duration) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// The largest body, in bytes: 1 MiB unless said otherwise.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = bytes;
        self
    }

    /// A store of the application's own, instead of a database and effects.
    #[must_use]
    pub fn store(mut self, store: impl Store) -> Self {
        self.store = Some(Arc::new(store));
        self
    }

    /// The handler. Nothing is connected yet: [`Handler::check`] does that.
    pub fn build(self) -> Result<Handler, HandlerError> {
        if self.tokens.iter().any(|token| token.len() < LEAST_TOKEN_BYTES) {
            return Err(HandlerError::WeakToken { least: LEAST_TOKEN_BYTES });
        }
        let tokens = match (self.live_tokens, self.tokens) {
            (Some(live), _) => Secrets::Live(live),
            (None, tokens) if tokens.is_empty() => Secrets::None,
            (None, tokens) => Secrets::Fixed(tokens.into_iter().map(Secret::new).collect()),
        };
        let secrets = match (self.live_secrets, self.secrets) {
            (Some(live), _) => Secrets::Live(live),
            (None, secrets) if secrets.is_empty() => Secrets::None,
            (None, secrets) => Secrets::Fixed(secrets.into_iter().map(usable).collect::<Result<_, _>>()?),
        };
        if tokens.is_none() && secrets.is_none() && !self.anonymous {
            return Err(HandlerError::NoAuthentication);
        }
        let admission = Admission { tokens, secrets, tolerance: self.tolerance, body_limit: self.body_limit };
        #[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
        if self.plan.is_begun() {
            if self.store.is_some() {
                return Err(HandlerError::TwoStores);
            }
            let database = Arc::new(Database::open(self.plan)?);
            let (store, database) = (database.clone(), Some(database));
            return Ok(Handler::new(Inner { admission, body_time: BODY_TIME, store, database, tasks: TaskTracker::new() }));
        }
        Ok(Handler::new(Inner {
            admission,
            body_time: BODY_TIME,
            store: self.store.ok_or(HandlerError::NoStore)?,
            #[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
            database: None,
            tasks: TaskTracker::new(),
        }))
    }
}

fn usable(secret: String) -> Result<SigningSecret, HandlerError> {
    SigningSecret::new(&Secret::new(secret)).map_err(|error| HandlerError::SigningSecret { reason: error.to_string() })
}

/// With an engine.
#[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
impl Builder {
    /// The application's SQLite file, which must exist. Give a path that does not depend on the folder the process starts in.
    #[cfg(feature = "sqlite")]
    #[must_use]
    pub fn sqlite(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.plan.location = Some(synapsor_source::Location::Sqlite(path.into()));
        self
    }

    /// The URL of the application's PostgreSQL database, `postgres://user:password@host/database?sslmode=verify-full`.
    #[cfg(feature = "postgres")]
    #[must_use]
    pub fn postgres(mut self, url: impl Into<String>) -> Self {
        self.plan.location = Some(synapsor_source::Location::Postgres(Secret::new(url.into())));
        self
    }

    /// The URL of the application's MySQL or MariaDB database, `mysql://user:password@host/database?ssl-mode=VERIFY_IDENTITY`.
    #[cfg(feature = "mysql")]
    #[must_use]
    pub fn mysql(mut self, url: impl Into<String>) -> Self {
        self.plan.location = Some(synapsor_source::Location::Mysql(Secret::new(url.into())));
        self
    }

    /// The most connections that are open at once: 10 unless said otherwise. Each request that is carried out needs one.
    #[must_use]
    pub fn connections(mut self, most: usize) -> Self {
        self.plan.connections = Some(most);
        self
    }

    /// The longest that a statement may run: 3 seconds unless said otherwise.
    #[must_use]
    pub fn statement_timeout(mut self, time: Duration) -> Self {
        self.plan.statement_timeout = Some(time);
        self
    }

    /// The longest that an effect may take, whatever it waits for; its row is locked meanwhile. 20 seconds unless said otherwise.
    #[must_use]
    pub fn effect_time(mut self, time: Duration) -> Self {
        self.plan.effect_time = time;
        self
    }

    /// Where the receipts are kept, with or without a schema: `synapsor_handler_receipts` unless said otherwise. It is created if
    /// it is absent and the account may do that.
    #[must_use]
    pub fn receipt_table(mut self, name: impl Into<String>) -> Self {
        self.plan.receipts = name.into();
        self
    }

    /// Declares a table that effects may touch, and that a request may have its row in.
    #[must_use]
    pub fn table(mut self, table: Table) -> Self {
        self.plan.tables.push(table);
        self
    }

    /// The business change of a capability.
    #[must_use]
    pub fn effect(mut self, action: impl Into<String>, effect: impl Effect) -> Self {
        self.plan.effects.push((action.into(), Arc::new(effect), false));
        self
    }

    /// The same of one that may be tried: all that it does is in the transaction, which is rolled back.
    #[must_use]
    pub fn rehearsable_effect(mut self, action: impl Into<String>, effect: impl Effect) -> Self {
        self.plan.effects.push((action.into(), Arc::new(effect), true));
        self
    }
}
