//! What if a handler lies, or the stream to it does?
//!
//! Two arrangements. In the first a server that keeps nothing answers whatever its lie says; the executor delivers once. What the ledger
//! then claims must be what that answer proves, and nothing better: an answer that is no valid receipt is `unknown`, whatever it
//! looks like, and nobody sends it again. In the second an honest handler keeps operation ids, and somebody between it and the runner
//! cuts, repeats, delays and forges; the executor may send again, and the end must be the truth.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use synapsor_handler::{Done, EffectError, Handler, Job, Table, Tx};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::business::{Business, Engine};
use crate::catalogue::{Answer, CATALOGUE, FAILED, Lie};
use crate::checker::{Kind, Wrong};
use crate::desk::{CAPABILITY, Desk};
use crate::handler::RECEIPTS;
use crate::plan::{Plan, Verdict};
use crate::planes::{Planes, SIGNING_SECRET, STATEMENT_TIMEOUT, TOKEN, Way};
use crate::random::Random;
use crate::tally::Tally;

pub(crate) const LIES: &str = "lies";

/// What somebody does who stands between the runner and an honest handler.
#[derive(Debug, Clone, Copy)]
enum Between {
    /// The request does not arrive.
    Before,
    /// The answer does not.
    After,
    /// Half of the answer does.
    Half,
    /// Something else does.
    Forged,
    /// The request arrives twice at the same time.
    Twice,
    /// The answer comes when nobody waits any more.
    Delayed,
    /// The request arrives when nobody waits any more.
    Late,
}

const BETWEEN: [Between; 7] =
    [Between::Before, Between::After, Between::Half, Between::Forged, Between::Twice, Between::Delayed, Between::Late];

/// Both arrangements in turns.
pub(crate) async fn run(plan: &Arc<Plan>) -> Tally {
    plan.trials(LIES, plan.count(60, 1000), |plan, number, random| async move { trial(&plan, number, random).await }).await
}

async fn trial(plan: &Arc<Plan>, number: u64, random: Random) -> Verdict {
    let _turn = plan.turn().await;
    let engine = Engine::ALL[usize::try_from(number % 3).unwrap_or(0)];
    let desk = Arc::new(Desk::set_up_for(plan, engine, &format!("{LIES}-{number}"), RECEIPTS).await);
    let (words, wrongs) = if number.is_multiple_of(2) {
        delivered_once(&desk, &CATALOGUE[usize::try_from(number / 2).unwrap_or(0) % CATALOGUE.len()]).await
    } else {
        delivered_again(&desk, random).await
    };
    if wrongs.is_empty() && !plan.options.keep {
        desk.clear();
    }
    Verdict { placed: true, place: format!("{words}, {}", engine.name()), wrongs, ..Verdict::default() }
}

/// One delivery to a server that lies. The claim must be what the answer proves, and it stays: nobody sends it again.
async fn delivered_once(desk: &Arc<Desk>, lie: &'static Lie) -> (String, Vec<Wrong>) {
    desk.configure_handler("never");
    let deliveries = Arc::new(AtomicUsize::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}/writeback", listener.local_addr().expect("it listens"));
    let server = tokio::spawn(lying(listener, lie, desk.clone(), deliveries.clone()));
    let planes = Planes::open(desk, &Way::Handler { url: &url, again: false });
    let id = planes.approved(desk, &desk.accounts[0], 60).await;
    let claimed = planes.apply(desk, &id).await;
    let first = deliveries.load(Ordering::SeqCst);
    let mut wrongs = Vec::new();
    let mut wrong = |words: String| wrongs.push(Wrong { kind: Kind::WrongState, words });
    if claimed != lie.claims {
        wrong(format!("claimed `{claimed}` where `{}` is what the answer proves", lie.claims));
    }
    let again = planes.apply(desk, &id).await;
    let status = desk.proposals().ok().and_then(|all| Some(all.get(id.as_str())?.status.clone())).unwrap_or_default();
    if lie.claims == "unknown" {
        let second = deliveries.load(Ordering::SeqCst);
        if (first, second) != (1, 1) {
            wrong(format!("delivered {second} times where once is allowed; the second apply said: {again}"));
        }
        if status != "pending_worker" {
            wrong(format!("an unknown outcome became `{status}`"));
        }
        let listed = planes.operator.unresolved().await.unwrap_or_default();
        if !listed.contains(&id) {
            wrong("an unknown outcome is not listed".to_owned());
        }
    }
    server.abort();
    (format!("{} with one delivery", lie.name), wrongs)
}

/// A handler that keeps operation ids, behind somebody who does not let everything pass.
async fn delivered_again(desk: &Arc<Desk>, mut random: Random) -> (String, Vec<Wrong>) {
    desk.configure_handler("safe");
    let handler = honest(desk).await;
    let acts: Vec<Between> = (0..1 + random.below(3)).map(|_| *random.one(&BETWEEN)).collect();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}/writeback", listener.local_addr().expect("it listens"));
    let words = format!("{acts:?} before an honest handler");
    let proxy = tokio::spawn(between(listener, handler.address, acts));
    let planes = Planes::open(desk, &Way::Handler { url: &url, again: true });
    let id = planes.approved(desk, &desk.accounts[0], 60).await;
    planes.settle(desk, &id).await;
    // Whatever is still on its way arrives.
    tokio::time::sleep(Duration::from_millis(50)).await;
    drop(planes);
    let wrongs = desk.check().await;
    proxy.abort();
    (words, wrongs)
}

