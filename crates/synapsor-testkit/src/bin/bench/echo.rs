//! What does HTTP alone cost? A bare hyper server that answers with what it was sent, as a process of its own.

use std::convert::Infallible;

use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};

use crate::child::{self, Served};

/// Starts it; it accepts connections when this returns.
pub(crate) async fn start() -> Served {
    Served::start("serve-echo", &[]).await
}

/// Does not end by itself.
pub(crate) async fn serve() {
    child::serve(service_fn(answer)).await;
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<bytes::Bytes>>, Infallible> {
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    Ok(Response::new(Full::new(body)))
}
