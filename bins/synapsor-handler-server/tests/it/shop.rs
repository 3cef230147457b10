//! Which application is served, on whichever engine?

use std::path::PathBuf;

use serde_json::{Value, json};
use synapsor_testkit::asking::{Ask, TOKEN};
use synapsor_testkit::{Folder, Mysql, Postgres, Program, Running, as_mysql, sqlite};

/// Runs each behaviour once per engine.
macro_rules! on_each_engine {
    ($($behaviour:ident)*) => {
        mod sqlite {
            $(#[test] fn $behaviour() {
                super::$behaviour(&crate::shop::Shop::sqlite());
            })*
        }
        mod postgres {
            $(#[test] fn $behaviour() {
                let Some(shop) = crate::shop::Shop::postgres() else { return };
                super::$behaviour(&shop);
            })*
        }
        mod mysql {
            $(#[test] fn $behaviour() {
                let Some(shop) = crate::shop::Shop::mysql() else { return };
                super::$behaviour(&shop);
            })*
        }
    };
}
pub(crate) use on_each_engine;

pub(crate) const SECRET: &str = "whsec_Y2FuYXJ5IG9mIHRoZSBzaWduaW5nIHNlY3JldA==";
pub(crate) const NEXT_SECRET: &str = "canary of the next signing secret";

/// The tables and rows, in SQL that every engine reads.
const BUSINESS: &str = "
create table invoices (id text not null, tenant_id text not null, status text not null, due_cents bigint not null,
    total numeric(12,2) not null, weight double precision, version bigint not null, primary key (tenant_id, id));
create table credits (id text not null, operation_id text not null, tenant_id text not null, invoice_id text not null,
    cents bigint not null check (cents < 1000000), reason text, approved_by text, granted_at timestamp(3) null,
    attempt integer, primary key (id));
create table notes (id text not null, tenant_id text not null, body text, primary key (id));
insert into invoices values
    ('INV-1', 'acme', 'overdue', 12000, 99.90, 1.5, 3),
    ('INV-2', 'acme', 'written_off', 900, 9.00, 1.5, 1),
    ('INV-9', 'acme', 'open', 9223372036854775807, 9999999999.99, 1.5, 1),
    ('INV-1', 'globex', 'open', 5000, 50.00, 1.5, 7);
insert into notes values ('N-1', 'acme', 'one'), ('N-2', 'acme', 'two'), ('N-3', 'globex', 'three');
";

/// A database, and a folder with the file of a handler for it.
pub(crate) struct Shop {
    pub(crate) folder: Folder,
    kind: Kind,
}

enum Kind {
    Sqlite(PathBuf),
    Postgres(Box<Postgres>),
    Mysql(Box<Mysql>),
}

impl Shop {
    pub(crate) fn sqlite() -> Self {
        let folder = Folder::new();
        let path = folder.join("shop.db");
        Self::with(folder, Kind::Sqlite(path))
    }

    pub(crate) fn postgres() -> Option<Self> {
        Some(Self::with(Folder::new(), Kind::Postgres(Box::new(Postgres::shared()?))))
    }

    pub(crate) fn mysql() -> Option<Self> {
        Some(Self::with(Folder::new(), Kind::Mysql(Box::new(Mysql::shared()?))))
    }

    fn with(folder: Folder, kind: Kind) -> Self {
        let shop = Self { folder, kind };
        shop.execute(BUSINESS);
        shop.write(&shop.file());
        shop
    }

    pub(crate) fn execute(&self, sql: &str) {
        match &self.kind {
            Kind::Sqlite(path) => sqlite::execute(path, sql),
            Kind::Postgres(database) => database.execute(sql),
            Kind::Mysql(database) => database.execute(&as_mysql(sql)),
        }
    }

    pub(crate) fn table(&self, sql: &str) -> String {
        match &self.kind {
            Kind::Sqlite(path) => sqlite::table(path, sql),
            Kind::Postgres(database) => database.table(sql),
            Kind::Mysql(database) => database.table(sql),
        }
    }

