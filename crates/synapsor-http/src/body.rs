//! How much may a stranger send?
//!
//! The layer bounds the body of every request; [`read_body`] is how an endpoint gets at it.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use tower::Layer;
use tower_service::Service;

/// The body of a request as an endpoint sees it: reading beyond the bound fails, and one that claims to be larger is not
/// read at all.
#[derive(Debug)]
pub struct BoundedBody<B = hyper::body::Incoming> {
    body: B,
    left: Option<usize>,
}

impl<B: Body> BoundedBody<B> {
    fn new(body: B, bytes: usize) -> Self {
        let claimed = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
        Self { left: (claimed <= bytes).then_some(bytes), body }
    }
}

impl<B> Body for BoundedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(left) = self.left else { return Poll::Ready(Some(Err(BodyError::TooLarge))) };
        let frame = match std::task::ready!(Pin::new(&mut self.body).poll_frame(context)) {
            None => return Poll::Ready(None),
            Some(frame) => frame.map_err(|_cause| BodyError::Broken)?,
        };
        self.left = left.checked_sub(frame.data_ref().map_or(0, Bytes::len));
        let within = if self.left.is_some() { Ok(frame) } else { Err(BodyError::TooLarge) };
        Poll::Ready(Some(within))
    }

    fn is_end_stream(&self) -> bool {
        self.left.is_some() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

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
    B: Body,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> S::Future {
        let bytes = self.bytes;
        self.inner.call(request.map(|body| BoundedBody::new(body, bytes)))
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
    B: Body<Data = Bytes> + Unpin,
{
    let collected = tokio::time::timeout(time, body.collect()).await.map_err(|_elapsed| BodyError::TooSlow)?;
    Ok(collected?.to_bytes())
}
