//! What is to be carried out?

use synapsor_protocol::id::JobId;
use synapsor_protocol::{ChangeSet, OperationId, Timestamp};
use synapsor_source::guarded::Claim;

/// One attempt at an approved change. The change set is the one whose hash was approved; who makes a job has verified that.
#[derive(Debug, Clone)]
pub struct Job {
    /// The job.
    pub job_id: JobId,
    /// The operation: the same for every attempt.
    pub operation_id: OperationId,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// The approved change.
    pub change_set: ChangeSet,
    /// Who approved it: an account of this machine.
    pub approved_by: Option<String>,
    /// Who carries it out, in words: `pid 4711`.
    pub runner: String,
    /// A moment before the attempt was claimed. A request is as old as this, however long its sender was held up since: so it is known
    /// from when on a handler takes none of this attempt.
    pub issued_at: Timestamp,
}

impl Job {
    /// The content of the receipt row that comes before everything else.
    pub fn claim(&self) -> Claim {
        Claim {
            operation_id: self.operation_id.clone(),
            proposal_id: self.change_set.proposal_id.clone(),
            proposal_hash: self.change_set.integrity.proposal_hash.clone(),
            job_id: self.job_id.clone(),
            attempt: self.attempt,
            action: self.change_set.action.clone(),
        }
    }
}