    pub(crate) fn server(&self) -> &Postgres {
        match &self.kind {
            Kind::Postgres(database) => database,
            Kind::Sqlite(_) | Kind::Mysql(_) => panic!("this shop is not on PostgreSQL"),
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        match &self.kind {
            Kind::Sqlite(path) => path.clone(),
            Kind::Postgres(_) | Kind::Mysql(_) => panic!("only SQLite has a path"),
        }
    }

    /// The invoices and the credits, as a person sees them.
    pub(crate) fn shown(&self) -> String {
        let invoices = self.table("select id, tenant_id, status, due_cents, version from invoices order by tenant_id, id");
        let credits = self.table("select operation_id, tenant_id, invoice_id, cents, reason, approved_by, attempt from credits order by 1");
        format!("{invoices}\n{credits}")
    }

    fn database(&self) -> Value {
        match &self.kind {
            Kind::Sqlite(_) => json!({"engine": "sqlite", "path": "shop.db", "statement_timeout_ms": 10_000}),
            Kind::Postgres(_) => json!({"engine": "postgres", "url_env": "SHOP_URL", "statement_timeout_ms": 10_000}),
            Kind::Mysql(_) => json!({"engine": "mysql", "url_env": "SHOP_URL", "statement_timeout_ms": 10_000}),
        }
    }

    /// The usual file.
    pub(crate) fn file(&self) -> Value {
        let id = json!({"id": {"from": "object_id"}});
        let cents = json!({"from": "patch.credit_cents"});
        json!({
            "version": 1, "listen": "127.0.0.1:0", "bearer_token_env": "TOKEN", "signing_secret_envs": ["SECRET", "SECRET_NEXT"],
            "database": self.database(),
            "tables": {
                "invoices": {"tenant": "tenant_id", "key": "id"},
                "credits": {"tenant": "tenant_id"},
                "notes": {"tenant": "tenant_id", "key": "id"},
            },
            "effects": {
                "billing.credit": {
                    "target": "invoices", "rehearsable": true,
                    "require": [
                        {"value": {"from": "row.status"}, "not_in": ["written_off", "void"], "message": "it was written off"},
                        {"value": cents, "at_least": 1, "message": "a credit is more than nothing"},
                        {"value": cents, "at_most": {"from": "row.due_cents"}, "message": "more than what is due"},
                    ],
                    "steps": [
                        {"insert": {"table": "credits", "values": {
                            "id": {"from": "generated_id"}, "operation_id": {"from": "operation_id"}, "invoice_id": {"from": "object_id"},
                            "cents": cents, "reason": {"from": "patch.reason", "default": "none"}, "approved_by": {"from": "approver"},
                            "granted_at": {"from": "now"}, "attempt": {"from": "attempt"}}}},
                        {"update": {"table": "invoices", "where": id, "set": {
                            "status": "credited", "due_cents": {"sub": [{"from": "row.due_cents"}, cents]}}}},
                    ],
                },
                "billing.raise": {"target": "invoices", "steps": [
                    {"insert": {"table": "notes", "values": {"id": {"from": "generated_id"}, "body": "raised"}}},
                    {"update": {"table": "invoices", "where": id, "set": {"due_cents": {"add": [{"from": "row.due_cents"}, cents]}}}},
                ]},
                "billing.fee": {"target": "invoices", "steps": [
                    {"update": {"table": "invoices", "where": id, "set": {"total": {"add": [{"from": "row.total"}, {"from": "patch.fee"}]}}}},
                ]},
                "billing.note": {"target": "invoices", "steps": [
                    {"insert": {"table": "credits", "values": {"id": {"from": "generated_id"}, "operation_id": {"from": "operation_id"},
                        "invoice_id": {"from": "object_id"}, "cents": 1}}},
                    {"update": {"table": "notes", "where": {"id": {"from": "patch.note"}}, "set": {"body": "seen"}}},
                ]},
                "billing.sweep": {"target": "invoices", "steps": [
                    {"delete": {"table": "notes", "where": {"body": {"from": "patch.body"}}, "rows": {"min": 0, "max": 1}}},
                ]},
                "billing.drop": {"target": "invoices", "steps": [{"delete": {"table": "invoices", "where": id}}]},
            },
        })
    }

    /// Takes this file for the handler's.
    pub(crate) fn write(&self, file: &Value) {
        self.folder.write("handler.json", file.to_string());
    }

    /// The program with its variables.
    pub(crate) fn program(&self) -> Program {
        let program = program().inside(self.folder.path()).arg("serve");
        let program = program.env("TOKEN", TOKEN).env("SECRET", SECRET).env("SECRET_NEXT", NEXT_SECRET);
        match &self.kind {
            Kind::Sqlite(_) => program,
            Kind::Postgres(database) => program.env("SHOP_URL", database.url()),
            Kind::Mysql(database) => program.env("SHOP_URL", database.url()),
        }
    }

    pub(crate) fn serve(&self) -> Serving {
        Serving::of(self.program())
    }

    /// The usual request, signed once it is sent.
    pub(crate) fn ask(&self) -> Ask {
        let schema = match &self.kind {
            Kind::Sqlite(_) => "main",
            Kind::Postgres(_) => "public",
            Kind::Mysql(database) => database.name(),
        };
        Ask::flat(schema).with("/before", json!({"id": "INV-1"}))
    }
}

pub(crate) fn program() -> Program {
    Program::at(env!("CARGO_BIN_EXE_synapsor-handler"))
}

/// A handler that serves, ended with the test.
pub(crate) struct Serving {
    pub(crate) running: Running,
    pub(crate) address: String,
    path: String,
}

impl Serving {
    pub(crate) fn of(program: Program) -> Self {
        let running = program.start();
        let said = running.wait_for_stderr("\"serving\"");
        let line: Value =
            said.lines().map(|line| serde_json::from_str(line).unwrap()).find(|line: &Value| line["message"] == "serving").unwrap();
        let (address, path) = line["url"].as_str().unwrap().strip_prefix("http://").unwrap().split_once('/').unwrap();
        Self { running, address: address.to_owned(), path: format!("/{path}") }
    }

    /// What came of it, on one line, signed with the secret of now.
    pub(crate) fn said(&self, ask: &Ask) -> String {
        self.said_as_it_is(&ask.clone().signed(&[SECRET]))
    }

    pub(crate) fn said_as_it_is(&self, ask: &Ask) -> String {
        ask.post(&self.address, &self.path).expect("a handler answers").said()
    }

    /// Status and body of a question that anybody may ask.
    pub(crate) fn asked(&self, path: &str) -> String {
        synapsor_testkit::asking::get(&self.address, path)
            .map_or("no answer".to_owned(), |heard| format!("{} {}", heard.status, heard.text))
    }

    pub(crate) fn terminate(&self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.running.child.id()).unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    }

    /// The lines of the log, whose message is this.
    pub(crate) fn lines(&self, message: &str) -> Vec<Value> {
        let lines = self.running.stderr();
        lines.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(|line: &Value| line["message"] == message).collect()
    }
}
