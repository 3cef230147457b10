//! What does one trial have? A tenant with a few hot accounts, a folder with a configuration and a ledger, and everything that
//! was told in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::business::{Business, Engine, READ_URL, WRITE_URL, sqlite_rows};
use crate::checker::{Proposed, Story, Told, Wrong, judge};
use crate::plan::Plan;
use crate::process::{Seen, Wrapped};

/// The receipts of the direct path.
pub(crate) const RECEIPTS: &str = "synapsor_writeback_receipts";
/// The one capability that changes something.
pub(crate) const CAPABILITY: &str = "credit.propose";

/// One trial's own things.
pub(crate) struct Desk {
    pub(crate) folder: PathBuf,
    pub(crate) business: Arc<Business>,
    pub(crate) accounts: Vec<String>,
    pub(crate) variables: BTreeMap<String, String>,
    pub(crate) receipts: &'static str,
    tenant: String,
    runner: PathBuf,
    told: Mutex<Vec<Told>>,
}

impl Desk {
    /// A new folder of this name, and so many accounts for a tenant of the same name.
    pub(crate) async fn set_up(plan: &Plan, engine: Engine, name: &str, accounts: usize) -> Self {
        let folder = plan.folder.join(name);
        std::fs::create_dir_all(&folder).expect("a folder can be made");
        let business = match engine {
            Engine::Sqlite => Arc::new(Business::in_file(&folder.join("business.db")).await),
            Engine::Postgres | Engine::Mariadb => plan.business(engine).await,
        };
        let accounts = business.open_accounts(name, accounts).await;
        let url = business.url();
        let variables = [READ_URL, WRITE_URL].into_iter().filter_map(|variable| Some((variable.to_owned(), url.clone()?))).collect();
        let desk = Self {
            folder,
            business,
            accounts,
            variables,
            receipts: RECEIPTS,
            tenant: name.to_owned(),
            runner: plan.runner.clone(),
            told: Mutex::default(),
        };
        desk.configure(&desk.configuration());
        desk
    }

    /// The same with one account, for changes that a handler makes.
    pub(crate) async fn set_up_for(plan: &Plan, engine: Engine, name: &str, receipts: &'static str) -> Self {
        Self { receipts, ..Self::set_up(plan, engine, name, 1).await }
    }

    /// Lets a handler carry changes out, with this `redelivery`.
    pub(crate) fn configure_handler(&self, redelivery: &str) {
        let mut configuration = self.configuration();
        configuration["executors"] = json!({"handler": {"type": "http_handler", "url_env": "CHAOS_HANDLER_URL", "redelivery": redelivery,
            "auth": {"type": "bearer_env", "token_env": "CHAOS_TOKEN"}, "signing_secret_env": "CHAOS_SECRET", "timeout_ms": 1500}});
        configuration["capabilities"][0]["executor"] = json!("handler");
        self.configure(&configuration);
    }

    /// Lets workers try again soon, so that a storm is not over before they do.
    pub(crate) fn limit_retries(&self, by_handler: bool) {
        let text = std::fs::read_to_string(self.folder.join("synapsor.runner.json")).expect("the configuration was written");
        let mut configuration: Json = serde_json::from_str(&text).expect("the configuration is JSON");
        let retry = json!({"attempts": 8, "initial_ms": 200, "max_ms": 2000});
        if by_handler {
            configuration["executors"]["handler"]["retry"] = retry;
        } else {
            configuration["executors"] = json!({"direct": {"type": "sql_update", "retry": retry}});
            configuration["capabilities"][0]["executor"] = json!("direct");
        }
        configuration["sources"]["shop"]["statement_timeout_ms"] = json!(3000);
        self.configure(&configuration);
    }

