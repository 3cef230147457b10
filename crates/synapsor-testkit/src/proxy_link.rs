//! How does the proxy carry one connection, and where does the armed fault strike it?
//!
//! Each connection has two halves that read whole messages and ask before they forward one. The armed
//! fault is shared by all connections and taken by the first that reaches its place.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::fault_proxy::{Cut, Strike};
use crate::frames::{Conversation, Protocol, begins_with};
use crate::postgres_frames::{Opening, opening};

/// What all connections of one proxy share.
#[derive(Debug)]
pub(crate) struct Link {
    server: SocketAddr,
    protocol: Protocol,
    armed: Mutex<Option<Fault>>,
    strikes: watch::Sender<u64>,
    connections: Mutex<Vec<watch::Sender<Flow>>>,
    refused: AtomicBool,
}

#[derive(Debug)]
struct Fault {
    place: Cut,
    strike: Strike,
    messages: u64,
    answers: u64,
}

/// Whether messages of a connection pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Open,
    Frozen,
    Severed,
}

/// What is to be done about a message of the client.
enum Verdict {
    Forward,
    StrikeBefore(Strike),
    StrikeAfterAnswer(Strike),
}

impl Link {
    pub(crate) fn to(server: SocketAddr, protocol: Protocol) -> Self {
        Self {
            server,
            protocol,
            armed: Mutex::new(None),
            strikes: watch::Sender::new(0),
            connections: Mutex::new(Vec::new()),
            refused: AtomicBool::new(false),
        }
    }

    pub(crate) fn arm(&self, place: Cut, strike: Strike) {
        *locked(&self.armed) = Some(Fault { place, strike, messages: 0, answers: 0 });
    }

    pub(crate) fn disarm(&self) -> bool {
        locked(&self.armed).take().is_some()
    }

    pub(crate) fn thaw(&self) {
        self.turn(Flow::Frozen, Flow::Open);
    }

    pub(crate) fn sever(&self) {
        self.turn(Flow::Frozen, Flow::Severed);
        self.turn(Flow::Open, Flow::Severed);
    }

    pub(crate) fn refuse(&self, refused: bool) {
        self.refused.store(refused, Ordering::SeqCst);
    }

    pub(crate) fn strikes(&self) -> watch::Receiver<u64> {
        self.strikes.subscribe()
    }

    /// Carries one connection to its end.
    pub(crate) async fn carry(self: Arc<Self>, client: TcpStream) {
        if self.refused.load(Ordering::SeqCst) {
            return;
        }
        let flow = watch::Sender::new(Flow::Open);
        locked(&self.connections).push(flow.clone());
        let mut severed = flow.subscribe();
        tokio::select! {
            // An error is the end of a connection like any other; the client has noticed it.
            _ = self.converse(client, &flow) => {}
            _ = severed.wait_for(|now| *now == Flow::Severed) => {}
        }
        locked(&self.connections).retain(|other| !other.same_channel(&flow));
    }

    async fn converse(&self, mut client: TcpStream, flow: &watch::Sender<Flow>) -> io::Result<()> {
        client.set_nodelay(true)?;
        let start = match self.protocol {
            Protocol::Postgres => match self.start_of_session(&mut client).await? {
                Some(start) => start,
                None => return Ok(()),
            },
            // The server speaks first.
            Protocol::Mysql => Vec::new(),
        };
        let mut server = TcpStream::connect(self.server).await?;
        server.set_nodelay(true)?;
        server.write_all(&start).await?;
        let connection = Connection::new(self, flow);
        let (from_client, to_client) = client.split();
        let (from_server, to_server) = server.split();
        let up = connection.forward_up(BufReader::new(from_client), to_server);
        let down = connection.forward_down(BufReader::new(from_server), to_client);
        let (up, down) = tokio::join!(up, down);
        up.and(down)
    }

    /// What PostgreSQL's client says to start its session; `None` if it wanted something else, which is done.
    async fn start_of_session(&self, client: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
        loop {
            match opening(client).await? {
                None => return Ok(None),
                Some(Opening::Encryption) => client.write_all(b"N").await?,
                Some(Opening::Cancel(packet)) => {
                    TcpStream::connect(self.server).await?.write_all(&packet).await?;
                    return Ok(None);
                }
                Some(Opening::Session(packet)) => return Ok(Some(packet)),
            }
        }
    }

