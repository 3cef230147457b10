//! Faults at exact messages, against the real servers.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, OptsBuilder};
use synapsor_testkit::{Cut, FaultProxy, Mysql, Postgres};
use tokio_postgres::NoTls;

const ROWS: &str = "select count(*) from t";

/// How a client says COMMIT.
#[derive(Debug, Clone, Copy)]
enum Way {
    Simple,
    Prepared,
}

const WAYS: [Way; 2] = [Way::Simple, Way::Prepared];

enum Database {
    Postgres(Postgres),
    Mysql(Mysql),
}

enum Client {
    Postgres(tokio_postgres::Client),
    Mysql(Conn),
}

/// Why a client saw no answer: in its own words, and whether the server said so.
#[derive(Debug)]
struct Lost {
    words: String,
    server_said_so: bool,
}

impl From<tokio_postgres::Error> for Lost {
    fn from(error: tokio_postgres::Error) -> Self {
        Self { words: error.to_string(), server_said_so: error.as_db_error().is_some() && !error.is_closed() }
    }
}

impl From<mysql_async::Error> for Lost {
    fn from(error: mysql_async::Error) -> Self {
        Self { words: error.to_string(), server_said_so: matches!(error, mysql_async::Error::Server(_)) }
    }
}

struct Scene {
    database: Database,
    proxy: FaultProxy,
}

/// One scene per server.
fn scenes() -> Vec<Scene> {
    let postgres = Postgres::shared().map(|database| (FaultProxy::to(database.address()), Database::Postgres(database)));
    let mysql = Mysql::shared().map(|database| (FaultProxy::to_mysql(database.address()), Database::Mysql(database)));
    let scene = |(proxy, database): (FaultProxy, Database)| {
        let scene = Scene { database, proxy };
        scene.execute("create table t (id int primary key)");
        scene
    };
    [postgres, mysql].into_iter().flatten().map(scene).collect()
}

impl Scene {
    fn execute(&self, sql: &str) {
        match &self.database {
            Database::Postgres(database) => database.execute(sql),
            Database::Mysql(database) => database.execute(sql),
        }
    }

    fn table(&self, sql: &str) -> String {
        match &self.database {
            Database::Postgres(database) => database.table(sql),
            Database::Mysql(database) => database.table(sql),
        }
    }

    async fn client(&self) -> Result<Client, Lost> {
        match &self.database {
            Database::Postgres(database) => {
                let (client, connection) = tokio_postgres::connect(&database.url_through(&self.proxy), NoTls).await?;
                tokio::spawn(connection);
                Ok(Client::Postgres(client))
            }
            Database::Mysql(database) => {
                let opts = Opts::from_url(&database.url_through(&self.proxy)).unwrap();
                let opts = OptsBuilder::from_opts(opts).prefer_socket(false).init(vec!["set completion_type = 0"]);
                Ok(Client::Mysql(Conn::new(opts).await?))
            }
        }
    }

    /// One insert in a transaction of its own.
    async fn insert(&self, way: Way) -> Result<(), Lost> {
        self.client().await?.insert(way).await
    }

    /// The number of rows once no transaction of the test is open any more.
    async fn rows(&self) -> String {
        let open = match &self.database {
            Database::Postgres(_) => {
                "select count(*) from pg_stat_activity where datname = current_database() \
                 and state <> 'idle' and pid <> pg_backend_pid()"
            }
            Database::Mysql(_) => {
                "select count(*) from information_schema.innodb_trx join information_schema.processlist \
                 on id = trx_mysql_thread_id where db = database() and id <> connection_id()"
            }
        };
        for _ in 0..1000 {
            if self.table(open) == "0" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.table(ROWS)
    }
}

impl Client {
    async fn run(&mut self, sql: &str) -> Result<(), Lost> {
        match self {
            Self::Postgres(client) => Ok(client.batch_execute(sql).await?),
            Self::Mysql(client) => Ok(client.query_drop(sql).await?),
        }
    }

