//! Why was a command refused?

use synapsor_protocol::change_set::Mode;
use synapsor_protocol::id::ProposalId;
use synapsor_protocol::{Digest, ErrorCode, Timestamp};

use crate::proposal::Status;

/// Why a command was refused. Nothing was decided and nothing may be appended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A proposal of this id exists already.
    #[error("proposal {0} exists already")]
    Exists(ProposalId),
    /// The change set does not verify, or claims a decision that only an operator can make.
    #[error("the change set of proposal {id} is not acceptable: {why}")]
    ChangeSet {
        /// The proposal.
        id: ProposalId,
        /// What is wrong with it.
        why: String,
    },
    /// The proposal is not in a state in which this can be done.
    #[error("proposal {id} is {found}; the command needs one that is {needed}")]
    WrongStatus {
        /// The proposal.
        id: ProposalId,
        /// Where it stands.
        found: Status,
        /// Where it would have to stand.
        needed: &'static str,
    },
    /// Shadow and read-only proposals are for looking at.
    #[error("proposal {id} is a {} proposal: it is never approved or applied", mode_word(*.mode))]
    NeverWritten {
        /// The proposal.
        id: ProposalId,
        /// Its mode.
        mode: Mode,
    },
    /// Its time has passed.
    #[error("proposal {id} expired at {at}")]
    Expired {
        /// The proposal.
        id: ProposalId,
        /// When.
        at: Timestamp,
    },
    /// Its time has not passed.
    #[error("proposal {id} expires at {at}, not before")]
    NotExpired {
        /// The proposal.
        id: ProposalId,
        /// When it will.
        at: Timestamp,
    },
    /// What the reviewer was shown is not what stands in the ledger.
    #[error("the digest {named} is not the approval digest of proposal {id}, which is {stands}")]
    OtherDigest {
        /// The proposal.
        id: ProposalId,
        /// What the reviewer named.
        named: Digest,
        /// What an approval must name.
        stands: Digest,
    },
    /// The account does not hold the role that the capability asks for.
    #[error("account `{account}` does not hold the role `{role}` that proposal {id} needs")]
    Role {
        /// The proposal.
        id: ProposalId,
        /// The account.
        account: String,
        /// The role.
        role: String,
    },
    /// The reason is missing or too long.
    #[error("the reason must say something in at most {max} bytes")]
    Reason {
        /// The longest reason, in bytes.
        max: usize,
    },
    /// Attempts were claimed; only a tombstone in the source can end it without effect.
    #[error("proposal {id} was claimed: attempt {attempt} must be fenced in the source first")]
    NeedsTombstone {
        /// The proposal.
        id: ProposalId,
        /// The attempt that the tombstone must name.
        attempt: u32,
    },
    /// No such attempt was ever claimed.
    #[error("attempt {attempt} of proposal {id} was never claimed")]
    NotClaimed {
        /// The proposal.
        id: ProposalId,
        /// The attempt.
        attempt: u32,
    },
    /// A higher attempt was claimed since; a tombstone must name that one.
    #[error("attempt {attempt} of proposal {id} was superseded by attempt {current}")]
    Superseded {
        /// The proposal.
        id: ProposalId,
        /// The attempt that was named.
        attempt: u32,
        /// The last attempt that was claimed.
        current: u32,
    },
    /// What people did is compared with shadow proposals only.
    #[error("proposal {0} is no shadow proposal: there is nothing to compare what people did with")]
    NotShadow(ProposalId),
    /// A record of what somebody did that says nothing.
    #[error("the action for proposal {0} sets no column")]
    NothingDone(ProposalId),
    /// An attempt may have acted, and whoever carries it out could do it twice.
    #[error("attempt {attempt} of proposal {id} may have acted, and its executor takes one delivery only: a person must find out")]
    MayHaveActed {
        /// The proposal.
        id: ProposalId,
        /// The attempt.
        attempt: u32,
    },
    /// A request may still be under way, so nobody can know what becomes of it.
    #[error("a request of proposal {id} may be under way until {until}: nobody can attest its outcome before")]
    TooEarly {
        /// The proposal.
        id: ProposalId,
        /// When it will be possible.
        until: Timestamp,
    },
    /// Every attempt is proved to have done nothing.
    #[error("it is proved that no attempt of proposal {0} did anything: nobody can attest that it was applied")]
    ProvedUndone(ProposalId),
    /// The last attempt ended in a way that no other may follow.
    #[error("the last attempt of proposal {id} ended with {code}: no other may follow")]
    NeverRetried {
        /// The proposal.
        id: ProposalId,
        /// Why.
        code: ErrorCode,
    },
}

impl Refusal {
    /// The code of this refusal, for scripts.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Exists(_) => "PROPOSAL_IMMUTABILITY_VIOLATION",
            Self::ChangeSet { .. } => "PROPOSAL_CREATE_FAILED",
            Self::WrongStatus { .. } => "PROPOSAL_WRONG_STATUS",
            Self::NeverWritten { mode: Mode::Shadow, .. } => "SHADOW_WRITEBACK_DISABLED",
            Self::NeverWritten { .. } => "READ_ONLY_WRITEBACK_DISABLED",
            Self::Expired { .. } => "PROPOSAL_EXPIRED",
            Self::NotExpired { .. } => "PROPOSAL_NOT_EXPIRED",
            Self::OtherDigest { .. } => "APPROVAL_DIGEST_MISMATCH",
            Self::Role { .. } => "APPROVAL_ROLE_REQUIRED",
            Self::Reason { .. } => "INVALID_REASON",
            Self::NeedsTombstone { .. } => "WRITEBACK_CLAIMED",
            Self::NotClaimed { .. } => "WRITEBACK_ATTEMPT_NOT_CLAIMED",
            Self::Superseded { .. } => "WRITEBACK_ATTEMPT_SUPERSEDED",
            Self::NotShadow(_) => "NOT_SHADOW_PROPOSAL",
            Self::NothingDone(_) => "SHADOW_ACTION_CREATE_FAILED",
            Self::MayHaveActed { .. } => "WRITEBACK_OUTCOME_UNKNOWN",
            Self::TooEarly { .. } => "ATTESTATION_TOO_EARLY",
            Self::ProvedUndone(_) => "ATTESTATION_CONTRADICTS_PROOF",
            Self::NeverRetried { .. } => "WRITEBACK_NOT_RETRYABLE",
        }
    }
}

fn mode_word(mode: Mode) -> &'static str {
    if mode == Mode::Shadow { "shadow" } else { "read-only" }
}