    /// Takes the fault if the client's message is its place.
    fn judge_message(&self, sql: Option<&str>) -> Verdict {
        let mut armed = locked(&self.armed);
        let Some(fault) = armed.as_mut() else { return Verdict::Forward };
        fault.messages += 1;
        let runs = |wanted| sql.is_some_and(|sql| begins_with(sql, wanted));
        let verdict = match fault.place {
            Cut::BeforeQuery(wanted) if runs(wanted) => Verdict::StrikeBefore(fault.strike),
            Cut::AfterForwarding(wanted) if runs(wanted) => Verdict::StrikeAfterAnswer(fault.strike),
            Cut::BeforeMessage(n) if fault.messages == n => Verdict::StrikeBefore(fault.strike),
            Cut::BeforeQuery(_) | Cut::AfterForwarding(_) | Cut::BeforeMessage(_) | Cut::BeforeAnswer(_) => return Verdict::Forward,
        };
        *armed = None;
        verdict
    }

    /// Takes the fault if the server's message is its place.
    fn judge_answer(&self) -> Option<Strike> {
        let mut armed = locked(&self.armed);
        let fault = armed.as_mut()?;
        fault.answers += 1;
        if fault.place != Cut::BeforeAnswer(fault.answers) {
            return None;
        }
        armed.take().map(|fault| fault.strike)
    }

    fn turn(&self, from: Flow, to: Flow) {
        for flow in locked(&self.connections).iter() {
            flow.send_if_modified(|now| {
                let turns = *now == from;
                if turns {
                    *now = to;
                }
                turns
            });
        }
    }
}

/// The answers of one connection: how many were asked for, and which one must not arrive.
#[derive(Debug)]
struct Answers {
    /// How many the server owes or has sent.
    asked: u64,
    swallowed: Option<(u64, Strike)>,
}

struct Connection<'a> {
    link: &'a Link,
    flow: &'a watch::Sender<Flow>,
    conversation: Mutex<Box<dyn Conversation>>,
    answers: Mutex<Answers>,
}

impl<'a> Connection<'a> {
    fn new(link: &'a Link, flow: &'a watch::Sender<Flow>) -> Self {
        let answers = Answers { asked: link.protocol.unasked(), swallowed: None };
        Self { link, flow, conversation: Mutex::new(link.protocol.conversation()), answers: Mutex::new(answers) }
    }

    /// Client to server.
    async fn forward_up(&self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
        while let Some(message) = self.link.protocol.message(&mut from).await? {
            let effect = locked(&self.conversation).follow_client(&message);
            match self.link.judge_message(effect.sql.as_deref()) {
                Verdict::Forward => {}
                Verdict::StrikeBefore(strike) => self.strike(strike),
                Verdict::StrikeAfterAnswer(strike) => self.swallow_next_answer(strike),
            }
            self.passable().await;
            if effect.answered {
                locked(&self.answers).asked += 1;
            }
            to.write_all(&message.0).await?;
        }
        self.passable().await;
        to.shutdown().await
    }

    /// Server to client. Holds back the answer that must not arrive until it is complete.
    async fn forward_down(&self, mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
        let mut complete = 0;
        let mut held = Vec::new();
        while let Some(mut message) = self.link.protocol.message(&mut from).await? {
            if let Some(strike) = self.link.judge_answer() {
                self.strike(strike);
            }
            let carried_out = locked(&self.conversation).follow_server(&mut message);
            held.extend_from_slice(&message.0);
            complete += u64::from(carried_out);
            let swallowed = locked(&self.answers).swallowed;
            match swallowed {
                Some((answer, strike)) if complete == answer => {
                    locked(&self.answers).swallowed = None;
                    self.strike(strike);
                }
                // The answer in question has begun and is not complete.
                Some((answer, _)) if complete + 1 == answer && !carried_out => continue,
                Some(_) | None => {}
            }
            self.passable().await;
            to.write_all(&held).await?;
            held.clear();
        }
        self.passable().await;
        to.write_all(&held).await?;
        to.shutdown().await
    }

    /// The message about to be forwarded is answered after all that were asked for before it.
    fn swallow_next_answer(&self, strike: Strike) {
        let mut answers = locked(&self.answers);
        answers.swallowed = Some((answers.asked + 1, strike));
    }

    fn strike(&self, strike: Strike) {
        // Counted first: whoever sees the effect finds the count.
        self.link.strikes.send_modify(|count| *count += 1);
        self.flow.send_replace(match strike {
            Strike::Cut => Flow::Severed,
            Strike::Freeze => Flow::Frozen,
        });
    }

    /// Returns when messages pass. Never on a severed connection, which is about to be dropped.
    async fn passable(&self) {
        // The sender outlives us, so there is always a value to wait for.
        let _ = self.flow.subscribe().wait_for(|now| *now == Flow::Open).await;
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
