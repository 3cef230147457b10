//! How long may a request take?

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response, StatusCode};
use tower::Layer;
use tower_service::Service;

use crate::answer::{Rejection, ResponseBody};

/// Answers 504 when the endpoint has not answered in time; its future is dropped.
#[derive(Debug, Clone, Copy)]
pub struct RequestTime(Duration);

impl RequestTime {
    /// At most this long.
    pub fn new(time: Duration) -> Self {
        Self(time)
    }
}

impl<S> Layer<S> for RequestTime {
    type Service = Timed<S>;

    fn layer(&self, inner: S) -> Timed<S> {
        Timed { inner, time: self.0 }
    }
}

/// What [`RequestTime`] makes of a service.
#[derive(Debug, Clone)]
pub struct Timed<S> {
    inner: S,
    time: Duration,
}

impl<S, B> Service<Request<B>> for Timed<S>
where
    S: Service<Request<B>, Response = Response<ResponseBody>>,
    S::Future: Send + 'static,
{
    type Response = Response<ResponseBody>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let answering = tokio::time::timeout(self.time, self.inner.call(request));
        Box::pin(async move { answering.await.unwrap_or_else(|_elapsed| Ok(too_slow().into_response())) })
    }
}

fn too_slow() -> Rejection {
    Rejection::new(StatusCode::GATEWAY_TIMEOUT, "timeout", "The request took too long and was given up.")
}
