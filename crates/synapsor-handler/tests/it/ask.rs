//! How does a test ask a handler that is in its own process?

use http::Request;
use http_body_util::{BodyExt, Full};
use synapsor_handler::Handler;
use tower::ServiceExt;

pub(crate) use synapsor_testkit::asking::{Ask, Heard};

/// Without a connection between them.
pub(crate) trait Asking {
    /// Sends it, and waits for the answer.
    async fn send(&self, handler: &Handler) -> Heard;

    /// What came of it, on one line.
    async fn said(&self, handler: &Handler) -> String {
        self.send(handler).await.said()
    }
}

impl Asking for Ask {
    async fn send(&self, handler: &Handler) -> Heard {
        let mut request = Request::builder().method(self.method).uri("/synapsor/writeback");
        for (name, value) in &self.headers {
            request = request.header(name, value.as_slice());
        }
        let request = request.body(Full::new(bytes::Bytes::from(self.bytes()))).unwrap();
        let (head, body) = handler.clone().oneshot(request).await.unwrap().into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        let headers = head.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        Heard { status: head.status.as_u16(), headers: headers.collect(), text }
    }
}
