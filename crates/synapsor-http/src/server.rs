//! How are connections taken, served and ended?
//!
//! One task per connection, a bounded number of them. When the server is told to end it takes no more, tells the open
//! ones that the current answer is their last, and drops what is left after the drain time.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower_service::Service;

use crate::answer::ResponseBody;
use crate::body::{BodyLimit, BoundedBody};
use crate::cors::Cors;
use crate::error::HttpError;
use crate::host::HostList;
use crate::listen::Protection;
use crate::origin::OriginList;
use crate::request_time::RequestTime;
use crate::routes::{Readiness, Routes};
use crate::settings::{Checked, Limits, Settings};
use crate::stack::{Layers, stack};
use crate::tls;
use crate::write_time::WriteTime;

/// What a server serves.
#[derive(Clone)]
pub struct Endpoint<S> {
    /// The one path, such as `/mcp`.
    pub path: &'static str,
    /// What `/healthz` says. Anybody may read it.
    pub health: Arc<dyn Fn() -> serde_json::Value + Send + Sync>,
    /// What `/readyz` says, which anybody may read too; without it there is no such path.
    pub ready: Option<Readiness>,
    /// The methods that a page may use, comma-separated.
    pub methods: &'static str,
    /// The headers that a page may send, comma-separated.
    pub request_headers: &'static str,
    /// The headers that a page may read, comma-separated.
    pub response_headers: &'static str,
    /// What answers at the path.
    pub service: S,
}

/// A server that has its address and serves nothing yet.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<TlsAcceptor>,
    settings: Checked,
}

impl Server {
    /// Checks the settings, reads the TLS files and takes the address. Nothing is accepted before [`Server::serve`].
    pub async fn bind(settings: Settings) -> Result<Self, HttpError> {
        let settings = settings.check()?;
        let tls = match settings.listen.protection() {
            Protection::Tls { certificate, key } => Some(tls::acceptor(certificate, key)?),
            Protection::None | Protection::TlsProxy => None,
        };
        let wanted = settings.listen.address();
        let refused = |source| HttpError::Bind { address: wanted, source };
        let listener = TcpListener::bind(wanted).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Self { listener, address, tls, settings })
    }

    /// The address that the server has.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The scheme by which clients reach it: `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        self.settings.listen.scheme()
    }

    /// Serves until it is told to end, then drains. After it returns no connection is open.
    pub async fn serve<S>(self, endpoint: Endpoint<S>, shutdown: CancellationToken)
    where
        S: Service<Request<BoundedBody>, Response = Response<ResponseBody>, Error = Infallible> + Clone + Send + 'static,
        S::Future: Send + 'static,
    {
        let service = stack(self.layers(&endpoint), endpoint.service);
        let limits = self.settings.limits;
        let room = Arc::new(Semaphore::new(limits.connections));
        let mut connections = JoinSet::new();
        while let Some((stream, permit)) = self.accept(&room, &mut connections, &shutdown).await {
            let (service, tls, shutdown) = (service.clone(), self.tls.clone(), shutdown.clone());
            connections.spawn(async move {
                let _permit = permit;
                converse(stream, tls, service, limits, shutdown).await;
            });
        }
        drop(self.listener);
        drain(connections, limits.drain_time).await;
    }

    fn layers<S>(&self, endpoint: &Endpoint<S>) -> Layers {
        let (settings, port) = (&self.settings, self.address.port());
        Layers {
            hosts: HostList::new(settings.all_hosts(port), port),
            origins: OriginList::new(settings.all_origins(port)),
            cors: Cors::new(settings.pages.clone(), endpoint.methods, endpoint.request_headers, endpoint.response_headers),
            routes: Routes::new(endpoint.path, Arc::clone(&endpoint.health)).with_ready(endpoint.ready.clone()),
            access: settings.access.clone(),
            time: RequestTime::new(settings.limits.request_time),
            body: BodyLimit::new(settings.limits.body_bytes),
        }
    }

    /// The next connection and its place among the allowed number; nothing once the server is told to end.
    async fn accept(
        &self,
        room: &Arc<Semaphore>,
        connections: &mut JoinSet<()>,
        shutdown: &CancellationToken,
    ) -> Option<(TcpStream, OwnedSemaphorePermit)> {
        loop {
            let accepted = tokio::select! {
                accepted = next_connection(&self.listener, room) => accepted,
                () = shutdown.cancelled() => return None,
                Some(_ended) = connections.join_next() => continue,
            };
            match accepted {
                Ok(connection) => return Some(connection),
                // Out of descriptors, or a client that gave up: neither is a reason to end.
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }
}

async fn next_connection(listener: &TcpListener, room: &Arc<Semaphore>) -> std::io::Result<(TcpStream, OwnedSemaphorePermit)> {
    let permit = Arc::clone(room).acquire_owned().await.map_err(std::io::Error::other)?;
    let (stream, _peer) = listener.accept().await?;
    stream.set_nodelay(true)?;
    Ok((stream, permit))
}

/// One connection, from the handshake to its end.
async fn converse<S>(stream: TcpStream, tls: Option<TlsAcceptor>, service: S, limits: Limits, shutdown: CancellationToken)
where
    S: Service<Request<Incoming>, Response = Response<ResponseBody>, Error = Infallible, Future: Send> + Clone + Send,
{
    // Around the socket itself: a client that never reads must not keep its place for ever.
    let stream = WriteTime::new(stream, limits.write_time);
    let Some(tls) = tls else {
        return exchange(stream, service, limits, shutdown).await;
    };
    match tokio::time::timeout(limits.head_time, tls.accept(stream)).await {
        Ok(Ok(stream)) => exchange(stream, service, limits, shutdown).await,
        Ok(Err(error)) => tracing::debug!(%error, "a TLS handshake failed"),
        Err(_elapsed) => tracing::debug!("a TLS handshake took too long"),
    }
}

/// The requests and answers of one connection.
async fn exchange<T, S>(stream: T, service: S, limits: Limits, shutdown: CancellationToken)
where
    T: AsyncRead + AsyncWrite + Unpin,
    S: Service<Request<Incoming>, Response = Response<ResponseBody>, Error = Infallible, Future: Send> + Clone,
{
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_time)
        .max_buf_size(limits.head_bytes)
        .max_headers(limits.headers)
        // `pipeline_flush` stays off: it would gather answers that nobody reads.
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(service));
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Waits until every connection has ended, at most this long; what is left is dropped, and its calls with it.
async fn drain(mut connections: JoinSet<()>, time: Duration) {
    let all_ended = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(time, all_ended).await.is_err() {
        tracing::warn!(open = connections.len(), "connections were still open when the time to drain was over");
    }
    connections.shutdown().await;
}
