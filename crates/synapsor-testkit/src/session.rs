//! How does a test without a runtime run SQL?
//!
//! A thread of its own holds one connection and runs what it is sent, one text at a time.

use std::sync::mpsc::{self, Receiver, Sender};
use std::thread::{self, JoinHandle};

use tokio::runtime::{Builder, Runtime};

/// What a statement gave, each value as the server prints it; `None` is NULL.
pub(crate) type Rows = Vec<Vec<Option<String>>>;

/// The rows of all statements, or the server's words.
pub(crate) type Answer = Result<Rows, String>;

/// How one kind of server is spoken to.
pub(crate) trait Speaks: Send + 'static {
    /// An open connection.
    type Client;

    /// Connects; panics if the server refuses, as there is nobody to handle it.
    fn connect(&self, runtime: &Runtime) -> Self::Client;

    /// Runs one or more statements as text.
    fn run(&self, runtime: &Runtime, client: &mut Self::Client, sql: &str) -> Answer;

    /// Says goodbye.
    fn close(&self, runtime: &Runtime, client: Self::Client);
}

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
    pub(crate) fn open(speaker: impl Speaks) -> Self {
        let (jobs, inbox) = mpsc::channel();
        let thread =
            thread::Builder::new().name("testkit sql".to_owned()).spawn(move || serve(&speaker, &inbox)).expect("a thread for SQL starts");
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

    /// The same, for a test: panics with the server's words.
    pub(crate) fn rows(&self, sql: &str) -> Rows {
        self.run(sql).unwrap_or_else(|words| panic!("{words}, in: {sql}"))
    }

    /// The rows as lines, values separated by ` | `, for snapshots.
    pub(crate) fn table(&self, sql: &str) -> String {
        let line = |row: Vec<Option<String>>| {
            let values = row.into_iter().map(|value| value.unwrap_or_else(|| "NULL".to_owned()));
            values.collect::<Vec<_>>().join(" | ")
        };
        self.rows(sql).into_iter().map(line).collect::<Vec<_>>().join("\n")
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

fn serve<S: Speaks>(speaker: &S, inbox: &Receiver<Job>) {
    let runtime = Builder::new_current_thread().enable_all().build().expect("a runtime starts");
    let mut client = None;
    while let Ok(job) = inbox.recv() {
        let client = client.get_or_insert_with(|| speaker.connect(&runtime));
        // A test that panicked meanwhile does not wait for its answer.
        let _ = job.answer.send(speaker.run(&runtime, client, &job.sql));
    }
    if let Some(client) = client {
        speaker.close(&runtime, client);
    }
}
