//! What does a request go through before it reaches an endpoint?

use http::{Request, Response};
use http_body::Body;
use tower::ServiceBuilder;
use tower_service::Service;

use crate::access::Access;
use crate::answer::ResponseBody;
use crate::body::{BodyLimit, BoundedBody};
use crate::cors::Cors;
use crate::guard::Guard;
use crate::host::HostList;
use crate::origin::OriginList;
use crate::request_time::RequestTime;
use crate::routes::Routes;

/// The layers of one server, each configured.
#[derive(Debug, Clone)]
pub struct Layers {
    /// The names that clients may use.
    pub hosts: HostList,
    /// The pages that may call.
    pub origins: OriginList,
    /// What browsers are told about them.
    pub cors: Cors,
    /// The paths.
    pub routes: Routes,
    /// Who may call.
    pub access: Access,
    /// How long a request may take.
    pub time: RequestTime,
    /// How much it may bring.
    pub body: BodyLimit,
}

/// Puts the layers in front of an endpoint. It reads from the outside in, and each layer stands where it does for a reason.
pub fn stack<S, B>(
    layers: Layers,
    endpoint: S,
) -> impl Service<Request<B>, Response = Response<ResponseBody>, Error = S::Error, Future: Send> + Clone
where
    S: Service<Request<BoundedBody<B>>, Response = Response<ResponseBody>> + Clone + 'static,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
    B: Body + 'static,
{
    ServiceBuilder::new()
        .layer(Guard::new(layers.hosts)) // first: a request for another name is not for us, whatever it asks
        .layer(Guard::new(layers.origins)) // before any answer: a page that is not listed learns nothing, not even health
        .layer(layers.cors) // before the token: a browser's question carries none, and a 401 must be readable by the page
        .layer(layers.routes) // before the token: health needs none, and a wrong path is not worth a comparison
        .layer(Guard::new(layers.access)) // before the body: strangers do not make us read
        .layer(layers.time) // around the endpoint alone: what stands before it answers at once
        .layer(layers.body) // last: whoever reads the body, reads it bounded
        .service(endpoint)
}
