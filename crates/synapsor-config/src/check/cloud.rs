//! Is the control plane's part in order?

use super::report::{At, Report};
use crate::code::Code;
use crate::config::{CloudConfig, Mode};
use crate::raw::file::RawCloud;
use crate::raw::source::EngineWord;
use crate::raw::{EnvText, OneOf, Slot, Text, Word};

/// The control plane; there exactly in cloud mode.
pub(crate) fn cloud(slot: &Slot<RawCloud>, mode: Option<Mode>, at: &At, report: &mut Report) -> Option<Option<CloudConfig>> {
    if mode != Some(Mode::Cloud) {
        if mode.is_some() && !slot.is_absent() {
            report.add(Code::CloudConfigOnlyForCloudMode, at);
        }
        return Some(None);
    }
    let raw = report.required(slot, Code::CloudConfigRequired, at)?;
    control_plane(raw, at, report).map(Some)
}

fn control_plane(raw: &RawCloud, at: &At, report: &mut Report) -> Option<CloudConfig> {
    report.unknown(raw, at);
    let base_url_env = report.required(&raw.base_url_env, Code::CloudBaseUrlEnvRequired, &at.field("base_url_env"));
    let runner_token_env = report.required(&raw.runner_token_env, Code::CloudRunnerTokenEnvRequired, &at.field("runner_token_env"));
    let adapter_id = report.required(&raw.adapter_id, Code::CloudAdapterIdRequired, &at.field("adapter_id"));
    let mut text = |slot, code, name| report.optional(slot, code, &at.field(name)).map(|Text(text): &Text| text.clone());
    let source_id = text(&raw.source_id, Code::InvalidCloudSourceId, "source_id");
    let runner_id = text(&raw.runner_id, Code::InvalidCloudRunnerId, "runner_id");
    let runner_version = text(&raw.runner_version, Code::InvalidCloudRunnerVersion, "runner_version");
    let project_id = text(&raw.project_id, Code::InvalidCloudProjectId, "project_id");
    let engines = list(&raw.engines, Code::InvalidCloudEngines, &at.field("engines"), engine_name, report);
    let capabilities =
        list(&raw.capabilities, Code::InvalidCloudCapabilities, &at.field("capabilities"), |Text(text)| text.clone(), report);
    let session = report.optional(&raw.session, Code::InvalidCloudSession, &at.field("session"));
    let (EnvText(base_url_env), EnvText(runner_token_env), Text(adapter_id)) = (base_url_env?, runner_token_env?, adapter_id?);
    Some(CloudConfig {
        base_url_env: base_url_env.clone(),
        runner_token_env: runner_token_env.clone(),
        adapter_id: adapter_id.clone(),
        source_id,
        runner_id,
        runner_version,
        project_id,
        engines,
        capabilities,
        session: session.cloned().unwrap_or_default(),
    })
}

fn engine_name(OneOf(engine): &OneOf<EngineWord>) -> String {
    let words = EngineWord::WORDS.iter().filter(|(_, meaning)| meaning == engine);
    words.map(|(word, _)| *word).collect()
}

/// A list that may be absent, but not empty.
fn list<T>(slot: &Slot<Vec<Slot<T>>>, code: Code, at: &At, name: fn(&T) -> String, report: &mut Report) -> Vec<String> {
    let Some(items) = report.optional(slot, code, at) else { return Vec::new() };
    let given: Vec<String> = items.iter().filter_map(|slot| slot.given().map(name)).collect();
    if items.is_empty() || given.len() < items.len() {
        report.add(code, at);
    }
    given
}
