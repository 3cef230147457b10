//! What if the connection breaks at exactly this message?
//!
//! The proxy stands between a client and PostgreSQL or MySQL and understands where messages end. One fault is
//! armed at a time; it strikes once, then everything passes again, so that a retry can find out what
//! happened.
//!
//! # Invariants
//! - A message is forwarded whole or not at all.
//! - A strike is counted before the client can notice it.
//! - The proxy has a thread of its own: a test that blocks does not block the traffic.
//!
//! It offers no TLS (a client that insists on it is refused). Start reading at [`Cut`].

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use tokio::time::timeout;

use crate::frames::Protocol;
use crate::proxy_link::Link;

/// How long a test waits for a fault that does not strike.
const PATIENCE: Duration = Duration::from_secs(20);

/// Where in the stream a fault strikes, counted from when it is armed, over all connections.
///
/// A query is named by its first words, in any case (`"COMMIT"`, `"insert into"`); it is met as a
/// simple query and as an execution of a prepared one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cut {
    /// Before the query reaches the server: it never runs.
    BeforeQuery(&'static str),
    /// After the server ran the query and answered it; the client does not get the answer. (A MySQL server that sends rows has
    /// begun to answer.)
    AfterForwarding(&'static str),
    /// Before the n-th message (from 1) of a client reaches the server. For sweeps over all places.
    BeforeMessage(u64),
    /// Before the n-th message (from 1) of the server reaches its client.
    BeforeAnswer(u64),
}

/// What a fault does to its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strike {
    /// Both sides lose the connection.
    Cut,
    /// Nothing passes any more, in either direction, until the thaw.
    Freeze,
}

/// A proxy in front of one database server, on a port of its own. Dropping it cuts everything.
///
/// ```no_run
/// use synapsor_testkit::{Cut, FaultProxy, Postgres};
///
/// let Some(database) = Postgres::shared() else { return };
/// let proxy = FaultProxy::to(database.address());
/// let url = database.url_through(&proxy);
/// proxy.cut(Cut::BeforeQuery("COMMIT"));
/// // ... a commit over `url` is lost here, and the next one passes.
/// assert_eq!(proxy.strikes(), 1);
/// ```
#[derive(Debug)]
pub struct FaultProxy {
    address: SocketAddr,
    link: Arc<Link>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FaultProxy {
    /// Starts a proxy to PostgreSQL that lets everything pass.
    ///
    /// # Panics
    /// If no port or thread can be had.
    #[must_use]
    pub fn to(server: SocketAddr) -> Self {
        Self::speaking(Protocol::Postgres, server)
    }

    /// Starts a proxy to MySQL or MariaDB that lets everything pass.
    ///
    /// # Panics
    /// If no port or thread can be had.
    #[must_use]
    pub fn to_mysql(server: SocketAddr) -> Self {
        Self::speaking(Protocol::Mysql, server)
    }

    fn speaking(protocol: Protocol, server: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let address = listener.local_addr().expect("a bound socket has an address");
        listener.set_nonblocking(true).expect("a socket can be asynchronous");
        let link = Arc::new(Link::to(server, protocol));
        let (stop, stopped) = oneshot::channel();
        let served = Arc::clone(&link);
        let thread = thread::Builder::new()
            .name("fault proxy".to_owned())
            .spawn(move || serve(listener, &served, stopped))
            .expect("a thread for the proxy starts");
        Self { address, link, stop: Some(stop), thread: Some(thread) }
    }

    /// Where clients connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Arms a fault that cuts the connection which reaches `place` first. Replaces an armed one.
    pub fn cut(&self, place: Cut) {
        self.link.arm(place, Strike::Cut);
    }

    /// Arms a fault that freezes the connection which reaches `place` first: both sides keep it, and
    /// nothing passes. What a client or the server sends meanwhile, even its end, arrives after
    /// [`FaultProxy::thaw`]: a paused network, and the way a late COMMIT comes about.
    pub fn freeze(&self, place: Cut) {
        self.link.arm(place, Strike::Freeze);
    }

    /// Takes back an armed fault; true if it had not struck.
    pub fn disarm(&self) -> bool {
        self.link.disarm()
    }

    /// Lets frozen connections go on where they stopped.
    pub fn thaw(&self) {
        self.link.thaw();
    }

    /// Cuts every connection that there is now.
    pub fn sever(&self) {
        self.link.sever();
    }

    /// While `refused`, new connections are closed at once, as by a server that is starting.
    pub fn refuse(&self, refused: bool) {
        self.link.refuse(refused);
    }

    /// How many faults have struck.
    #[must_use]
    pub fn strikes(&self) -> u64 {
        *self.link.strikes().borrow()
    }

    /// Waits until `count` faults have struck in all.
    ///
    /// # Panics
    /// If that takes longer than 20 s.
    pub async fn wait_for_strikes(&self, count: u64) {
        let mut strikes: watch::Receiver<u64> = self.link.strikes();
        let struck = strikes.wait_for(|found| *found >= count);
        let in_time = timeout(PATIENCE, struck).await;
        assert!(in_time.is_ok(), "the fault did not strike: {} of {count}", self.strikes());
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there shows as a failed connection in the test.
            let _ = thread.join();
        }
    }
}

/// Accepts until the proxy is dropped; the runtime takes all connections with it.
fn serve(listener: TcpListener, link: &Arc<Link>, stopped: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime starts").block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).expect("the socket is ours");
        let accepting = async {
            loop {
                if let Ok((client, _)) = listener.accept().await {
                    tokio::spawn(Arc::clone(link).carry(client));
                }
            }
        };
        tokio::select! {
            () = accepting => {}
            _ = stopped => {}
        }
    });
}
