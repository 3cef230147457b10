//! `demo`: how does the whole loop feel, on real rows?
//!
//! A small business database, the real MCP server over stdio, and the same operator's port that the other verbs use. No network, no other
//! program.

mod folder;

use std::process::ExitCode;

use serde_json::{Value, json};
use synapsor_operator::{Application, OperatorPort};
use synapsor_protocol::Outcome;
use synapsor_protocol::id::ProposalId;

use crate::cli::{Demo, Place};
use crate::client::Client;
use crate::compose::Setup;
use crate::failure::{Answer, Failure};
use crate::{output, review};
use folder::Folder;

/// Plays the loop.
pub(crate) async fn run(words: &Demo) -> Answer<ExitCode> {
    let folder = Folder::make(&words.folder)?;
    let mut client = Client::start(&folder.config(), &[]).await?;
    let port = Setup::load_served(&Place { config: folder.config(), store: None })?.operator_port(None)?;
    let mut stage = Stage { step: 0, client: &mut client, port: &port, yes: words.yes };
    stage.meet(&folder).await?;
    if stage.waive_a_fee().await? {
        stage.lose_a_race(&folder).await?;
        stage.ask_for_a_stranger().await?;
        stage.replay().await?;
    }
    client.stop().await?;
    farewell(&folder);
    Ok(ExitCode::SUCCESS)
}

/// What the story is played with.
struct Stage<'a> {
    step: u32,
    client: &'a mut Client,
    port: &'a OperatorPort,
    yes: bool,
}

