//! What if everything is killed, paused and restarted at random while agents propose, people approve and workers apply?
//!
//! A server takes proposals for a few hot accounts, every answered one is approved at once, and two workers apply them, directly or
//! through a handler. Meanwhile a seed chooses who is struck next: a worker, the server, the handler, a connection's process in
//! the database, the whole database. Then it becomes quiet, the workers finish, and everything is counted.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{ChildStdin, ChildStdout};

use crate::business::Engine;
use crate::desk::{CAPABILITY, Desk};
use crate::handler;
use crate::kills::lapse;
use crate::plan::{Plan, Verdict};
use crate::process::{Running, Wrapped};
use crate::random::Random;
use crate::tally::Tally;

pub(crate) const STORMS: &str = "storms";

/// The variable with the file that names the processes of the database servers.
const SERVERS: &str = "SYNAPSOR_CHAOS_SERVERS";

/// How long workers may take to finish once it is quiet: whoever died has a lease, and a retry its pause.
const CALM: Duration = Duration::from_secs(75);

/// Where a storm blows, and whether a handler carries the changes out.
const PLACES: [(Engine, bool); 6] = [
    (Engine::Postgres, false),
    (Engine::Mariadb, false),
    (Engine::Sqlite, false),
    (Engine::Postgres, true),
    (Engine::Mariadb, true),
    (Engine::Sqlite, true),
];

/// One after the other, as each may take the servers away from all.
pub(crate) async fn run(plan: &Arc<Plan>) -> Tally {
    let alone = Arc::new(tokio::sync::Mutex::new(()));
    let count = plan.count(2, 12);
    plan.trials(STORMS, count, |plan, number, random| {
        let alone = alone.clone();
        async move {
            let _alone = alone.lock().await;
            trial(&plan, number, random).await
        }
    })
    .await
}

