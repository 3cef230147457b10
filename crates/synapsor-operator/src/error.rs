//! Why did an operator's command not do what it was asked?

use synapsor_ledger::LedgerError;
use synapsor_proposal::Status;
use synapsor_protocol::canonical::CanonicalError;
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{Report, Timestamp};

use crate::jobs::Difference;
use crate::permission::Objection;

/// Why an operator's command was refused. Unless a variant says otherwise, nothing was changed anywhere.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// The configuration declares operators, and this account is none of them.
    #[error("account `{account}` (uid {uid}) is not among the operators that the configuration declares")]
    NotAnOperator {
        /// The account.
        account: String,
        /// Its number.
        uid: u32,
    },
    /// The configuration declares no operators, and this account does not own the ledger.
    #[error(
        "account `{account}` (uid {uid}) does not own the ledger, which belongs to uid {owner}, and the configuration declares no operators"
    )]
    NotTheOwner {
        /// The account.
        account: String,
        /// Its number.
        uid: u32,
        /// Who owns the ledger.
        owner: u32,
    },
    /// The proposal is not one that can be applied.
    #[error("proposal {id} is {status}, and only an approved one can be applied")]
    NotApplicable {
        /// The proposal.
        id: ProposalId,
        /// Where it stands.
        status: Status,
    },
    /// The approval is not for what would be executed.
    #[error("the approval of proposal {id} is not for the change that stands in the ledger")]
    ApprovalDiffers {
        /// The proposal.
        id: ProposalId,
    },
    /// The configuration of today does not allow the change any more. If an earlier attempt was open, it was found out and stopped.
    #[error("proposal {id} cannot be applied: {objection}")]
    NotAllowed {
        /// The proposal.
        id: ProposalId,
        /// What forbids it.
        objection: Objection,
    },
    /// Its time passed before it was applied; that is on record now.
    #[error("proposal {id} expired before it was applied")]
    Expired {
        /// The proposal.
        id: ProposalId,
    },
    /// It may not be tried any more, and what became of earlier attempts could not be found out.
    #[error("proposal {id} cannot be settled: {}", report.detail.as_deref().unwrap_or("the source gives no certain answer"))]
    Unsettled {
        /// The proposal.
        id: ProposalId,
        /// What the source answered.
        report: Box<Report>,
    },
    /// An attempt may have acted, and the executor takes one delivery only. It is a dead letter now.
    #[error("attempt {attempt} of proposal {id} may have acted, and its executor takes one delivery only: a person has to find out")]
    NeedsPerson {
        /// The proposal.
        id: ProposalId,
        /// The attempt.
        attempt: u32,
        /// From when on nothing of it can be under way any more.
        possible_from: Timestamp,
    },
    /// Nothing that the runner can send stops or asks the executor, so a person has to say what became of it.
    #[error("what became of proposal {id} cannot be proved: say `--outcome applied` or `--outcome not-applied`, and how you know")]
    OutcomeNeeded {
        /// The proposal.
        id: ProposalId,
    },
    /// The source itself says what became of it, so nobody's word is taken for it.
    #[error("what became of proposal {id} can be proved in its source, so no `--outcome` is taken")]
    OutcomeProvable {
        /// The proposal.
        id: ProposalId,
    },
    /// It is no dead letter.
    #[error("proposal {id} is {status}, and no dead letter")]
    NoDeadLetter {
        /// The proposal.
        id: ProposalId,
        /// Where it stands.
        status: Status,
    },
    /// The program broke while it was at work on this one; others go on. What became of the attempt is found out by the next.
    #[error("the program broke at work on proposal {id}")]
    Broken {
        /// The proposal.
        id: ProposalId,
    },
    /// No attempt was ever claimed, so nobody can say that it was applied.
    #[error("proposal {id} was never tried, so it is not applied: without `--outcome` it is withdrawn")]
    NeverTried {
        /// The proposal.
        id: ProposalId,
    },
    /// The process was told to end before it began with this one. Nothing was changed.
    #[error("proposal {id} was not begun: the process was told to end")]
    NotBegun {
        /// The proposal.
        id: ProposalId,
    },
    /// The process ends, and the attempt was left to whoever comes next: it is claimed and unreported, and its lease was given back.
    #[error("attempt {attempt} of proposal {id} was left unfinished, and its lease was given back")]
    Abandoned {
        /// The proposal.
        id: ProposalId,
        /// The attempt.
        attempt: u32,
    },
    /// The attempt came to an end, and the ledger could not take what it reported. Whatever the report says is true of the source; applying
    /// again finds it there and records it.
    #[error("the outcome of proposal {id} is `{}`, but it is not on record", report.outcome)]
    Unrecorded {
        /// The proposal.
        id: ProposalId,
        /// What the attempt reported.
        report: Box<Report>,
        /// Why the ledger did not take it.
        #[source]
        cause: LedgerError,
    },
    /// A tombstone stands in the source, so the change cannot be made any more, and the ledger could not take that. Asking again finds the
    /// tombstone and records it.
    #[error("proposal {id} is fenced in the source, but that is not on record")]
    TombstoneUnrecorded {
        /// The proposal.
        id: ProposalId,
        /// Why the ledger did not take it.
        #[source]
        cause: LedgerError,
    },
    /// The job that was handed over is not the one of this proposal, or may not be used. Nothing ran.
    #[error("the job for proposal {id} is refused ({}): {refusal}", refusal.code())]
    Job {
        /// The proposal that the job names.
        id: ProposalId,
        /// Why.
        refusal: JobRefusal,
    },
    /// The executor that the change needs cannot be used.
    #[error("executor `{executor}` for source `{source_name}` cannot be used: {reason}")]
    NoExecutor {
        /// The executor.
        executor: String,
        /// The source.
        source_name: String,
        /// Why.
        reason: String,
    },
    /// The ledger refused, or could not answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The terms of the approval have no canonical form.
    #[error(transparent)]
    Canonical(#[from] CanonicalError),
}

/// Why a job that was handed over, or asked for, is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JobRefusal {
    /// It does not say what was approved.
    #[error("it does not say what was approved: {}", told(.0))]
    Differs(Vec<Difference>),
    /// The time for which it was handed over has passed.
    #[error("it was handed over until {at}, which has passed")]
    Over {
        /// When it ended.
        at: Timestamp,
    },
    /// It says that it was handed over for longer than any job is.
    #[error("it says that it was handed over until {at}, and no job is for longer than an hour")]
    TooLong {
        /// When it would end.
        at: Timestamp,
    },
    /// A handler carries it out, and a job is one UPDATE of one row.
    #[error("the handler `{executor}` carries it out, and a job in a file is a change that a runner makes itself")]
    Handler {
        /// The executor that was approved.
        executor: String,
    },
    /// The row is in no database that jobs are for.
    #[error("its row is in no database that a runner writes to")]
    NoEngine,
    /// The change has no guard that could be compared.
    #[error("its change has no guard of the row")]
    Unguarded,
}

fn told(differences: &[Difference]) -> String {
    differences.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
