//! Why did a verb not do what it was asked, and what helps?

use std::error::Error;
use std::fmt::Display;

use synapsor_agent::AgentError;
use synapsor_config::ConfigError;
use synapsor_ledger::LedgerError;
use synapsor_mcp::McpError;
use synapsor_operator::{JobRefusal, OperatorError};
use synapsor_proposal::Refusal;
use synapsor_protocol::ErrorCode;
use synapsor_protocol::chain::chain;
use synapsor_protocol::credential;
use synapsor_protocol::id::ProposalId;
use synapsor_source::SourceError;

/// A verb that was refused: one sentence, what it sums up, and advice where there is some.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) message: String,
    /// Lines below the sentence; mostly none.
    pub(crate) details: Vec<String>,
    pub(crate) hint: Option<String>,
    /// A word for programs, where one is published.
    pub(crate) code: Option<&'static str>,
}

/// How commands begin that advice names.
const PROGRAM: &str = "synapsor-runner";

/// The one command that has a place of its own.
const DEMO: &str = "synapsor-runner demo";

/// What a verb comes to.
pub(crate) type Answer<T> = Result<T, Failure>;

impl Failure {
    pub(crate) fn new(message: impl Display) -> Self {
        Self { message: message.to_string(), details: Vec::new(), hint: None, code: None }
    }

    /// The same with its cause and the causes of that.
    pub(crate) fn because(self, cause: &(dyn Error + 'static)) -> Self {
        Self { message: format!("{}: {}", self.message, chain(cause)), ..self }
    }

    /// The same with what it sums up, line by line.
    pub(crate) fn detail(mut self, text: &str) -> Self {
        self.details.extend(text.lines().map(str::to_owned));
        self
    }

    /// The same with advice.
    pub(crate) fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }

    /// The same without a credential in it, should some library have put one into its words.
    pub(crate) fn redacted(&self) -> Self {
        let redacted = |text: &String| credential::redacted(text).into_owned();
        Self {
            message: redacted(&self.message),
            details: self.details.iter().map(redacted).collect(),
            hint: self.hint.as_ref().map(redacted),
            code: self.code,
        }
    }

    /// The same, with the commands in its advice meaning the place that was meant: `again` is what they must repeat.
    pub(crate) fn repeating(self, again: &str) -> Self {
        let hint = self.hint.map(|hint| {
            let parts = hint.split('`').enumerate().map(|(number, part)| match number % 2 {
                1 if part.starts_with(&format!("{PROGRAM} ")) && !part.contains("--config") && part != DEMO => format!("{part}{again}"),
                _ => part.to_owned(),
            });
            parts.collect::<Vec<_>>().join("`")
        });
        Self { hint, ..self }
    }

