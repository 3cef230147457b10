//! How does a client that waits learn how far its call has come?
//!
//! By notifications, if it gave a token for them and can take more than one message for an answer. Each stage of a call is
//! told once, in order, and before the answer.

use http::request::Parts;
use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::RequestContext;
use synapsor_agent::{Stage, Watch};
use tokio::sync::mpsc;

/// Stands in an HTTP request whose client takes one message and no stream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct OneMessage;

/// How many stages a call has.
const STAGES: usize = 2;
/// The steps of a call: its stages, and its answer.
const STEPS: f64 = 3.0;

/// The token under which this client wants to be told.
pub(crate) fn wanted(context: &RequestContext<RoleServer>) -> Option<ProgressToken> {
    let parts = context.extensions.get::<Parts>();
    let one_message = parts.is_some_and(|parts| parts.extensions.get::<OneMessage>().is_some());
    context.meta.get_progress_token().filter(|_| !one_message)
}

/// Runs a call and tells the client each stage that it reaches.
pub(crate) async fn telling<T>(context: &RequestContext<RoleServer>, token: ProgressToken, call: impl AsyncFnOnce(&Watch<'_>) -> T) -> T {
    let (reached, mut stages) = mpsc::channel(STAGES);
    let watch = move |stage| {
        // There is room for every stage, so this neither waits nor fails.
        let _told = reached.try_send(stage);
    };
    let calling = async move {
        let answer = call(&watch).await;
        // The last stage is behind it.
        drop(watch);
        answer
    };
    // Beside the call and never within it: a client that reads nothing must not keep a connection of the database.
    let telling = async {
        while let Some(stage) = stages.recv().await {
            tell(context, &token, stage).await;
        }
    };
    tokio::join!(calling, telling).0
}

async fn tell(context: &RequestContext<RoleServer>, token: &ProgressToken, stage: Stage) {
    let (step, message) = match stage {
        Stage::Reading => (1.0, "reading the row"),
        Stage::Recording => (2.0, "recording what was read"),
    };
    let told = ProgressNotificationParam::new(token.clone(), step).with_total(STEPS).with_message(message);
    // A client that has gone needs no progress; its call is cancelled elsewhere.
    let _gone = context.peer.notify_progress(told).await;
}
