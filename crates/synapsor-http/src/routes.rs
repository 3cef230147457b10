//! Which paths are there?
//!
//! `/healthz`, which anybody may ask and which tells no names, `/readyz` likewise where there is more to say than that the process
//! lives, and the one path of the endpoint.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::{Either, Ready, ready};
use http::header::{ALLOW, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use tower::Layer;
use tower_service::Service;

use crate::answer::{Rejection, ResponseBody, json_answer};

/// What `/healthz` says.
pub(crate) type Health = Arc<dyn Fn() -> serde_json::Value + Send + Sync>;

/// What `/readyz` says: `Ok` with 200, `Err` with 503.
pub type Readiness = Arc<dyn Fn() -> Result<serde_json::Value, serde_json::Value> + Send + Sync>;

/// Lets requests for one path through and answers `/healthz` and `/readyz` itself; anything else is 404.
#[derive(Clone)]
pub struct Routes {
    path: &'static str,
    health: Health,
    ready: Option<Readiness>,
}

impl Routes {
    /// The endpoint's path, and what `/healthz` says.
    pub fn new(path: &'static str, health: Arc<dyn Fn() -> serde_json::Value + Send + Sync>) -> Self {
        Self { path, health, ready: None }
    }

    /// The same with what `/readyz` says; without it there is no such path.
    #[must_use]
    pub fn with_ready(self, ready: Option<Readiness>) -> Self {
        Self { ready, ..self }
    }

    /// The answer, unless the request is for the endpoint.
    fn answer<B>(&self, request: &Request<B>) -> Option<Response<ResponseBody>> {
        let path = request.uri().path();
        if path == self.path {
            return None;
        }
        let asked = matches!(*request.method(), Method::GET | Method::HEAD);
        let (status, body) = match (path, &self.ready) {
            ("/healthz" | "/readyz", _) if !asked && (path == "/healthz" || self.ready.is_some()) => {
                let rejection = Rejection::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Ask with GET.");
                return Some(rejection.with_header(ALLOW, HeaderValue::from_static("GET, HEAD")).into_response());
            }
            ("/healthz", _) => (StatusCode::OK, (self.health)()),
            ("/readyz", Some(ready)) => match ready() {
                Ok(body) => (StatusCode::OK, body),
                Err(body) => (StatusCode::SERVICE_UNAVAILABLE, body),
            },
            _ => return Some(Rejection::new(StatusCode::NOT_FOUND, "not_found", "There is nothing at this path.").into_response()),
        };
        Some(json_answer(status, &body))
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Routes").field("path", &self.path).finish_non_exhaustive()
    }
}

impl<S> Layer<S> for Routes {
    type Service = Routed<S>;

    fn layer(&self, inner: S) -> Routed<S> {
        Routed { routes: self.clone(), inner }
    }
}

/// What [`Routes`] makes of a service.
#[derive(Debug, Clone)]
pub struct Routed<S> {
    routes: Routes,
    inner: S,
}

impl<S, B> Service<Request<B>> for Routed<S>
where
    S: Service<Request<B>, Response = Response<ResponseBody>>,
{
    type Response = Response<ResponseBody>;
    type Error = S::Error;
    type Future = Either<Ready<Result<Self::Response, S::Error>>, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.routes.answer(&request) {
            Some(response) => Either::Left(ready(Ok(response))),
            None => Either::Right(self.inner.call(request)),
        }
    }
}
