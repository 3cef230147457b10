//! What does a test have before it? A business database, a configuration, a place for a ledger, and the program.
//!
//! The program runs inside the desk's folder, so `proposals list` means this desk's ledger. Words are separated by blanks;
//! a test that needs a blank in an argument uses [`Desk::program`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use nix::unistd::{Uid, User};
use serde_json::{Value, json};
use synapsor_testkit::{FaultProxy, Folder, Mysql, Postgres, Program, Seen, as_mysql, filters, sqlite};

/// Runs each behaviour once per engine.
macro_rules! on_each_engine {
    ($($behaviour:ident)*) => {
        mod sqlite {
            $(#[test] fn $behaviour() {
                super::$behaviour(&mut crate::desk::Desk::sqlite());
            })*
        }
        mod postgres {
            $(#[test] fn $behaviour() {
                let Some(mut desk) = crate::desk::Desk::postgres() else { return };
                super::$behaviour(&mut desk);
            })*
        }
        mod mysql {
            $(#[test] fn $behaviour() {
                let Some(mut desk) = crate::desk::Desk::mysql() else { return };
                super::$behaviour(&mut desk);
            })*
        }
    };
}
pub(crate) use on_each_engine;

/// A snapshot that holds on every engine.
macro_rules! assert_same {
    ($value:expr, @$expected:literal) => {
        let value = $value;
        insta::allow_duplicates! { insta::assert_snapshot!(value, @$expected) }
    };
}
pub(crate) use assert_same;

/// The built program.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_synapsor-runner");

/// One business with its configuration.
pub(crate) struct Desk {
    pub(crate) folder: Folder,
    business: Business,
    variables: BTreeMap<&'static str, String>,
}

enum Business {
    Sqlite(PathBuf),
    Postgres(Postgres),
    Mysql(Mysql),
}

impl Desk {
    /// The sample business in a SQLite file.
    pub(crate) fn sqlite() -> Self {
        let folder = Folder::new();
        let path = sqlite::support_desk(&folder);
        Self::new(folder, Business::Sqlite(path), BTreeMap::new())
    }

    /// The sample business on PostgreSQL; `None` where the run leaves servers out.
    pub(crate) fn postgres() -> Option<Self> {
        let database = Postgres::shared()?;
        database.execute(sqlite::SUPPORT_DESK);
        let urls = BTreeMap::from([("DESK_READ_URL", database.url()), ("DESK_WRITE_URL", database.url())]);
        Some(Self::new(Folder::new(), Business::Postgres(database), urls))
    }

    /// The sample business on MySQL or MariaDB; `None` where the run leaves servers out.
    pub(crate) fn mysql() -> Option<Self> {
        let database = Mysql::shared()?;
        database.execute(&as_mysql(sqlite::SUPPORT_DESK));
        let urls = BTreeMap::from([("DESK_READ_URL", database.url()), ("DESK_WRITE_URL", database.url())]);
        Some(Self::new(Folder::new(), Business::Mysql(database), urls))
    }

    /// One desk per server, for what a file does not have.
    pub(crate) fn on_servers() -> impl Iterator<Item = Self> {
        [Self::postgres, Self::mysql].into_iter().filter_map(|open| open())
    }

    fn new(folder: Folder, business: Business, mut variables: BTreeMap<&'static str, String>) -> Self {
        variables.insert("DESK_TENANT", "acme".to_owned());
        variables.insert("DESK_AGENT", "agent-7".to_owned());
        // What is logged goes wherever it likes; a test that wants it asks for it.
        variables.insert("SYNAPSOR_LOG_LEVEL", "error".to_owned());
        let desk = Self { folder, business, variables };
        desk.write_config(&desk.first_config());
        desk
    }