impl Stage<'_> {
    async fn meet(&mut self, folder: &Folder) -> Answer<()> {
        output::line(format_args!("A shop's database, a configuration and a ledger are in {}", folder.path().display()));
        self.title("The agent asks the MCP server for its tools. None of them takes SQL, a tenant or an approval.");
        for tool in self.client.tools().await? {
            let tool = tool["name"].as_str().unwrap_or_default();
            output::line(format_args!("   {tool}"));
        }
        self.title("The agent reads a ticket and the invoice behind it, as tenant `acme`.");
        self.read("support.inspect_ticket", json!({"ticket_id": "TCK-17"})).await?;
        self.read_invoice("INV-3001").await
    }

    /// Whether the person said yes.
    async fn waive_a_fee(&mut self) -> Answer<bool> {
        self.title("The agent proposes a change. It has no way to make it.");
        let id = self.propose("INV-3001", "payment page was down").await?;
        self.title("The row is unchanged.");
        self.read_invoice("INV-3001").await?;
        self.title("You are the reviewer now. This is what an approval would bind:");
        let dossier = self.port.show(&id).await?;
        output::line(indented(&review::text(&dossier, "")));
        if !self.answer(&id) {
            self.port.reject(&id, "declined in the demo".to_owned()).await?;
            output::line("   Rejected. Nothing was changed, and the agent could not have changed it.");
            return Ok(false);
        }
        self.port.approve(&id, dossier.proposal.terms.approval_digest, None).await?;
        self.title("Apply: claim, lock, compare, change and receipt in one transaction of the shop's database.");
        self.apply(&id, Outcome::Applied).await?;
        self.read_invoice("INV-3001").await?;
        self.title("Apply it again, as a worker does that lost the answer.");
        self.apply(&id, Outcome::AlreadyApplied).await?;
        Ok(true)
    }

    async fn lose_a_race(&mut self, folder: &Folder) -> Answer<()> {
        self.title("A second proposal; before it is applied, somebody else changes the row.");
        let id = self.propose("INV-3002", "first late payment in three years").await?;
        folder.business("change the row", "UPDATE invoices SET late_fee_cents = 700, version = version + 1 WHERE id = 'INV-3002'")?;
        output::line("   (the shop's own software sets the fee of INV-3002 to 700)");
        let digest = self.port.show(&id).await?.proposal.terms.approval_digest;
        self.port.approve(&id, digest, None).await?;
        self.apply(&id, Outcome::Conflict).await?;
        self.read_invoice("INV-3002").await
    }

    async fn ask_for_a_stranger(&mut self) -> Answer<()> {
        self.title("The agent asks for an invoice of another tenant. It looks like one that does not exist.");
        let envelope = self.client.call("billing.inspect_invoice", json!({"invoice_id": "INV-9001"})).await?["structuredContent"].take();
        let code = envelope["error"]["code"].as_str().unwrap_or_default();
        output::line(format_args!("   {code}: {}", output::visible(envelope["summary"].as_str().unwrap_or_default())));
        expect(code == "NOT_FOUND_IN_TENANT", "the other tenant's row was not refused")
    }

    async fn replay(&mut self) -> Answer<()> {
        self.title("The whole story of the last proposal, from the ledger alone.");
        let latest = self.port.latest().await?.ok_or_else(|| Failure::new("the ledger has no proposal"))?;
        output::line(indented(&review::story(&self.port.replay(&latest).await?)));
        Ok(())
    }

    async fn read_invoice(&mut self, id: &str) -> Answer<()> {
        self.read("billing.inspect_invoice", json!({"invoice_id": id})).await
    }

    async fn read(&mut self, tool: &str, arguments: Value) -> Answer<()> {
        let envelope = self.call(tool, arguments).await?;
        let row = envelope["data"].as_object().cloned().unwrap_or_default();
        let cells: Vec<_> = row.iter().map(|(column, value)| format!("{column}={value}")).collect();
        output::line(format_args!("   {tool}: {}", output::visible(&cells.join("  "))));
        Ok(())
    }

    async fn propose(&mut self, invoice: &str, reason: &str) -> Answer<ProposalId> {
        let envelope = self.call("billing.propose_late_fee_waiver", json!({"invoice_id": invoice, "reason": reason})).await?;
        output::line(format_args!("   {}", output::visible(envelope["summary"].as_str().unwrap_or_default())));
        let id = envelope["proposal"]["id"].as_str().and_then(ProposalId::new);
        id.ok_or_else(|| Failure::new("the answer names no proposal"))
    }

    async fn call(&mut self, tool: &str, arguments: Value) -> Answer<Value> {
        let envelope = self.client.call(tool, arguments).await?["structuredContent"].take();
        expect(envelope["ok"] == true, &format!("`{tool}` was refused: {}", envelope["summary"]))?;
        Ok(envelope)
    }

    async fn apply(&mut self, id: &ProposalId, expected: Outcome) -> Answer<()> {
        let Application { report, .. } = self.port.apply(id, &mut |_| {}).await?;
        let code = report.code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default();
        output::line(format_args!("   {}{code}, {} row(s) changed", output::bold(report.outcome.as_str()), report.rows_affected));
        expect(report.outcome == expected, &format!("expected {expected}: {}", report.detail.unwrap_or_default()))
    }

    fn answer(&self, id: &ProposalId) -> bool {
        if !self.yes
            && let Some(answer) = review::ask(&format!("   approve {id}?"))
        {
            return answer;
        }
        output::line(format_args!("   approve {id}? [y/N] yes (answered by the demo itself)"));
        true
    }

    fn title(&mut self, text: &str) {
        self.step += 1;
        output::line(format_args!("\n{}", output::bold(&format!("{}. {text}", self.step))));
    }
}

fn expect(holds: bool, otherwise: &str) -> Answer<()> {
    if holds { Ok(()) } else { Err(Failure::new(otherwise)) }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("   {line}")).collect::<Vec<_>>().join("\n")
}

fn farewell(folder: &Folder) {
    let program = std::env::current_exe().map_or("synapsor-runner".to_owned(), |path| path.display().to_string());
    let config = folder.config();
    let server = json!({"command": program, "args": ["mcp", "serve", "--config", config]});
    let snippet = serde_json::to_string_pretty(&json!({"mcpServers": {"synapsor-demo": server}})).unwrap_or_default();
    output::line(format_args!("\n{}", output::bold("Attach a desktop MCP client to this folder")));
    output::line("   Claude Desktop, Cursor and others take this in their MCP settings:");
    output::line(indented(&snippet));
    output::line("   Claude Code:");
    output::line(format_args!(
        "   claude mcp add synapsor-demo -- {} mcp serve --config {}",
        quoted(&program),
        quoted(&config.display().to_string())
    ));
    output::line("   Let it propose something, then decide here:");
    for verb in ["proposals show latest", "proposals approve latest", "apply latest"] {
        output::line(format_args!("   {} {verb} --config {}", quoted(&program), quoted(&config.display().to_string())));
    }
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}
