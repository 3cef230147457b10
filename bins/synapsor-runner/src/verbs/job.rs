//! `proposals writeback-job`, `validate --job`, `apply --job`: an approved change as a file, out and in.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use synapsor_operator::Handover;
use synapsor_protocol::WritebackJob;
use synapsor_protocol::record::read_closed;
use synapsor_protocol::writeback_job::ConflictGuard;

use super::{export as files, meant, propose};
use crate::cli::{ExportJob, HandedOver, NewFile, Validate};
use crate::compose::Setup;
use crate::failure::{Answer, Failure};
use crate::output;

/// Prints the job of an approved proposal, or writes it.
pub(super) async fn export(words: &ExportJob) -> Answer<ExitCode> {
    let port = Setup::load_served(&words.one.place)?.operator_port(None)?;
    let id = meant(&port, &words.one.id).await?;
    let to = Handover { project: words.project.clone(), runner: words.runner.clone() };
    let job = port.writeback_job(&id, &to, Duration::from_secs(words.lease_seconds)).await?;
    let Some(file) = &words.output else {
        output::json(&job);
        return Ok(ExitCode::SUCCESS);
    };
    // For its owner alone, as it holds business values; an older one is replaced and not written into.
    files::json_file(&NewFile { output: file.clone(), force: true }, &job)?;
    if words.one.format.json {
        let (proposal_id, job_id) = (&job.proposal_id, &job.writeback_job_id);
        output::json(
            &json!({"ok": true, "proposal_id": proposal_id, "writeback_job_id": job_id, "output": file, "expires_at": job.lease.expires_at}),
        );
    } else {
        let (file, again) = (file.display(), words.one.place.again());
        output::line(format_args!("wrote {file}: the job of {id}, to be applied before {}", job.lease.expires_at));
        output::line(format_args!("apply it: synapsor-runner apply --job {file}{again}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Says whether a file is a job.
pub(super) fn validate(words: &Validate) -> Answer<ExitCode> {
    let job = read(&words.job)?;
    let guarded = job.conflict_guard != ConflictGuard::None {};
    if words.format.json {
        output::json(&json!({"ok": true, "writeback_job_id": job.writeback_job_id, "proposal_id": job.proposal_id, "guarded": guarded}));
        return Ok(ExitCode::SUCCESS);
    }
    output::line("job valid");
    let key = &job.target.primary_key;
    let (schema, table) = (&job.target.schema, &job.target.table);
    output::line(output::visible(&format!("{} changes {schema}.{table} where `{}` is {}", job.writeback_job_id, key.column, key.value)));
    if !guarded {
        output::line("it has no guard of the row, so it is never applied");
    }
    Ok(ExitCode::SUCCESS)
}

/// The job that was handed over instead of a proposal's id, if one was.
pub(super) fn handed_over(words: &HandedOver) -> Answer<Option<(WritebackJob, Handover)>> {
    let Some(file) = &words.job else { return Ok(None) };
    let to = Handover { project: words.project.clone(), runner: words.runner.clone() };
    Ok(Some((read(file)?, to)))
}

fn read(file: &Path) -> Answer<WritebackJob> {
    let text = propose::read(file)?;
    read_closed(&text).map_err(|cause| Failure::new(format_args!("{} is no job", file.display())).because(&cause))
}
