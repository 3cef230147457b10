//! How does a test without a runtime run SQL?
//!
//! A thread of its own holds one connection and runs what it is sent, one text at a time.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Runtime};
use tokio_postgres::{Client, Config, Error, NoTls, SimpleQueryMessage};

/// What every connection of the testkit sets, so that results read the same everywhere.
pub(crate) const PINNED: &str = "-c timezone=UTC -c datestyle=ISO -c extra_float_digits=3 \
     -c default_transaction_isolation=read\\ committed";

type Answer = Result<Vec<Vec<Option<String>>>, Error>;

struct Job {
    sql: String,
    answer: Sender<Answer>,
}

/// One connection behind a thread. Dropping it ends the connection and waits for that.
pub(crate) struct Session {
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl Session {
    /// Connects at the first use.
    pub(crate) fn open(config: Config) -> Self {
        let (jobs, inbox) = mpsc::channel();
        let thread =
            thread::Builder::new().name("testkit sql".to_owned()).spawn(move || serve(&config, &inbox)).expect("a thread for SQL starts");
        Self { jobs: Some(jobs), thread: Some(thread) }
    }

    /// Runs one or more statements as text; the rows of all of them.
    pub(crate) fn run(&self, sql: &str) -> Answer {
        let (answer, reply) = mpsc::channel();
        let job = Job { sql: sql.to_owned(), answer };
        let jobs = self.jobs.as_ref().expect("the session is open until it is dropped");
        jobs.send(job).expect("the SQL thread connected");
        reply.recv().expect("the SQL thread answers")
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // A panic there has failed the test already.
            let _ = thread.join();
        }
    }
}

fn serve(config: &Config, inbox: &Receiver<Job>) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let mut client = None;
    while let Ok(job) = inbox.recv() {
        let client = client.get_or_insert_with(|| connect(&runtime, config));
        let result = runtime.block_on(client.simple_query(&job.sql));
        // A test that panicked meanwhile does not wait for its answer.
        let _ = job.answer.send(result.map(rows));
    }
    drop(client);
    // Lets the connection say goodbye before its socket goes.
    runtime.block_on(tokio::task::yield_now());
}

fn connect(runtime: &Runtime, config: &Config) -> Client {
    let (client, connection) = runtime.block_on(config.connect(NoTls)).expect("the test server accepts connections");
    runtime.spawn(connection);
    client
}

fn rows(messages: Vec<SimpleQueryMessage>) -> Vec<Vec<Option<String>>> {
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect()),
        _ => None,
    };
    messages.into_iter().filter_map(row).collect()
}
