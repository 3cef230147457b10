//! What happens to a request, from its first byte to its answer?

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use http_body::Body;
use synapsor_protocol::{ErrorCode, Outcome, Report};
use tokio_util::task::TaskTracker;
use tower_service::Service;

use crate::admission::Admission;
use crate::answer;
use crate::body::{ResponseBody, Unread, read};
use crate::builder::Builder;
use crate::error::HandlerError;
use crate::job::Job;
use crate::log::Line;
use crate::store::Store;

/// The endpoint: a `tower` service that answers with receipts. Cheap to clone; needs a tokio runtime to be called.
///
/// It does not look at the path: mount it where the executor posts to.
#[derive(Clone)]
pub struct Handler(Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) admission: Admission,
    pub(crate) body_time: Duration,
    pub(crate) store: Arc<dyn Store>,
    #[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
    pub(crate) database: Option<Arc<crate::database::Database>>,
    pub(crate) tasks: TaskTracker,
}

impl std::fmt::Debug for Handler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Handler").finish_non_exhaustive()
    }
}

impl Handler {
    /// A handler to be.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn new(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }

    /// Whether the database has what was declared: call it at start, so that a missing column is found before a request is.
    /// Changes nothing. A store of the application's own is always ready here.
    pub async fn check(&self) -> Result<(), HandlerError> {
        #[cfg(any(feature = "mysql", feature = "postgres", feature = "sqlite"))]
        if let Some(database) = &self.0.database {
            return database.check().await;
        }
        Ok(())
    }

    /// The database of the application, if it has one.
    #[cfg(all(feature = "declared", any(feature = "mysql", feature = "postgres", feature = "sqlite")))]
    pub(crate) fn source(&self) -> Option<&synapsor_source::WriteSource> {
        self.0.database.as_ref().map(|database| database.source())
    }

    /// Waits until everything that was begun is finished, requests included whose clients have gone. For the end of the process,
    /// after the listener is closed.
    pub async fn finish(&self) {
        self.0.tasks.close();
        self.0.tasks.wait().await;
        self.0.tasks.reopen();
    }

    /// The whole way of one request.
    async fn answer<B: Body>(self, request: Request<B>) -> Response<ResponseBody> {
        let (inner, mut line) = (&self.0, Line::begun());
        let (head, body) = request.into_parts();
        if let Err((code, why)) = inner.admission.check_head(&head) {
            return line.refused(code, why);
        }
        let body = match read(body, inner.admission.body_limit, inner.body_time).await {
            Ok(body) => body,
            Err(Unread::TooLarge) => return line.refused(ErrorCode::HANDLER_EXCEPTION, "the body is too large"),
            Err(Unread::Broken) => return line.refused(ErrorCode::BAD_WRITEBACK_REQUEST, "the body did not come whole, or not in time"),
        };
        let order = match inner.admission.read(&head, &body) {
            Ok(order) => order,
            Err((code, why)) => return line.refused(code, why),
        };
        let job = Job::new(order);
        line.job = Some(job.clone());
        let known = inner.store.knows(job.action());
        match known {
            None => line.refused(ErrorCode::UNSUPPORTED_ACTION, "there is no effect of that name"),
            Some(known) if job.is_rehearsal() && !known.rehearsable => {
                line.refused(ErrorCode::DRY_RUN_UNSUPPORTED, "the effect may not be tried")
            }
            Some(_) => self.carry_out(job, line).await,
        }
    }

    /// In a task of its own: a client that goes away takes nothing with it, not even the line in the log.
    async fn carry_out(self, job: Job, line: Line) -> Response<ResponseBody> {
        let (store, work) = (self.0.store.clone(), job.clone());
        let task = self.0.tasks.spawn(async move {
            let report = if work.is_rehearsal() { store.rehearse(work.clone()).await } else { store.carry_out(work.clone()).await };
            line.carried(&work, &report)
        });
        task.await.unwrap_or_else(|_| {
            tracing::error!(proposal = job.proposal_id(), "the work ended without an answer");
            let report = Report::because(Outcome::Unknown, ErrorCode::HANDLER_EXCEPTION);
            answer::carried(job.order(), &report, job.is_rehearsal())
        })
    }
}

/// The answer to one request, some time later. Dropping it does not stop what was begun.
pub struct Responding(Pin<Box<dyn Future<Output = Response<ResponseBody>> + Send>>);

impl std::fmt::Debug for Responding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Responding").finish_non_exhaustive()
    }
}

impl Future for Responding {
    type Output = Result<Response<ResponseBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(context).map(Ok)
    }
}

impl<B> Service<Request<B>> for Handler
where
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Send,
{
    type Response = Response<ResponseBody>;
    type Error = Infallible;
    type Future = Responding;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Responding {
        Responding(Box::pin(self.clone().answer(request)))
    }
}
