//! Faults at exact messages, against the real server.

use std::time::Duration;

use synapsor_testkit::{Cut, FaultProxy, Postgres};
use tokio_postgres::{Client, NoTls};

const ROWS: &str = "select count(*) from t";

/// How a client says COMMIT.
#[derive(Debug, Clone, Copy)]
enum Way {
    Simple,
    Prepared,
}

const WAYS: [Way; 2] = [Way::Simple, Way::Prepared];

struct Scene {
    database: Postgres,
    proxy: FaultProxy,
}

impl Scene {
    fn new() -> Option<Self> {
        let database = Postgres::shared()?;
        database.execute("create table t (id int primary key)");
        let proxy = FaultProxy::to(database.address());
        Some(Self { database, proxy })
    }

    async fn client(&self) -> Result<Client, tokio_postgres::Error> {
        let url = self.database.url_through(&self.proxy);
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// One insert in a transaction of its own.
    async fn insert(&self, way: Way) -> Result<(), tokio_postgres::Error> {
        let client = self.client().await?;
        insert(&client, way).await
    }

    /// The number of rows once no transaction of the test is open any more.
    async fn rows(&self) -> String {
        let open = "select count(*) from pg_stat_activity where datname = current_database() \
                    and state <> 'idle' and pid <> pg_backend_pid()";
        for _ in 0..1000 {
            if self.database.table(open) == "0" {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.database.table(ROWS)
    }
}

async fn insert(client: &Client, way: Way) -> Result<(), tokio_postgres::Error> {
    match way {
        Way::Simple => {
            client.batch_execute("begin").await?;
            client.execute("insert into t values (1)", &[]).await?;
            client.batch_execute("commit").await
        }
        Way::Prepared => {
            let commit = client.prepare("COMMIT").await?;
            client.execute("BEGIN", &[]).await?;
            client.execute("insert into t values (1)", &[]).await?;
            client.execute(&commit, &[]).await.map(drop)
        }
    }
}

#[tokio::test]
async fn without_a_fault_everything_passes() {
    let Some(scene) = Scene::new() else { return };
    scene.insert(Way::Simple).await.unwrap();
    assert_eq!((scene.rows().await.as_str(), scene.proxy.strikes()), ("1", 0));
}

#[tokio::test]
async fn a_commit_cut_before_it_arrives_did_not_happen() {
    for way in WAYS {
        let Some(scene) = Scene::new() else { return };
        scene.proxy.cut(Cut::BeforeQuery("COMMIT"));
        assert!(scene.insert(way).await.is_err(), "{way:?}");
        assert_eq!((scene.rows().await.as_str(), scene.proxy.strikes()), ("0", 1), "{way:?}");
        scene.insert(way).await.expect("a fault strikes once");
        assert_eq!(scene.rows().await, "1", "{way:?}");
    }
}

#[tokio::test]
async fn a_commit_cut_after_it_arrived_happened_though_the_client_saw_an_error() {
    for way in WAYS {
        let Some(scene) = Scene::new() else { return };
        scene.proxy.cut(Cut::AfterForwarding("COMMIT"));
        let error = scene.insert(way).await.unwrap_err();
        assert!(error.is_closed() || error.as_db_error().is_none(), "{way:?}: {error}");
        assert_eq!((scene.rows().await.as_str(), scene.proxy.strikes()), ("1", 1), "{way:?}");
    }
}

#[tokio::test]
async fn only_the_answer_of_the_named_query_is_lost_among_pipelined_ones() {
    let Some(scene) = Scene::new() else { return };
    let client = scene.client().await.unwrap();
    scene.proxy.cut(Cut::AfterForwarding("insert"));
    let (before, lost) = tokio::join!(client.batch_execute("select 1"), client.batch_execute("insert into t values (1)"),);
    assert!(before.is_ok());
    assert!(lost.is_err());
    assert_eq!(scene.rows().await, "1");
}

#[tokio::test]
async fn a_frozen_commit_arrives_late_even_if_its_client_gave_up() {
    let Some(scene) = Scene::new() else { return };
    scene.proxy.freeze(Cut::BeforeQuery("COMMIT"));
    let client = scene.client().await.unwrap();
    let work = tokio::spawn(async move { insert(&client, Way::Simple).await });
    scene.proxy.wait_for_strikes(1).await;
    assert!(!work.is_finished(), "a frozen connection gives no answer");
    work.abort();
    assert!(work.await.is_err());
    assert_eq!(scene.database.table(ROWS), "0");
    scene.proxy.thaw();
    assert_eq!(scene.rows().await, "1");
}

#[tokio::test]
async fn a_frozen_answer_is_delivered_after_the_thaw() {
    let Some(scene) = Scene::new() else { return };
    scene.proxy.freeze(Cut::AfterForwarding("COMMIT"));
    let client = scene.client().await.unwrap();
    let work = tokio::spawn(async move { insert(&client, Way::Simple).await });
    scene.proxy.wait_for_strikes(1).await;
    assert_eq!(scene.database.table(ROWS), "1");
    assert!(!work.is_finished());
    scene.proxy.thaw();
    work.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_sweep_over_all_messages_never_sees_half_a_transaction() {
    let Some(scene) = Scene::new() else { return };
    let mut outcomes = Vec::new();
    for place in 1.. {
        scene.database.execute("truncate t");
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

#[tokio::test]
async fn an_answer_can_be_cut_by_its_number() {
    let Some(scene) = Scene::new() else { return };
    let client = scene.client().await.unwrap();
    scene.proxy.cut(Cut::BeforeAnswer(1));
    assert!(client.batch_execute("insert into t values (1)").await.is_err());
    assert_eq!(scene.rows().await, "1");
}

#[tokio::test]
async fn a_severed_and_refusing_proxy_is_a_server_that_is_away() {
    let Some(scene) = Scene::new() else { return };
    let client = scene.client().await.unwrap();
    scene.proxy.refuse(true);
    scene.proxy.sever();
    assert!(client.batch_execute("select 1").await.is_err());
    assert!(scene.client().await.is_err());
    scene.proxy.refuse(false);
    assert!(scene.client().await.is_ok());
}
