//! How does a request reach the handler?

use std::future::Future;
use std::pin::Pin;

use bytes::Bytes;
use http::{Request, Response};

/// An answer, some time later.
pub type Sending<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, TransportError>> + Send + 'a>>;

/// Brings a request to a handler and its answer back. Requests may come at the same time.
///
/// A [`Handler`](crate::Handler) is one for itself, so that an application can prove its handler in its own tests.
pub trait Transport: Send + Sync {
    /// Sends one request. Its URI is `/`; where the handler is, is the transport's affair.
    fn send(&self, request: Request<Bytes>) -> Sending<'_>;
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// The address is none that may be asked.
    #[error("`{url}` cannot be asked: {reason}")]
    Address {
        /// What was given, without credentials.
        url: String,
        /// Why not.
        reason: &'static str,
    },
    /// Nobody is there, or not the one that the certificate must name.
    #[error("the handler cannot be reached")]
    Unreachable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The connection ended before the answer was whole.
    #[error("the connection ended without an answer")]
    Broken(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Nothing came in time.
    #[error("no answer came within {seconds} s")]
    Late {
        /// How long was waited.
        seconds: u64,
    },
    /// More came than a receipt can be.
    #[error("the answer is longer than {limit} bytes")]
    TooLong {
        /// The most that is read.
        limit: usize,
    },
}

impl Transport for crate::Handler {
    fn send(&self, request: Request<Bytes>) -> Sending<'_> {
        let mut handler = self.clone();
        Box::pin(async move {
            let request = request.map(http_body_util::Full::new);
            let answer = match tower_service::Service::call(&mut handler, request).await {
                Ok(answer) => answer,
                Err(never) => match never {},
            };
            let (head, body) = answer.into_parts();
            let body = match http_body_util::BodyExt::collect(body).await {
                Ok(body) => body.to_bytes(),
                Err(never) => match never {},
            };
            Ok(Response::from_parts(head, body))
        })
    }
}
