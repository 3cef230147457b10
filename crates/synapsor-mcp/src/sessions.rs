//! Who is in a conversation over HTTP, and which calls of theirs are in flight?
//!
//! A session is what the handshake era calls a conversation. It costs a few hundred bytes here: the protocol library
//! serves every request by itself, and a session only remembers what a cancellation may refer to. Sessions are bounded
//! in number and end when they are idle.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rmcp::model::RequestId;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::options::SessionLimits;

/// The longest wait that a refused client is asked for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The sessions of one server.
#[derive(Debug)]
pub(crate) struct Sessions {
    limits: SessionLimits,
    open: Mutex<HashMap<String, Session>>,
}

#[derive(Debug)]
struct Session {
    used: Instant,
    calls: HashMap<RequestId, CancellationToken>,
}

/// There is no room for another session.
#[derive(Debug, PartialEq)]
pub(crate) struct Full {
    /// After this long there may be.
    pub(crate) retry_after: Duration,
}

/// Why a request cannot be answered within its session.
#[derive(Debug, PartialEq)]
pub(crate) enum Outside {
    /// There is no such session, or not any more.
    Unknown,
    /// A request of the same id is in flight.
    IdInUse,
}

impl Sessions {
    pub(crate) fn new(limits: SessionLimits) -> Self {
        Self { limits, open: Mutex::default() }
    }

    /// Opens a session and gives its id, which nobody can guess.
    pub(crate) fn open(&self) -> Result<String, Full> {
        let mut open = self.lock();
        if open.len() >= self.limits.count {
            self.sweep(&mut open);
        }
        if open.len() >= self.limits.count {
            let next_to_end = open.values().map(|session| self.limits.idle.saturating_sub(session.used.elapsed())).min();
            return Err(Full { retry_after: next_to_end.unwrap_or_default().clamp(Duration::from_secs(1), LONGEST_WAIT) });
        }
        let id = uuid::Uuid::new_v4().simple().to_string();
        open.insert(id.clone(), Session { used: Instant::now(), calls: HashMap::new() });
        Ok(id)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        let mut open = self.lock();
        self.sweep(&mut open);
        open.len()
    }

    /// Whether there is such a session; its idle time starts anew.
    pub(crate) fn touch(&self, session: &str) -> bool {
        self.live(&mut self.lock(), session).is_some()
    }

    /// Ends a session and cancels its calls. False if there is none.
    pub(crate) fn close(&self, session: &str) -> bool {
        let mut open = self.lock();
        let known = self.live(&mut open, session).is_some();
        if let Some(closed) = open.remove(session) {
            closed.calls.values().for_each(CancellationToken::cancel);
        }
        known
    }

    /// Cancels a call of a session, if it is in flight.
    pub(crate) fn cancel(&self, session: &str, call: &RequestId) {
        let open = self.lock();
        if let Some(token) = open.get(session).and_then(|session| session.calls.get(call)) {
            token.cancel();
        }
    }

    /// Notes that a request of a session is in flight, until what it gives is dropped.
    pub(crate) fn enter(self: &Arc<Self>, session: &str, call: &RequestId) -> Result<InFlight, Outside> {
        let mut open = self.lock();
        let found = self.live(&mut open, session).ok_or(Outside::Unknown)?;
        let Entry::Vacant(place) = found.calls.entry(call.clone()) else { return Err(Outside::IdInUse) };
        let cancelled = place.insert(CancellationToken::new()).clone();
        drop(open);
        Ok(InFlight { sessions: Arc::clone(self), session: session.to_owned(), call: call.clone(), cancelled })
    }

    /// The session, its idle time started anew; nothing if it has ended. It looks at this session alone, so that a call
    /// costs the same however many there are.
    fn live<'a>(&self, open: &'a mut HashMap<String, Session>, session: &str) -> Option<&'a mut Session> {
        if self.has_ended(open.get(session)?) {
            open.remove(session);
            return None;
        }
        let found = open.get_mut(session)?;
        found.used = Instant::now();
        Some(found)
    }

    /// Forgets the sessions that have ended.
    fn sweep(&self, open: &mut HashMap<String, Session>) {
        open.retain(|_, session| !self.has_ended(session));
    }

    /// A session ends when it was idle for too long; one with a call in flight is not idle.
    fn has_ended(&self, session: &Session) -> bool {
        session.calls.is_empty() && session.used.elapsed() >= self.limits.idle
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        // A panic in here leaves the map as it is: every change is one insert or remove.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request of a session that is in flight.
#[derive(Debug)]
pub(crate) struct InFlight {
    sessions: Arc<Sessions>,
    session: String,
    call: RequestId,
    cancelled: CancellationToken,
}

impl InFlight {
    /// Cancelled with the request.
    pub(crate) fn token(&self) -> CancellationToken {
        self.cancelled.clone()
    }

    /// Waits until the client cancels the request or ends the session.
    pub(crate) async fn cancelled(&self) {
        self.cancelled.cancelled().await;
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(session) = self.sessions.lock().get_mut(&self.session) {
            session.calls.remove(&self.call);
            session.used = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use rmcp::model::RequestId;

    use super::{Outside, Sessions};
    use crate::options::SessionLimits;

    fn sessions(count: usize) -> Arc<Sessions> {
        Arc::new(Sessions::new(SessionLimits { count, idle: Duration::from_secs(100) }))
    }

    #[tokio::test(start_paused = true)]
    async fn sessions_are_bounded_in_number_and_end_when_idle() {
        let sessions = sessions(2);
        let first = sessions.open().unwrap();
        tokio::time::advance(Duration::from_secs(70)).await;
        let second = sessions.open().unwrap();
        assert_eq!(sessions.open().unwrap_err().retry_after, Duration::from_secs(30));
        assert!(sessions.touch(&second));
        tokio::time::advance(Duration::from_secs(31)).await;
        assert!(!sessions.touch(&first), "it was idle for 101 seconds");
        assert!(sessions.touch(&second));
        assert_eq!(sessions.count(), 1);
        assert!(sessions.open().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_with_a_call_in_flight_does_not_end() {
        let sessions = sessions(2);
        let id = sessions.open().unwrap();
        let call = sessions.enter(&id, &RequestId::Number(1)).unwrap();
        tokio::time::advance(Duration::from_secs(1000)).await;
        assert!(sessions.touch(&id));
        drop(call);
        tokio::time::advance(Duration::from_secs(101)).await;
        assert!(!sessions.touch(&id));
    }

    #[tokio::test]
    async fn a_cancellation_reaches_its_call_only() {
        let sessions = sessions(2);
        let (mine, other) = (sessions.open().unwrap(), sessions.open().unwrap());
        let one = RequestId::Number(1);
        let call = sessions.enter(&mine, &one).unwrap();
        let same_id = sessions.enter(&other, &one).unwrap();
        assert_eq!(sessions.enter(&mine, &one).unwrap_err(), Outside::IdInUse);
        sessions.cancel(&mine, &RequestId::String("1".into()));
        assert!(!call.cancelled.is_cancelled());
        sessions.cancel(&mine, &one);
        assert!(call.cancelled.is_cancelled() && !same_id.cancelled.is_cancelled());
        assert!(sessions.close(&other));
        assert!(same_id.cancelled.is_cancelled());
        assert_eq!(sessions.enter(&other, &one).unwrap_err(), Outside::Unknown);
    }
}
