//! How much may a stranger send?
//!
//! The layer bounds the body of every request; [`read_body`] is how an endpoint gets at it.

use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body::Body;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use tower::Layer;
use tower_service::Service;

/// The body of a request as an endpoint sees it: reading beyond the bound fails.
pub type BoundedBody<B = hyper::body::Incoming> = Limited<B>;

/// Bounds the body of every request, in bytes.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimit {
    bytes: usize,
}

impl BodyLimit {
    /// At most this many bytes.
    pub fn new(bytes: usize) -> Self {
        Self { bytes }
    }
}

impl<S> Layer<S> for BodyLimit {
    type Service = BodyLimited<S>;

    fn layer(&self, inner: S) -> BodyLimited<S> {
        BodyLimited { inner, bytes: self.bytes }
    }
}

/// What [`BodyLimit`] makes of a service.
#[derive(Debug, Clone)]
pub struct BodyLimited<S> {
    inner: S,
    bytes: usize,
}

impl<S, B> Service<Request<B>> for BodyLimited<S>
where
    S: Service<Request<BoundedBody<B>>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        let bytes = self.bytes;
        self.inner.call(request.map(|body| Limited::new(body, bytes)))
    }
}

/// Why a body is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// It is, or claims to be, larger than the bound. It was not buffered.
    #[error("the body is too large")]
    TooLarge,
    /// It did not come within the time.
    #[error("the body took too long")]
    TooSlow,
    /// The connection broke before it was whole.
    #[error("the body is not whole")]
    Broken,
}

/// The whole body, if it comes within this time and keeps to the bound that [`BodyLimit`] set.
pub async fn read_body<B>(body: BoundedBody<B>, time: Duration) -> Result<Bytes, BodyError>
where
    B: Body,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let collected = tokio::time::timeout(time, body.collect()).await.map_err(|_elapsed| BodyError::TooSlow)?;
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(BodyError::TooLarge),
        Err(_) => Err(BodyError::Broken),
    }
}
