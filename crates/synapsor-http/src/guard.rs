//! How does a check stand in front of a service?

use std::task::{Context, Poll};

use futures_util::future::{Either, Ready, ready};
use http::{Request, Response};
use tower::Layer;
use tower_service::Service;

use crate::answer::{Rejection, ResponseBody};

/// A question that a request must answer before it goes on. Only the head of the request is looked at.
pub trait Check: Clone {
    /// Nothing, or why the request does not go on.
    fn check<B>(&self, request: &Request<B>) -> Result<(), Rejection>;
}

/// The layer that asks the question.
#[derive(Debug, Clone)]
pub struct Guard<C>(C);

impl<C: Check> Guard<C> {
    /// The layer for this question.
    pub fn new(check: C) -> Self {
        Self(check)
    }
}

impl<C: Check, S> Layer<S> for Guard<C> {
    type Service = Guarded<C, S>;

    fn layer(&self, inner: S) -> Guarded<C, S> {
        Guarded { check: self.0.clone(), inner }
    }
}

/// What [`Guard`] makes of a service.
#[derive(Debug, Clone)]
pub struct Guarded<C, S> {
    check: C,
    inner: S,
}

impl<C, S, B> Service<Request<B>> for Guarded<C, S>
where
    C: Check,
    S: Service<Request<B>, Response = Response<ResponseBody>>,
{
    type Response = Response<ResponseBody>;
    type Error = S::Error;
    type Future = Either<Ready<Result<Self::Response, S::Error>>, S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        match self.check.check(&request) {
            Ok(()) => Either::Right(self.inner.call(request)),
            Err(rejection) => Either::Left(ready(Ok(rejection.into_response()))),
        }
    }
}