    async fn insert(&mut self, way: Way) -> Result<(), Lost> {
        match (way, self) {
            (Way::Simple, client) => {
                client.run("begin").await?;
                client.run("insert into t values (1)").await?;
                client.run("commit").await
            }
            (Way::Prepared, Self::Postgres(client)) => {
                let commit = client.prepare("COMMIT").await?;
                client.execute("BEGIN", &[]).await?;
                client.execute("insert into t values (1)", &[]).await?;
                Ok(client.execute(&commit, &[]).await.map(drop)?)
            }
            (Way::Prepared, Self::Mysql(client)) => {
                let commit = client.prep("COMMIT").await?;
                client.query_drop("BEGIN").await?;
                client.exec_drop("insert into t values (?)", (1,)).await?;
                Ok(client.exec_drop(&commit, ()).await?)
            }
        }
    }
}

#[tokio::test]
async fn without_a_fault_everything_passes() {
    for scene in scenes() {
        scene.insert(Way::Simple).await.unwrap();
        assert_eq!((scene.rows().await.as_str(), scene.proxy.strikes()), ("1", 0));
    }
}

#[tokio::test]
async fn a_commit_cut_before_it_arrives_did_not_happen() {
    for way in WAYS {
        for scene in scenes() {
            scene.proxy.cut(Cut::BeforeQuery("COMMIT"));
            assert!(scene.insert(way).await.is_err(), "{way:?}");
            assert_eq!((scene.rows().await.as_str(), scene.proxy.strikes()), ("0", 1), "{way:?}");
            scene.insert(way).await.expect("a fault strikes once");
            assert_eq!(scene.rows().await, "1", "{way:?}");
        }
    }
}

#[tokio::test]
async fn a_commit_cut_after_it_arrived_happened_though_the_client_saw_an_error() {
    for way in WAYS {
        for scene in scenes() {
            scene.proxy.cut(Cut::AfterForwarding("COMMIT"));
            let lost = scene.insert(way).await.unwrap_err();
            assert!(!lost.server_said_so, "{way:?}: {}", lost.words);
            assert_eq!((scene.rows().await.as_str(), scene.proxy.strikes()), ("1", 1), "{way:?}");
        }
    }
}

#[tokio::test]
async fn only_the_answer_of_the_named_query_is_lost_among_pipelined_ones() {
    for scene in scenes() {
        // Nobody pipelines to MySQL.
        let Client::Postgres(client) = scene.client().await.unwrap() else { continue };
        scene.proxy.cut(Cut::AfterForwarding("insert"));
        let (before, lost) = tokio::join!(client.batch_execute("select 1"), client.batch_execute("insert into t values (1)"),);
        assert!(before.is_ok());
        assert!(lost.is_err());
        assert_eq!(scene.rows().await, "1");
    }
}

#[tokio::test]
async fn a_frozen_commit_arrives_late_even_if_its_client_gave_up() {
    for scene in scenes() {
        scene.proxy.freeze(Cut::BeforeQuery("COMMIT"));
        let mut client = scene.client().await.unwrap();
        let work = tokio::spawn(async move { client.insert(Way::Simple).await });
        scene.proxy.wait_for_strikes(1).await;
        assert!(!work.is_finished(), "a frozen connection gives no answer");
        work.abort();
        assert!(work.await.is_err());
        assert_eq!(scene.table(ROWS), "0");
        scene.proxy.thaw();
        assert_eq!(scene.rows().await, "1");
    }
}

#[tokio::test]
async fn a_frozen_answer_is_delivered_after_the_thaw() {
    for scene in scenes() {
        scene.proxy.freeze(Cut::AfterForwarding("COMMIT"));
        let mut client = scene.client().await.unwrap();
        let work = tokio::spawn(async move { client.insert(Way::Simple).await });
        scene.proxy.wait_for_strikes(1).await;
        assert_eq!(scene.table(ROWS), "1");
        assert!(!work.is_finished());
        scene.proxy.thaw();
        work.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn rows_pass_the_proxy_whole() {
    for scene in scenes() {
        let mut client = scene.client().await.unwrap();
        client.insert(Way::Prepared).await.unwrap();
        let union = "select id from t union all select 2 union all select 3 order by 1";
        let rows: Vec<i32> = match client {
            Client::Postgres(client) => client.query(union, &[]).await.unwrap().iter().map(|row| row.get(0)).collect(),
            Client::Mysql(mut client) => client.exec(union, ()).await.unwrap(),
        };
        assert_eq!(rows, [1, 2, 3]);
    }
}

#[tokio::test]
async fn a_sweep_over_all_messages_never_sees_half_a_transaction() {
    for scene in scenes() {
        let mut outcomes = Vec::new();
        for place in 1.. {
            scene.execute("delete from t");
            scene.proxy.cut(Cut::BeforeMessage(place));
            let result = scene.insert(Way::Simple).await;
            let struck = !scene.proxy.disarm();
            outcomes.push((result.is_ok(), scene.rows().await));
            if !struck {
                break;
            }
        }
        let whole = outcomes.pop().unwrap();
        assert_eq!(whole, (true, "1".to_owned()));
        assert!(outcomes.len() > 4, "{outcomes:?}");
        // A lost goodbye (`Terminate`) is noticed by nobody; everything else by the client.
        let known = |(ok, rows): &(bool, String)| rows == if *ok { "1" } else { "0" };
        assert!(outcomes.iter().all(known), "{outcomes:?}");
    }
}

#[tokio::test]
async fn an_answer_can_be_cut_by_its_number() {
    for scene in scenes() {
        let mut client = scene.client().await.unwrap();
        scene.proxy.cut(Cut::BeforeAnswer(1));
        assert!(client.run("insert into t values (1)").await.is_err());
        // This MySQL server commits nothing by itself.
        let kept = if matches!(client, Client::Mysql(_)) { "0" } else { "1" };
        assert_eq!(scene.rows().await, kept);
    }
}

#[tokio::test]
async fn a_severed_and_refusing_proxy_is_a_server_that_is_away() {
    for scene in scenes() {
        let mut client = scene.client().await.unwrap();
        scene.proxy.refuse(true);
        scene.proxy.sever();
        assert!(client.run("select 1").await.is_err());
        assert!(scene.client().await.is_err());
        scene.proxy.refuse(false);
        assert!(scene.client().await.is_ok());
    }
}