    fn first_config(&self) -> Value {
        let source = match self.business {
            Business::Sqlite(_) => json!({"engine": "sqlite", "path": "./business.db"}),
            Business::Postgres(_) => json!({"engine": "postgres", "read_url_env": "DESK_READ_URL", "write_url_env": "DESK_WRITE_URL"}),
            Business::Mysql(_) => json!({"engine": "mysql", "read_url_env": "DESK_READ_URL", "write_url_env": "DESK_WRITE_URL"}),
        };
        let mut waiver = self.proposes("billing.propose_waiver", "invoices", &["id", "status", "late_fee_cents", "waiver_reason"]);
        waiver["args"]["reason"] = json!({"type": "string", "max_length": 200});
        waiver["patch"] = json!({"late_fee_cents": {"fixed": 0}, "waiver_reason": {"from_arg": "reason"}});
        waiver["allowed_columns"] = json!(["late_fee_cents", "waiver_reason"]);
        waiver["approval"] = json!({"mode": "human", "required_role": "billing_lead"});
        let mut status = self.proposes("support.propose_status", "tickets", &["id", "subject", "status"]);
        status["args"]["status"] = json!({"type": "string", "enum": ["waiting", "solved"]});
        status["patch"] = json!({"status": {"from_arg": "status"}});
        status["allowed_columns"] = json!(["status"]);
        status["transition_guards"] = json!({"status": {"allowed": {"open": ["waiting", "solved"], "waiting": ["solved"]}}});
        json!({
            "version": 1, "mode": "review", "result_format": 2,
            "storage": {"sqlite_path": "./ledger.db"},
            "sources": {"desk": source},
            "trusted_context": {"provider": "environment", "values": {"tenant_id_env": "DESK_TENANT", "principal_env": "DESK_AGENT"}},
            "capabilities": [
                self.reads("billing.inspect_invoice", "invoices", &["id", "status", "amount_cents", "late_fee_cents", "waiver_reason"]),
                waiver, status,
            ],
        })
    }

    /// A capability that reads one row of a table by its `id`.
    pub(crate) fn reads(&self, name: &str, table: &str, columns: &[&str]) -> Value {
        json!({
            "name": name, "kind": "read", "source": "desk",
            "target": {"schema": self.schema(), "table": table, "primary_key": "id", "tenant_key": "tenant_id"},
            "args": {"id": {"type": "string"}}, "lookup": {"id_from_arg": "id"}, "visible_columns": columns,
        })
    }

    /// A capability that proposes a change of one row, guarded by `version`. What it sets is still to be said.
    pub(crate) fn proposes(&self, name: &str, table: &str, columns: &[&str]) -> Value {
        let mut capability = self.reads(name, table, columns);
        capability["kind"] = json!("proposal");
        capability["conflict_guard"] = json!({"column": "version"});
        capability
    }

    pub(crate) fn schema(&self) -> &str {
        match &self.business {
            Business::Sqlite(_) => "main",
            Business::Postgres(_) => "public",
            Business::Mysql(database) => database.name(),
        }
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        matches!(self.business, Business::Sqlite(_))
    }

    pub(crate) fn is_mysql(&self) -> bool {
        matches!(self.business, Business::Mysql(_))
    }

