//! How does an answer of several messages end early?
//!
//! A call that tells its progress is answered by a stream, and the head of the answer is long gone when the client cancels.
//! So the call stays in flight as long as its body, and a cancellation ends both.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Response};
use http_body::{Body, Frame};
use http_body_util::BodyExt;
use synapsor_http::ResponseBody;
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::sessions::InFlight;

/// The answer with its call kept in flight until it is whole; an answer that is whole already ends its call here.
pub(crate) fn held(response: Response<ResponseBody>, in_flight: InFlight) -> Response<ResponseBody> {
    if !is_stream(response.headers()) {
        return response;
    }
    let cancelled = Box::pin(in_flight.token().cancelled_owned());
    response.map(|body| Held { body, cancelled, _in_flight: in_flight }.boxed())
}

fn is_stream(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|media| media.as_bytes().starts_with(b"text/event-stream"))
}

/// The rest of a stream, until its end or its cancellation.
struct Held {
    body: ResponseBody,
    cancelled: Pin<Box<WaitForCancellationFutureOwned>>,
    _in_flight: InFlight,
}

impl Body for Held {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.cancelled.as_mut().poll(context).is_ready() {
            // Whoever serves the call learns from the body's end that nobody waits.
            self.body = ResponseBody::default();
            return Poll::Ready(None);
        }
        Pin::new(&mut self.body).poll_frame(context)
    }
}
