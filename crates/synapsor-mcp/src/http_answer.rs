//! How is a JSON-RPC message taken from an HTTP request, and how is one answered?

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use rmcp::model::ErrorCode;
use synapsor_http::{BodyError, BoundedBody, ResponseBody, json_answer, read_body};

use crate::refused_call::{self, Reply};
use crate::rpc::{self, Fault, Message};
use crate::tool_list::ToolList;

/// How long a body may take.
const BODY_TIME: Duration = Duration::from_secs(15);

pub(crate) type Answer = Response<ResponseBody>;

/// The whole body of a request that promises JSON.
pub(crate) async fn text<B>(headers: &HeaderMap, body: BoundedBody<B>) -> Result<Bytes, Box<Answer>>
where
    B: Body<Data = Bytes> + Unpin,
{
    if !is_json(headers) {
        return Err(Box::new(answer(StatusCode::UNSUPPORTED_MEDIA_TYPE, &invalid("the Content-Type is application/json"))));
    }
    read_body(body, BODY_TIME).await.map_err(|error| {
        Box::new(match error {
            BodyError::TooLarge => answer(StatusCode::PAYLOAD_TOO_LARGE, &Fault::too_large()),
            BodyError::TooSlow => answer(StatusCode::REQUEST_TIMEOUT, &invalid("the body took too long")),
            BodyError::Broken => answer(StatusCode::BAD_REQUEST, &invalid("the body is not whole")),
        })
    })
}

/// The message that a body holds, or the answer to a body that holds none.
pub(crate) fn message(text: &[u8], message_bytes: usize, tools: &ToolList) -> Result<Message, Box<Answer>> {
    if let Err(error) = rpc::preparse(text, message_bytes) {
        return Err(Box::new(match refused_call::reply(text, error, tools) {
            Reply::Refused(message) => json_answer(StatusCode::OK, &message),
            Reply::Fault(fault) => faulty(&fault),
        }));
    }
    rpc::read(text).map_err(|fault| Box::new(faulty(&fault)))
}

pub(crate) fn is_json(headers: &HeaderMap) -> bool {
    let media = headers.get(CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
    media.split(';').next().is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}

pub(crate) fn invalid(message: &'static str) -> Fault {
    Fault::new(ErrorCode::INVALID_REQUEST, message)
}

/// The answer to what is no message that can be served.
pub(crate) fn faulty(fault: &Fault) -> Answer {
    answer(if fault.too_large { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST }, fault)
}

pub(crate) fn answer(status: StatusCode, fault: &Fault) -> Answer {
    json_answer(status, &fault.to_value())
}

/// A message that was written already.
pub(crate) fn written(message: Vec<u8>) -> Answer {
    let mut response = Response::new(Full::new(Bytes::from(message)).boxed());
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

pub(crate) fn empty(status: StatusCode) -> Answer {
    let mut response = Response::new(Full::new(Bytes::new()).boxed());
    *response.status_mut() = status;
    response
}