    pub(crate) fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The configuration that the desk begins with.
    pub(crate) fn configuration(&self) -> Json {
        let (source, schema) = self.business.source();
        let target = json!({"schema": schema, "table": "accounts", "primary_key": "id", "tenant_key": "tenant_id"});
        json!({
            "version": 1, "mode": "review", "result_format": 2, "storage": {"sqlite_path": "./ledger.db"},
            "sources": {"shop": source},
            "trusted_context": {"provider": "static_dev", "values": {"tenant_id": self.tenant, "principal": "agent-7"}},
            "capabilities": [{
                "name": CAPABILITY, "kind": "proposal", "description": "Propose what an account is to hold.", "source": "shop",
                "target": target, "args": {"id": {"type": "string", "max_length": 40}, "cents": {"type": "number"}},
                "lookup": {"id_from_arg": "id"}, "visible_columns": ["id", "credit_cents"],
                "patch": {"credit_cents": {"from_arg": "cents"}}, "allowed_columns": ["credit_cents"],
                "conflict_guard": {"column": "version"},
            }],
        })
    }

    pub(crate) fn configure(&self, configuration: &Json) {
        std::fs::write(self.folder.join("synapsor.runner.json"), configuration.to_string()).expect("a configuration can be written");
    }

    /// Lets statements take only so long, so that waiting for somebody's lock ends.
    pub(crate) fn limit_statements(&self, limit: Duration) {
        let mut configuration = self.configuration();
        configuration["sources"]["shop"]["statement_timeout_ms"] = json!(u64::try_from(limit.as_millis()).unwrap_or(u64::MAX));
        self.configure(&configuration);
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        self.folder.join("ledger.db")
    }

    /// The runner with these words, in the desk's folder.
    pub(crate) fn runner(&self, words: &[&str]) -> Wrapped {
        self.program(&self.runner, words)
    }

    /// Another program in the desk's folder and environment.
    pub(crate) fn program(&self, program: &Path, words: &[&str]) -> Wrapped {
        Wrapped::new(program, words, &self.folder, &self.variables)
    }

    /// Asks for a proposal. Its id, if it was told that it is on record.
    pub(crate) async fn propose(&self, account: &str, cents: i64) -> Option<String> {
        let seen = self.proposing(account, cents).run().await;
        self.proposed(&seen)
    }

    /// The run that asks for a proposal.
    pub(crate) fn proposing(&self, account: &str, cents: i64) -> Wrapped {
        self.runner(&["propose", CAPABILITY, "--json", &json!({"id": account, "cents": cents}).to_string()])
    }

    /// What a run that asked for a proposal told.
    pub(crate) fn proposed(&self, seen: &Seen) -> Option<String> {
        self.proposed_in(&seen.json())
    }

    /// The proposal of an answer, which is then known to have been told.
    pub(crate) fn proposed_in(&self, answer: &Json) -> Option<String> {
        let id = answer["proposal"]["id"].as_str().filter(|_| answer["ok"] == true).map(str::to_owned)?;
        self.tell(Told::Proposed { id: id.clone() });
        Some(id)
    }

    pub(crate) async fn approve(&self, id: &str) -> bool {
        let seen = self.approving(id).run().await;
        self.approved(id, &seen)
    }

    pub(crate) fn approving(&self, id: &str) -> Wrapped {
        self.runner(&["proposals", "approve", id, "--yes", "--json"])
    }

    pub(crate) fn approved(&self, id: &str, seen: &Seen) -> bool {
        let told = seen.code == Some(0) && seen.json()["ok"] == true;
        if told {
            self.tell(Told::Approved { id: id.to_owned() });
        }
        told
    }

    /// Applies once; the outcome, if one was told.
    pub(crate) async fn apply(&self, id: &str) -> Option<String> {
        let seen = self.applying(id).run().await;
        self.applied(id, &seen)
    }

    pub(crate) fn applying(&self, id: &str) -> Wrapped {
        self.runner(&["apply", id, "--json"])
    }

