//! What is an answer's body, and how is a request's read?

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;

/// An answer's body: one piece of bytes, always whole.
#[derive(Debug, Clone, Default)]
pub struct ResponseBody(Option<Bytes>);

impl ResponseBody {
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(Some(bytes.into()).filter(|bytes: &Bytes| !bytes.is_empty()))
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.as_ref().map_or(0, |bytes| u64::try_from(bytes.len()).unwrap_or(u64::MAX)))
    }
}

/// Why a body is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unread {
    /// It is, or claims to be, larger than allowed.
    TooLarge,
    /// It did not come in time, or not whole.
    Broken,
}

/// The whole body, if it keeps to the limit and comes in time.
pub(crate) async fn read<B: Body>(body: B, limit: usize, time: Duration) -> Result<Bytes, Unread> {
    let claimed = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if claimed > limit {
        return Err(Unread::TooLarge);
    }
    let mut body = std::pin::pin!(body);
    let mut whole = Vec::with_capacity(claimed.min(limit));
    let reading = async {
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return Err(Unread::Broken) };
            let Ok(mut data) = frame.into_data() else { continue };
            if whole.len() + data.remaining() > limit {
                return Err(Unread::TooLarge);
            }
            while data.has_remaining() {
                let chunk = data.chunk().len();
                whole.extend_from_slice(data.chunk());
                data.advance(chunk);
            }
        }
        Ok(())
    };
    tokio::time::timeout(time, reading).await.map_err(|_| Unread::Broken)??;
    Ok(whole.into())
}
