//! How many connections are open at once, and what is said when all are in use?

use std::sync::Arc;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{Manager, Pool, PoolError, QueueMode, TimeoutType};

use crate::error::SourceError;
use crate::settings::SourceSettings;

/// The longest that connecting may take: name, network, TLS, authentication.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// A pool within the source's bounds. The connection used last is used next, so that idle ones stay idle.
pub(crate) fn bounded<M: Manager>(manager: M, settings: &SourceSettings) -> Result<Pool<M>, SourceError> {
    let pool = Pool::builder(manager)
        .max_size(settings.pool_size.max(1))
        .queue_mode(QueueMode::Lifo)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(settings.acquire_timeout))
        .create_timeout(Some(CONNECT_TIMEOUT))
        .build();
    pool.map_err(|error| SourceError::Unreachable { name: settings.name.as_str().into(), cause: error.into() })
}

/// Why there is no connection.
pub(crate) fn refusal(error: PoolError<SourceError>, name: &Arc<str>, waited: Duration) -> SourceError {
    let name = name.clone();
    match error {
        PoolError::Timeout(TimeoutType::Wait) => SourceError::PoolExhausted { name, retry_after: waited.max(Duration::from_millis(100)) },
        PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => {
            SourceError::Unreachable { name, cause: "no connection came about in time".into() }
        }
        PoolError::Backend(error) => error,
        PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
            SourceError::Unreachable { name, cause: "the pool is closed".into() }
        }
    }
}