    /// What only one engine understands, or understands in its own way.
    pub(crate) fn dialect<'a>(&self, sqlite: &'a str, postgres: &'a str, mysql: &'a str) -> &'a str {
        match &self.business {
            Business::Sqlite(_) => sqlite,
            Business::Postgres(_) => postgres,
            Business::Mysql(_) => mysql,
        }
    }

    /// The URL of the server's superuser.
    pub(crate) fn url(&self) -> String {
        match &self.business {
            Business::Sqlite(_) => panic!("a file has no URL"),
            Business::Postgres(database) => database.url(),
            Business::Mysql(database) => database.url(),
        }
    }

    /// The same with parameters.
    pub(crate) fn url_with(&self, parameters: &[(&str, &str)]) -> String {
        match &self.business {
            Business::Sqlite(_) => panic!("a file has no URL"),
            Business::Postgres(database) => database.url_with(parameters),
            Business::Mysql(database) => database.url_with(parameters),
        }
    }

    /// The URL for another account.
    pub(crate) fn url_as(&self, user: &str, password: &str) -> String {
        match &self.business {
            Business::Sqlite(_) => panic!("a file has no URL"),
            Business::Postgres(database) => database.url_as(user, password),
            Business::Mysql(database) => database.url_as(user, password),
        }
    }

    /// The URL of an account that may do what `grants` say of `{role}`.
    pub(crate) fn role(&self, grants: &str) -> String {
        match &self.business {
            Business::Sqlite(_) => panic!("a file has no accounts"),
            Business::Postgres(database) => database.role(grants),
            Business::Mysql(database) => database.role(grants),
        }
    }

    /// A proxy in front of the server, and the URL that leads through it; a file has none.
    pub(crate) fn proxy(&self) -> Option<(FaultProxy, String)> {
        let (proxy, through) = match &self.business {
            Business::Sqlite(_) => return None,
            Business::Postgres(database) => {
                let proxy = FaultProxy::to(database.address());
                let through = database.url_through(&proxy);
                (proxy, through)
            }
            Business::Mysql(database) => {
                let proxy = FaultProxy::to_mysql(database.address());
                let through = database.url_through(&proxy);
                (proxy, through)
            }
        };
        Some((proxy, through))
    }

    /// A file with the authority that signed the server's certificate.
    pub(crate) fn authority(&self) -> String {
        let file = match &self.business {
            Business::Sqlite(_) => panic!("a file has no certificate"),
            Business::Postgres(database) => database.authority(),
            Business::Mysql(database) => database.authority(),
        };
        file.display().to_string()
    }

    /// What may never be printed: passwords and hosts of the databases.
    pub(crate) fn secrets(&self) -> Vec<String> {
        if self.is_sqlite() {
            return Vec::new();
        }
        let url = self.url();
        let password = url.split(['/', ':', '@']).nth(4).unwrap().to_owned();
        vec![url, password, "127.0.0.1".to_owned()]
    }

    /// Changes the configuration.
    pub(crate) fn configure(&self, change: impl FnOnce(&mut Value)) {
        let mut config = serde_json::from_str(&self.folder.read("synapsor.runner.json")).unwrap();
        change(&mut config);
        self.write_config(&config);
    }

    /// Adds a capability.
    pub(crate) fn offer(&self, capability: Value) {
        self.configure(|config| config["capabilities"].as_array_mut().unwrap().push(capability));
    }

    fn write_config(&self, config: &Value) {
        self.folder.write("synapsor.runner.json", serde_json::to_string_pretty(config).unwrap());
    }

    /// Sets a variable of the program's environment.
    pub(crate) fn set(&mut self, name: &'static str, value: impl Into<String>) {
        self.variables.insert(name, value.into());
    }

    /// Takes a variable away.
    pub(crate) fn unset(&mut self, name: &'static str) {
        self.variables.remove(name);
    }

    /// Changes the business database, past the program.
    pub(crate) fn execute(&self, sql: &str) {
        match &self.business {
            Business::Sqlite(path) => sqlite::execute(path, sql),
            Business::Postgres(database) => database.execute(sql),
            Business::Mysql(database) => database.execute(&as_mysql(sql)),
        }
    }

    /// Rows of the business database as lines.
    pub(crate) fn table(&self, sql: &str) -> String {
        match &self.business {
            Business::Sqlite(path) => sqlite::table(path, sql),
            Business::Postgres(database) => database.table(sql),
            Business::Mysql(database) => database.table(&as_mysql(sql)),
        }
    }

    /// The invoice that most tests change: fee, reason, version.
    pub(crate) fn invoice(&self) -> String {
        self.table("select late_fee_cents, waiver_reason, version from invoices where tenant_id = 'acme' and id = 'INV-1'")
    }

    /// How many transactions of others are open on the server's database.
    pub(crate) fn open_transactions(&self) -> String {
        self.table(self.dialect(
            "select 0",
            "select count(*) from pg_stat_activity where datname = current_database() and state <> 'idle' and pid <> pg_backend_pid()",
            "select count(*) from information_schema.innodb_trx join information_schema.processlist on id = trx_mysql_thread_id \
             where db = database() and id <> connection_id()",
        ))
    }

    /// How many changes the business database has receipts for; none without the table.
    pub(crate) fn receipts(&self) -> String {
        self.table("select status, attempt from synapsor_writeback_receipts order by created_at")
    }

    /// Where the ledger is, or will be.
    pub(crate) fn ledger(&self) -> PathBuf {
        self.folder.ledger()
    }

    /// The program with these words, inside the folder, with the desk's variables.
    pub(crate) fn program(&self, words: &str) -> Program {
        self.with_environment(Program::at(PROGRAM)).args(words.split_whitespace())
    }

    /// The desk's variables and folder for another program.
    pub(crate) fn with_environment(&self, program: Program) -> Program {
        self.variables.iter().fold(program.inside(self.folder.path()), |program, (name, value)| program.env(name, value))
    }

    /// Runs the program.
    pub(crate) fn run(&self, words: &str) -> Seen {
        self.program(words).run()
    }

    /// Runs it and gives what a person sees, without what differs from run to run.
    pub(crate) fn shown(&self, words: &str) -> String {
        self.scrub(&self.run(words).to_string())
    }

    /// Runs several, each after its words, and gives one text.
    pub(crate) fn transcript(&self, lines: &[&str]) -> String {
        let told = lines.iter().map(|words| format!("$ {words}\n{}\n\n", self.run(words).to_string().trim_end()));
        self.scrub(&told.collect::<String>())
    }

    /// The text without ids, times, the folder, the account and the name of the schema.
    pub(crate) fn scrub(&self, text: &str) -> String {
        let folder = self.folder.path().display().to_string();
        let (by, quoted) = (format!(" by {}", account()), format!("`{}`", account()));
        let schema = format!(" {}.", self.schema());
        filters::scrub_also(text, &[(&folder, "<folder>"), (&by, " by <account>"), (&quoted, "`<account>`"), (&schema, " <schema>.")])
    }

    /// Runs it with an answer in JSON; exactly one document on stdout, and the exit code that goes with it.
    pub(crate) fn json(&self, words: &str) -> Value {
        answer_of(&self.run(words))
    }

    /// Calls a capability as an agent would.
    pub(crate) fn call(&self, name: &str, arguments: &Value) -> Value {
        let program = self.program("propose").args([name, "--json", &arguments.to_string()]);
        answer_of(&program.run())
    }

    /// Proposes to waive the fee of `INV-1`, and gives the proposal's id.
    pub(crate) fn propose(&self, reason: &str) -> String {
        let answer = self.call("billing.propose_waiver", &json!({"id": "INV-1", "reason": reason}));
        id_of(&answer)
    }

    /// The same, approved.
    pub(crate) fn approved(&self, reason: &str) -> String {
        let id = self.propose(reason);
        self.approve(&id);
        id
    }

    /// Approves a proposal.
    pub(crate) fn approve(&self, id: &str) {
        let seen = self.run(&format!("proposals approve {id} --yes"));
        assert_eq!(seen.code, Some(0), "{seen}");
    }

    /// Applies a proposal and gives the outcome with its code.
    pub(crate) fn apply(&self, id: &str) -> String {
        outcome(&self.json(&format!("apply {id} --json")))
    }

    /// The status of a proposal, as a reviewer sees it.
    pub(crate) fn status(&self, id: &str) -> String {
        self.json(&format!("proposals show {id} --json"))["status"].as_str().unwrap().to_owned()
    }
}