async fn trial(plan: &Plan, number: u64, random: Random) -> Verdict {
    let (engine, by_handler) = PLACES[usize::try_from(number).unwrap_or(0) % PLACES.len()];
    let name = format!("{STORMS}-{number}");
    let mut desk = if by_handler {
        Desk::set_up_for(plan, engine, &name, handler::RECEIPTS).await
    } else {
        Desk::set_up(plan, engine, &name, 6).await
    };
    let handler = if by_handler { Some(handler::declare(plan, &mut desk)) } else { None };
    desk.limit_retries(by_handler);
    let desk = Arc::new(desk);
    let blowing = Duration::from_secs(if plan.options.quick { 8 } else { 45 });
    let storm = Storm {
        desk: desk.clone(),
        engine,
        server: Mutex::default(),
        cents: AtomicI64::new(100),
        over: AtomicBool::new(false),
        strikes: AtomicU64::new(0),
    };
    let mut crew = vec![
        Member::new("worker-1", Box::new(|desk: &Desk, log| desk.runner(&["worker", "--grace", "2"]).logging(log))),
        Member::new("worker-2", Box::new(|desk: &Desk, log| desk.runner(&["worker", "--grace", "2", "--concurrency", "3"]).logging(log))),
    ];
    crew.extend(
        handler.map(|program| Member::new("handler", Box::new(move |desk: &Desk, log| handler::serving(&program, desk).logging(log)))),
    );
    crew.iter_mut().rev().for_each(|member| member.start(&desk));
    let asking = (0..2).map(|_| storm.ask());
    tokio::join!(futures_util::future::join_all(asking), storm.blow(&mut crew, random, blowing));
    let quiet = Instant::now();
    storm.calm(&mut crew).await;
    let recovered = quiet.elapsed();
    // The workers first, and the handler last, which they may be asking.
    for member in &mut crew {
        member.end().await;
    }
    lapse(&desk).await;
    if let Some(member) = crew.iter_mut().find(|member| member.name == "handler") {
        member.start(&desk);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let wrongs = desk.recover().await;
    let (strikes, applied) = (storm.strikes.load(Ordering::SeqCst), desk.applied_count());
    if wrongs.is_empty() && !plan.options.keep {
        desk.clear();
    }
    let words = format!("{}{}: {applied} applied", engine.name(), if by_handler { " through a handler" } else { "" });
    Verdict { placed: strikes > 0, strikes, place: words, wrongs, recovered: Some(recovered) }
}

struct Storm {
    desk: Arc<Desk>,
    engine: Engine,
    /// The servers that take proposals now.
    server: Mutex<BTreeMap<u64, Pid>>,
    cents: AtomicI64,
    over: AtomicBool,
    strikes: AtomicU64,
}

/// What starts a member; what it says goes into this file.
type Program = Box<dyn Fn(&Desk, PathBuf) -> Wrapped + Send + Sync>;

/// A program that is started again whenever it ends.
struct Member {
    name: &'static str,
    program: Program,
    running: Option<Running>,
}

/// A server, and the way to talk to it.
struct Server {
    _running: Running,
    stdin: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Storm {
    /// An agent that proposes, and a person who approves, until it is over. A server that died is started again.
    async fn ask(&self) {
        let mut server: Option<Server> = None;
        while !self.over.load(Ordering::SeqCst) {
            let mut there = match server.take() {
                Some(there) => there,
                None => self.serve(),
            };
            let number = self.cents.fetch_add(1, Ordering::SeqCst);
            let account = &self.desk.accounts[usize::try_from(number).unwrap_or(0) % self.desk.accounts.len()];
            match there.propose(account, number).await {
                Some(answer) => {
                    server = Some(there);
                    if let Some(id) = self.desk.proposed_in(&answer) {
                        for _ in 0..5 {
                            if self.desk.approve(&id).await {
                                break;
                            }
                        }
                    }
                }
                None => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    }

    /// A server with a worker of its own, so that killing it takes both.
    fn serve(&self) -> Server {
        let mut running = self.desk.runner(&["mcp", "serve", "--allow-concurrent-store", "--with-worker"]).start();
        if let Some(pid) = running.pid() {
            self.servers().insert(u64::from(pid.as_raw_nonzero().get().unsigned_abs()), pid);
        }
        let stdin = running.child.stdin.take().expect("its input is a pipe");
        let lines = BufReader::new(running.child.stdout.take().expect("its output is a pipe")).lines();
        drop(running.child.stderr.take());
        Server { _running: running, stdin, lines }
    }

    fn servers(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Pid>> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Strikes at random moments until it is time.
    async fn blow(&self, crew: &mut [Member], mut random: Random, blowing: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < blowing {
            tokio::time::sleep(random.millis(100, 900)).await;
            self.strike(crew, &mut random).await;
            for member in &mut *crew {
                member.revive(&self.desk);
            }
        }
        self.over.store(true, Ordering::SeqCst);
    }

    async fn strike(&self, crew: &mut [Member], random: &mut Random) {
        let struck = match random.below(20) {
            0..=6 => crew[random.below(crew.len())].signal(Signal::KILL),
            7..=10 => {
                let member = &crew[random.below(crew.len())];
                let stopped = member.signal(Signal::STOP);
                tokio::time::sleep(random.millis(50, 2500)).await;
                member.signal(Signal::CONT);
                stopped
            }
            11..=14 => {
                let server = self.servers().pop_first();
                server.is_some_and(|(_, pid)| kill_process(pid, Signal::KILL).is_ok())
            }
            15..=17 => self.kill_backend(random).await,
            _ => self.kill_database(),
        };
        self.strikes.fetch_add(u64::from(struck), Ordering::SeqCst);
    }

    /// Kills what serves one connection. PostgreSQL then ends all others too, and recovers; MariaDB, which has threads, loses the connection.
    async fn kill_backend(&self, random: &mut Random) -> bool {
        let (query, column) = match self.engine {
            Engine::Sqlite => return false,
            Engine::Postgres => ("select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()", 0),
            Engine::Mariadb => ("select id from information_schema.processlist where id <> connection_id() and user = 'synapsor'", 0),
        };
        let Ok(rows) = self.desk.business.rows(query).await else { return false };
        if rows.is_empty() {
            return false;
        }
        let Some(id) = rows[random.below(rows.len())][column].clone() else { return false };
        match self.engine {
            Engine::Mariadb => self.desk.business.rows(&format!("kill {id}")).await.is_ok(),
            Engine::Postgres | Engine::Sqlite => killed(&id),
        }
    }

    fn kill_database(&self) -> bool {
        let name = match self.engine {
            Engine::Sqlite => return false,
            Engine::Postgres => "postgres",
            Engine::Mariadb => "mariadb",
        };
        let Some(file) = servers_file() else { return false };
        let text = std::fs::read_to_string(file).unwrap_or_default();
        let pid = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u32>().ok());
        pid.is_some_and(|pid| killed(&pid.to_string()))
    }

    /// Waits until the workers have nothing left to do, or have had time enough.
    async fn calm(&self, crew: &mut [Member]) {
        let begun = Instant::now();
        while begun.elapsed() < CALM {
            for member in &mut *crew {
                member.signal(Signal::CONT);
                member.revive(&self.desk);
            }
            if self.desk.open_count() == 0 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "the task that started this program says where its servers are")]
fn servers_file() -> Option<std::ffi::OsString> {
    std::env::var_os(SERVERS)
}

fn killed(pid: &str) -> bool {
    let pid = pid.parse::<i32>().ok().and_then(Pid::from_raw);
    pid.is_some_and(|pid| kill_process(pid, Signal::KILL).is_ok())
}

impl Member {
    fn new(name: &'static str, program: Program) -> Self {
        Self { name, program, running: None }
    }

    fn start(&mut self, desk: &Desk) {
        self.running = Some((self.program)(desk, desk.folder.join(format!("{}.log", self.name))).start());
    }

    fn revive(&mut self, desk: &Desk) {
        if !matches!(self.running.as_mut().map(|running| running.child.try_wait()), Some(Ok(None))) {
            self.start(desk);
        }
    }

    fn signal(&self, signal: Signal) -> bool {
        if let Some(running) = &self.running {
            running.signal(signal);
        }
        self.running.is_some()
    }

    /// Asks it to end, and waits for that.
    async fn end(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.signal(Signal::CONT);
            running.signal(Signal::TERM);
            let _ = tokio::time::timeout(Duration::from_secs(30), running.child.wait()).await;
        }
    }
}

impl Server {
    /// The answer, if one came.
    async fn propose(&mut self, account: &str, cents: i64) -> Option<Json> {
        let call = json!({"jsonrpc": "2.0", "id": cents, "method": "tools/call", "params": {
            "name": CAPABILITY, "arguments": {"id": account, "cents": cents},
            "_meta": {"io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {}}}});
        self.stdin.write_all(format!("{call}\n").as_bytes()).await.ok()?;
        let line = tokio::time::timeout(Duration::from_secs(20), self.lines.next_line()).await.ok()?.ok()??;
        let answer: Json = serde_json::from_str(&line).ok()?;
        Some(answer["result"]["structuredContent"].clone())
    }
}
