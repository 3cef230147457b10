//! What does a browser need to hear before a listed page may call?
//!
//! The list of origins decides who may; this layer only tells the browser so. Without a listed origin it adds nothing.

use std::future::ready;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use tower::Layer;
use tower_service::Service;

use crate::answer::{ResponseBody, empty_answer};
use crate::origin::{Origin, OriginList};

/// Answers the questions that a browser asks on behalf of the listed pages.
#[derive(Debug, Clone)]
pub struct Cors {
    pages: Option<OriginList>,
    methods: &'static str,
    request_headers: &'static str,
    response_headers: &'static str,
}

impl Cors {
    /// The layer for these pages, which may use these methods, send these headers and read those (comma-separated names).
    pub fn new(pages: Vec<Origin>, methods: &'static str, request_headers: &'static str, response_headers: &'static str) -> Self {
        let pages = (!pages.is_empty()).then(|| OriginList::new(pages));
        Self { pages, methods, request_headers, response_headers }
    }

    /// The headers for a page that may call, and none for anything else.
    fn allow(&self, origin: Option<&HeaderValue>) -> Option<HeaderValue> {
        origin.filter(|origin| self.pages.as_ref().is_some_and(|pages| pages.allows(origin))).cloned()
    }

    fn preflight(&self) -> Response<ResponseBody> {
        let mut response = empty_answer(StatusCode::NO_CONTENT);
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static(self.methods));
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(self.request_headers));
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
        response
    }

    fn mark(&self, response: &mut Response<ResponseBody>, origin: HeaderValue) {
        let headers = response.headers_mut();
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(self.response_headers));
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}

impl<S> Layer<S> for Cors {
    type Service = CorsAnswering<S>;

    fn layer(&self, inner: S) -> CorsAnswering<S> {
        CorsAnswering { cors: self.clone(), inner }
    }
}

/// What [`Cors`] makes of a service.
#[derive(Debug, Clone)]
pub struct CorsAnswering<S> {
    cors: Cors,
    inner: S,
}

impl<S, B> Service<Request<B>> for CorsAnswering<S>
where
    S: Service<Request<B>, Response = Response<ResponseBody>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Response<ResponseBody>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let Some(origin) = self.cors.allow(request.headers().get(header::ORIGIN)) else {
            return Box::pin(self.inner.call(request));
        };
        let cors = self.cors.clone();
        if request.method() == Method::OPTIONS {
            let mut response = cors.preflight();
            cors.mark(&mut response, origin);
            return Box::pin(ready(Ok(response)));
        }
        let answering = self.inner.call(request);
        Box::pin(async move {
            let mut response = answering.await?;
            cors.mark(&mut response, origin);
            Ok(response)
        })
    }
}