/// The one JSON document on stdout; its `ok` and the exit code say the same. A record as it is kept has no `ok`.
pub(crate) fn answer_of(seen: &Seen) -> Value {
    let answer: Value = serde_json::from_str(&seen.stdout).unwrap_or_else(|error| panic!("{error} in {seen}"));
    let code = if answer["ok"] == false { 1 } else { 0 };
    assert_eq!(seen.code, Some(code), "{seen}");
    answer
}

/// The id of a proposal that was made.
pub(crate) fn id_of(answer: &Value) -> String {
    answer["proposal"]["id"].as_str().unwrap_or_else(|| panic!("{answer:#}")).to_owned()
}

/// What `apply --json` says, in a few words.
pub(crate) fn outcome(answer: &Value) -> String {
    let Some(status) = answer["status"].as_str() else { return format!("refused: {}", answer["error"]["message"].as_str().unwrap()) };
    match answer["safe_error_code"].as_str() {
        Some(code) => format!("{status} {code}"),
        None => status.to_owned(),
    }
}

/// What an envelope says, in a few words.
pub(crate) fn told(envelope: &Value) -> String {
    match envelope["error"]["code"].as_str() {
        Some(code) => format!("{code}: {}", envelope["error"]["message"].as_str().unwrap()),
        None => envelope["summary"].as_str().unwrap_or_else(|| panic!("{envelope:#}")).to_owned(),
    }
}

/// Of a transcript only the words, the exit codes, and what was refused.
pub(crate) fn refusals(transcript: &str) -> String {
    let heads = ["$ ", "exit:", "error:", "hint:"];
    let lines = transcript.lines().filter(|line| heads.iter().any(|head| line.starts_with(head)));
    lines.collect::<Vec<_>>().join("\n")
}

/// The account that the tests run as: its name, or its number if it has none.
pub(crate) fn account() -> String {
    let uid = Uid::current();
    User::from_uid(uid).unwrap().map_or_else(|| uid.to_string(), |user| user.name)
}