    pub(crate) fn applied(&self, id: &str, seen: &Seen) -> Option<String> {
        let answer = seen.json();
        let outcome = answer["status"].as_str()?.to_owned();
        let attempt = answer["attempt"].as_u64().and_then(|attempt| u32::try_from(attempt).ok());
        self.tell(Told::Outcome { id: id.to_owned(), attempt, outcome: outcome.clone() });
        Some(outcome)
    }

    pub(crate) fn tell(&self, told: Told) {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).push(told);
    }

    /// The proposals as the ledger's file has them, read past every program of ours.
    pub(crate) fn proposals(&self) -> Result<BTreeMap<String, Proposed>, String> {
        if !self.ledger().exists() {
            return Ok(BTreeMap::new());
        }
        let rows = sqlite_rows(&self.ledger(), "select proposal_id, status, object_id, change_set_json from proposals");
        let rows = match rows {
            // A process that died before its first commit left a file without tables.
            Err(error) if error.to_string().contains("no such table") => Vec::new(),
            other => other.map_err(|error| error.to_string())?,
        };
        let text = |row: &Vec<Option<String>>, column: usize| row.get(column).cloned().flatten().unwrap_or_default();
        let proposed = |row: Vec<Option<String>>| {
            let set: Json = serde_json::from_str(&text(&row, 3)).unwrap_or_default();
            let cents = set["patch"]["credit_cents"].as_i64().unwrap_or(i64::MIN);
            (text(&row, 0), Proposed { status: text(&row, 1), account: text(&row, 2), cents })
        };
        Ok(rows.into_iter().map(proposed).collect())
    }

    /// Approves and applies whatever is open, or ends it, until nothing is; what the checker then finds.
    pub(crate) async fn recover(&self) -> Vec<Wrong> {
        for round in 0..6 {
            let open: Vec<(String, String)> = self
                .proposals()
                .unwrap_or_default()
                .into_iter()
                .filter(|(_, proposed)| matches!(proposed.status.as_str(), "pending_review" | "approved" | "pending_worker"))
                .map(|(id, proposed)| (id, proposed.status))
                .collect();
            if open.is_empty() {
                break;
            }
            for (id, status) in open {
                if status != "pending_review" || self.approve(&id).await {
                    self.apply(&id).await;
                }
                // What applying does not settle, such as an attempt that somebody fenced and then forgot, a person ends.
                if round > 1 {
                    self.runner(&["dead-letters", "resolve", &id, "--reason", "nothing else ends it", "--json"]).run().await;
                }
            }
        }
        self.check().await
    }

    /// Everything about the trial, judged.
    pub(crate) async fn check(&self) -> Vec<Wrong> {
        judge(&self.story().await)
    }

    pub(crate) async fn story(&self) -> Story {
        let unread = |damage: String| Story { damage: Some(damage), ..Story::default() };
        let proposals = match self.proposals() {
            Ok(proposals) => proposals,
            Err(words) => return unread(words),
        };
        let ids: Vec<String> = proposals.keys().cloned().collect();
        let books = match self.business.books(&self.tenant, self.receipts, &ids).await {
            Ok(books) => books,
            Err(words) => return unread(format!("the business cannot be read: {words}")),
        };
        let verified = self.runner(&["store", "verify"]).run().await;
        let damage = (self.ledger().exists() && verified.code != Some(0)).then(|| verified.words());
        let told = self.told.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Story { proposals, books, told, damage, may_be_open: false }
    }

    /// How many proposals wait for a worker.
    pub(crate) fn open_count(&self) -> usize {
        let open = |status: &str| matches!(status, "approved" | "pending_worker");
        self.proposals().map_or(usize::MAX, |all| all.values().filter(|proposed| open(&proposed.status)).count())
    }

    /// How many are applied.
    pub(crate) fn applied_count(&self) -> usize {
        self.proposals().map_or(0, |all| all.values().filter(|proposed| proposed.status == "applied").count())
    }

    /// Takes the folder away, unless somebody should look at it.
    pub(crate) fn clear(&self) {
        // What stays is in the folder of the run, which is named when it is kept.
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}