async fn lying(listener: TcpListener, lie: &'static Lie, desk: Arc<Desk>, deliveries: Arc<AtomicUsize>) {
    while let Ok((mut stream, _)) = listener.accept().await {
        if request(&mut stream).await.is_none() {
            continue;
        }
        deliveries.fetch_add(1, Ordering::SeqCst);
        if lie.commits {
            let tenant = desk.tenant();
            let change =
                format!("update accounts set credit_cents = 60, version = version + 1 where tenant_id = '{tenant}' and id = 'A-1'");
            desk.business.rows(&change).await.expect("the liar commits");
        }
        tokio::spawn(answer(stream, &lie.answer));
    }
}

async fn answer(mut stream: TcpStream, answer: &'static Answer) {
    let head = |status: u16, header: &str, length: usize| {
        let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
        format!("HTTP/1.1 {status} Lie\r\nContent-Type: application/json\r\n{header}Content-Length: {length}\r\nConnection: close\r\n\r\n")
    };
    let bytes = match answer {
        Answer::Whole(status, body) => head(*status, "", body.len()) + body,
        Answer::With(status, body, header) => head(*status, header, body.len()) + body,
        Answer::Nothing => String::new(),
        Answer::Half(body) => head(200, "", body.len()) + &body[..body.len() / 2],
        Answer::Silence => {
            tokio::time::sleep(STATEMENT_TIMEOUT + Duration::from_millis(500)).await;
            return;
        }
        Answer::Endless => head(200, "", 3 << 20) + FAILED + &" ".repeat((3 << 20) - FAILED.len()),
    };
    // Whoever has heard enough goes.
    let _ = stream.write_all(bytes.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// Reads one request; all of its bytes.
async fn request(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok())?;
            if bytes.len() >= end + 4 + length {
                return Some(bytes);
            }
        }
        let mut piece = [0; 8192];
        let read = stream.read(&mut piece).await.ok().filter(|read| *read > 0)?;
        bytes.extend_from_slice(&piece[..read]);
    }
}

/// Lets the first requests suffer, one act each, and every later one pass.
async fn between(listener: TcpListener, handler: std::net::SocketAddr, acts: Vec<Between>) {
    let mut acts = acts.into_iter();
    while let Ok((mut client, _)) = listener.accept().await {
        let act = acts.next();
        tokio::spawn(async move {
            let Some(asked) = request(&mut client).await else { return };
            match act {
                Some(Between::Before) => return,
                Some(Between::Late) => tokio::time::sleep(STATEMENT_TIMEOUT + Duration::from_millis(300)).await,
                Some(Between::Twice) => {
                    let twin = tokio::spawn(passed_on(handler, asked.clone()));
                    let answered = passed_on(handler, asked).await;
                    let _ = twin.await;
                    let _ = client.write_all(&answered).await;
                    return;
                }
                Some(Between::After | Between::Half | Between::Forged | Between::Delayed) | None => {}
            }
            let answered = passed_on(handler, asked).await;
            let told: &[u8] = match act {
                Some(Between::After) => b"",
                Some(Between::Half) => &answered[..answered.len() / 2],
                Some(Between::Forged) => b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 4\r\nConnection: close\r\n\r\noops",
                Some(Between::Delayed) => {
                    tokio::time::sleep(STATEMENT_TIMEOUT + Duration::from_millis(300)).await;
                    &answered
                }
                Some(Between::Before | Between::Twice | Between::Late) | None => &answered,
            };
            let _ = client.write_all(told).await;
            let _ = client.shutdown().await;
        });
    }
}

/// Sends the request to the handler, byte for byte; all that it answers.
async fn passed_on(handler: std::net::SocketAddr, asked: Vec<u8>) -> Vec<u8> {
    let mut answered = Vec::new();
    let Ok(mut stream) = TcpStream::connect(handler).await else { return answered };
    if stream.write_all(&asked).await.is_err() {
        return answered;
    }
    // The handler keeps connections open; its answer names its length.
    let mut piece = [0; 8192];
    while let Ok(Ok(read)) = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut piece)).await {
        answered.extend_from_slice(&piece[..read]);
        let end = answered.windows(4).position(|window| window == b"\r\n\r\n");
        let whole = end.is_some_and(|end| {
            let head = String::from_utf8_lossy(&answered[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
            length.is_some_and(|length| answered.len() >= end + 4 + length)
        });
        if read == 0 || whole {
            break;
        }
    }
    answered
}

/// A handler that listens. Ends with its guard.
struct Served {
    address: std::net::SocketAddr,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Served {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// The handler of this workspace over the desk's business.
async fn honest(desk: &Desk) -> Served {
    let builder = Handler::builder().bearer_token(TOKEN).signing_secret(SIGNING_SECRET).connections(4);
    let builder = match &*desk.business {
        Business::Sqlite(path) => builder.sqlite(path),
        Business::Postgres(_) => builder.postgres(desk.business.url().unwrap_or_default()),
        Business::Mariadb(_) => builder.mysql(desk.business.url().unwrap_or_default()),
    };
    let handler =
        builder.table(Table::new("accounts", "tenant_id").key("id")).effect(CAPABILITY, credit).build().expect("everything is set");
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = listener.local_addr().expect("it listens");
    let serving = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = TowerToHyperService::new(handler.clone());
            tokio::spawn(async move { http1::Builder::new().serve_connection(TokioIo::new(stream), service).await });
        }
    });
    Served { address, serving }
}

/// The business change.
async fn credit(job: Job, tx: Tx) -> Result<Done, EffectError> {
    // The version too, so that the trigger sees one change and not two.
    let version = job.row().integer("version")? + 1;
    let set = [("credit_cents", job.patch().scalar("credit_cents")?.clone()), ("version", version.into())];
    tx.update("accounts", &set, &[("id", job.object_id().into())]).await?;
    Ok(Done::new().effect("db.update"))
}