    fn of(error: &(dyn Error + 'static)) -> Self {
        Self::new(chain(error))
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let failure = Self::of(&error);
        match error {
            ConfigError::NotFound { .. } => {
                failure.hint("name the file with `--config FILE`, or make an example with `synapsor-runner demo`")
            }
            ConfigError::VariableMissing { name } => failure.hint(format_args!("set it for this process: `export {name}=...`")),
            ConfigError::Unreadable { .. }
            | ConfigError::BindingMissing { .. }
            | ConfigError::BindingUnusable { .. }
            | ConfigError::ProviderNotServed { .. } => failure,
        }
    }
}

impl From<LedgerError> for Failure {
    fn from(error: LedgerError) -> Self {
        let failure = Self::of(&error);
        match &error {
            LedgerError::Refused(refusal) => match refusal_hint(refusal) {
                Some(hint) => failure.hint(hint),
                None => failure,
            },
            LedgerError::Missing(_) => {
                failure.hint("nothing was proposed yet with this configuration; `--store FILE` names another ledger")
            }
            LedgerError::Busy => failure.hint("another process is writing; run the command again"),
            LedgerError::NoProposal(_) => failure.hint("`synapsor-runner proposals list` shows what there is"),
            LedgerError::Altered { .. } | LedgerError::AlteredCommit(_) | LedgerError::AlteredRecord { .. } => failure.hint(
                "it was edited or damaged outside of the program, and nothing is decided or applied from it any more; \
                     `synapsor-runner store verify` looks for more, `synapsor-runner store restore BACKUP` brings a backup back",
            ),
            LedgerError::Corrupt { .. } => failure.hint(
                "`synapsor-runner store restore BACKUP --yes` puts a backup in its place; receipts in the source keep every change \
                     from being made twice",
            ),
            LedgerError::Taken { .. } => failure.hint(
                "stop that process first; `--allow-concurrent-store` lets a second server begin all the same, and nothing else beside one",
            ),
            LedgerError::InUse(_) => failure.hint("stop the worker, or let the command end, that has it open"),
            LedgerError::LeaseUnreadable(_) => {
                failure.hint("if you know that no server of another version has the ledger, say `--force`, which passes over the file")
            }
            LedgerError::NoBackup(_) => failure.hint("name a file that `store backup` wrote"),
            LedgerError::Exists(_) => failure.hint("name another file, or say `--force` to replace it"),
            LedgerError::Unsettled(_) => {
                failure.hint("make room if the disk is full, and run the command again: what is on record already is not recorded twice")
            }
            LedgerError::Full => failure.hint("make room and run the command again"),
            LedgerError::ReadOnly(_) => failure.hint("this account must be able to write the file and its folder, where its log is kept"),
            _ => failure,
        }
    }
}

fn refusal_hint(refusal: &Refusal) -> Option<String> {
    match refusal {
        Refusal::OtherDigest { id, .. } => Some(format!("look at it again: `synapsor-runner proposals show {id}`")),
        Refusal::Role { role, .. } => Some(format!("an operator with the role `{role}` must decide (`operators` in the configuration)")),
        Refusal::NeedsTombstone { id, .. } => Some(format!("`synapsor-runner proposals cancel {id}` fences it in the source first")),
        Refusal::Expired { .. } => Some("the agent can propose it again".to_owned()),
        Refusal::WrongStatus { id, .. } => Some(format!("`synapsor-runner proposals show {id}` tells its story")),
        Refusal::NeverRetried { id, .. } => {
            Some(format!("`synapsor-runner dead-letters resolve {id} --reason '...'` ends it, and the agent can propose it again"))
        }
        Refusal::MayHaveActed { id, .. } => Some(format!(
            "`synapsor-runner dead-letters resolve {id} --outcome applied|not-applied --reason '...'`, once you know what became of it"
        )),
        _ => None,
    }
}

impl From<OperatorError> for Failure {
    fn from(error: OperatorError) -> Self {
        match error {
            OperatorError::Ledger(error) => error.into(),
            OperatorError::Job { id, refusal } => job_refused(&id, &refusal),
            error => {
                let hint = operator_hint(&error);
                Self { hint, ..Self::of(&error) }
            }
        }
    }
}

fn job_refused(id: &ProposalId, refusal: &JobRefusal) -> Failure {
    let failure = match refusal {
        JobRefusal::Differs(found) => {
            let lines: Vec<String> = found.iter().map(ToString::to_string).collect();
            Failure::new(format_args!("the job does not say what was approved of proposal {id}")).detail(&lines.join("\n"))
        }
        refusal => Failure::new(format_args!("the job of proposal {id} is refused: {refusal}")),
    };
    let failure = failure.hint(match refusal {
        JobRefusal::Handler { .. } => format!("hand it to the handler: `synapsor-runner apply {id}`"),
        _ => format!("nothing was changed; make a new one: `synapsor-runner proposals writeback-job {id} --output FILE`"),
    });
    Failure { code: Some(refusal.code()), ..failure }
}

fn operator_hint(error: &OperatorError) -> Option<String> {
    match error {
        OperatorError::NotApplicable { id, status: synapsor_proposal::Status::PendingReview } => {
            Some(format!("decide first: `synapsor-runner proposals approve {id}`"))
        }
        OperatorError::NotAnOperator { account, .. } => Some(format!("declare it: \"operators\": {{\"{account}\": {{\"roles\": [...]}}}}")),
        OperatorError::NotTheOwner { .. } => {
            Some("run the command as the account that owns the ledger, or declare `operators` in the configuration".to_owned())
        }
        OperatorError::Unrecorded { id, .. } => {
            Some(format!("when the ledger can be written again, run `synapsor-runner apply {id}`: it finds the receipt and records it"))
        }
        OperatorError::TombstoneUnrecorded { id, .. } => Some(format!(
            "when the ledger can be written again, run `synapsor-runner proposals cancel {id}`: it finds the tombstone and records it"
        )),
        OperatorError::Unsettled { id, report } if report.code == Some(ErrorCode::HANDLER_NOT_FENCED) => {
            Some(format!("look into the application, and say what you find: `synapsor-runner dead-letters resolve {id}`"))
        }
        OperatorError::NeedsPerson { id, possible_from, .. } => Some(format!(
            "look into the application, and from {possible_from} on say what you find: \
             `synapsor-runner dead-letters resolve {id} --outcome applied|not-applied --reason '...'`"
        )),
        OperatorError::OutcomeNeeded { id } => Some(format!(
            "`synapsor-runner dead-letters resolve {id} --outcome applied|not-applied --reason '...'`; it is on record as your word, not as proved"
        )),
        OperatorError::OutcomeProvable { id } => Some(format!(
            "`synapsor-runner dead-letters resolve {id} --reason '...'` stops it in the source, or finds its receipt; \
             `synapsor-runner dead-letters replay {id}` tries again"
        )),
        OperatorError::NoDeadLetter { .. } => Some("`synapsor-runner dead-letters list` shows what there is".to_owned()),
        OperatorError::Unsettled { .. } => Some("nothing was changed; run the command again when the source can be reached".to_owned()),
        OperatorError::Abandoned { id, .. } => Some(format!("`synapsor-runner proposals show {id}` says what it waits for")),
        OperatorError::Expired { .. } => Some("the agent can propose it again".to_owned()),
        _ => None,
    }
}

impl From<AgentError> for Failure {
    fn from(error: AgentError) -> Self {
        match error {
            AgentError::Config(error) => error.into(),
            AgentError::Ledger(error) => error.into(),
            error => Self::of(&error),
        }
    }
}

impl From<SourceError> for Failure {
    fn from(error: SourceError) -> Self {
        Self::of(&error)
    }
}

impl From<McpError> for Failure {
    fn from(error: McpError) -> Self {
        let hint = match &error {
            McpError::Http(cause) => cause.hint().map(str::to_owned),
            McpError::Handshake(_) | McpError::Broken(_) => None,
        };
        Self { hint, ..Self::of(&error) }
    }
}
