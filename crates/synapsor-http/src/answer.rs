//! How does the server itself answer, when no endpoint does?
//!
//! With JSON: `{"ok": false, "error": "<code>", "message": "<sentence>"}`.

use std::convert::Infallible;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};

/// The body of every answer.
pub type ResponseBody = BoxBody<Bytes, Infallible>;

/// Why a request does not reach its endpoint.
#[derive(Debug, Clone)]
pub struct Rejection {
    status: StatusCode,
    code: &'static str,
    message: &'static str,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Rejection {
    /// A rejection with this status, a code for programs and a sentence for people.
    pub fn new(status: StatusCode, code: &'static str, message: &'static str) -> Self {
        Self { status, code, message, header: None }
    }

    /// The same, with one more header.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.header = Some((name, value));
        self
    }

    /// The answer that says so.
    pub fn into_response(self) -> Response<ResponseBody> {
        let body = serde_json::json!({"ok": false, "error": self.code, "message": self.message});
        let mut response = json_answer(self.status, &body);
        if let Some((name, value)) = self.header {
            response.headers_mut().insert(name, value);
        }
        response
    }
}

/// An answer with this status and a JSON body.
pub fn json_answer(status: StatusCode, body: &serde_json::Value) -> Response<ResponseBody> {
    // A value that was built is a value that can be written.
    let bytes = serde_json::to_vec(body).unwrap_or_default();
    let mut response = Response::new(Full::new(Bytes::from(bytes)).boxed());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// An answer with this status and nothing in it.
pub(crate) fn empty_answer(status: StatusCode) -> Response<ResponseBody> {
    let mut response = Response::new(Full::new(Bytes::new()).boxed());
    *response.status_mut() = status;
    response
}
