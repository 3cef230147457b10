//! Are the trusted contexts in order?

use serde::Deserialize;
use serde_json::Value;
use synapsor_protocol::name::{EnvName, SafeName};

use super::entries::Entries;
use super::report::{At, Report};
use crate::code::Code;
use crate::config::Mode;
use crate::context::{StaticValue, TrustedContext};
use crate::raw::file::{ProviderWord, RawConfig, RawContext, RawContextValues};
use crate::raw::{EnvText, Named, Slot, Text};
use crate::served::Feature;

/// The context for capabilities that name none. It may be absent where nothing needs it.
pub(crate) fn default_context(raw: &RawConfig, mode: Option<Mode>, report: &mut Report) -> Option<Option<TrustedContext>> {
    let at = At::root().field("trusted_context");
    if raw.trusted_context.is_absent() {
        let needless = mode == Some(Mode::Cloud) || every_capability_names_one(raw);
        if !needless {
            report.add(Code::TrustedContextRequired, &at);
        }
        return needless.then_some(None);
    }
    let context = report.required(&raw.trusted_context, Code::TrustedContextNotObject, &at)?;
    trusted_context(context, mode, &at, report).map(Some)
}

fn every_capability_names_one(raw: &RawConfig) -> bool {
    let Some(capabilities) = raw.contexts.given().and(raw.capabilities.given()) else { return false };
    capabilities.iter().all(|capability| {
        let context = capability.given().and_then(|capability| capability.context.given());
        context.is_some_and(|context| !context.trim().is_empty())
    })
}

pub(crate) fn contexts(
    slot: &Slot<Named<RawContext>>,
    mode: Option<Mode>,
    report: &mut Report,
) -> Option<Entries<SafeName, TrustedContext>> {
    let at = At::root().field("contexts");
    if slot.is_absent() {
        return Some(Entries::default());
    }
    let Some(Named(contexts)) = slot.given().filter(|contexts| !contexts.0.is_empty()) else {
        report.add(Code::ContextsNotObject, &at);
        return None;
    };
    let mut entries = Entries::default();
    for (name, slot) in contexts {
        let at = at.field(name);
        let checked_name = SafeName::new(name);
        if checked_name.is_none() {
            report.add(Code::InvalidContextName, &at);
        }
        let raw = report.required(slot, Code::TrustedContextNotObject, &at);
        let context = raw.and_then(|raw| trusted_context(raw, mode, &at, report));
        entries.add(name, checked_name, context);
    }
    Some(entries)
}

fn trusted_context(raw: &RawContext, mode: Option<Mode>, at: &At, report: &mut Report) -> Option<TrustedContext> {
    report.unknown(raw, at);
    let provider_at = at.field("provider");
    let provider = report.word(&raw.provider, Code::InvalidContextProvider, &provider_at);
    let values_at = at.field("values");
    let values = report.optional(&raw.values, Code::InvalidContextValues, &values_at).cloned().unwrap_or_default();
    // An object always fits: each of its members is a slot.
    let values = RawContextValues::deserialize(&Value::Object(values)).ok()?;
    match provider? {
        ProviderWord::Environment => from_environment(&values, &values_at, report),
        ProviderWord::StaticDev => {
            report.add(Code::StaticDevContext, &provider_at).hint("use `environment` where real rows are reached");
            from_file(&values, &values_at, report)
        }
        ProviderWord::HttpClaims => {
            report.not_served(&provider_at, Feature::Provider { provider: "http_claims" });
            Some(TrustedContext::HttpClaims)
        }
        ProviderWord::CloudSession => {
            if mode.is_some_and(|mode| mode != Mode::Cloud) {
                report.add(Code::UnsupportedContextProvider, &provider_at).hint("use `environment`");
            }
            Some(TrustedContext::CloudSession)
        }
    }
}

fn from_environment(values: &RawContextValues, at: &At, report: &mut Report) -> Option<TrustedContext> {
    report.unknown(values, at);
    report.unused(&values.tenant_id, Code::InvalidContextValue, &at.field("tenant_id"));
    report.unused(&values.principal, Code::InvalidContextValue, &at.field("principal"));
    let tenant_id_env = variable(&values.tenant_id_env, &at.field("tenant_id_env"), report);
    let principal_env = variable(&values.principal_env, &at.field("principal_env"), report);
    Some(TrustedContext::Environment {
        tenant_id_env: tenant_id_env.or_else(|| EnvName::new(TrustedContext::DEFAULT_TENANT_ENV))?,
        principal_env: principal_env.or_else(|| EnvName::new(TrustedContext::DEFAULT_PRINCIPAL_ENV))?,
    })
}

fn from_file(values: &RawContextValues, at: &At, report: &mut Report) -> Option<TrustedContext> {
    report.unknown(values, at);
    let tenant_id = static_value(&values.tenant_id_env, &values.tenant_id, "tenant_id", at, report);
    let principal = static_value(&values.principal_env, &values.principal, "principal", at, report);
    Some(TrustedContext::StaticDev { tenant_id: tenant_id?, principal: principal? })
}

fn static_value(env: &Slot<EnvText>, literal: &Slot<Text>, name: &str, at: &At, report: &mut Report) -> Option<StaticValue> {
    if env.is_absent() && literal.is_absent() {
        report.add(Code::ContextValueRequired, &at.field(name));
        return None;
    }
    let env = variable(env, &at.field(&format!("{name}_env")), report);
    let literal = report.optional(literal, Code::InvalidContextValue, &at.field(name));
    Some(StaticValue { env, literal: literal.map(|Text(text)| text.clone()) })
}

fn variable(slot: &Slot<EnvText>, at: &At, report: &mut Report) -> Option<EnvName> {
    report.optional(slot, Code::InvalidContextValue, at).map(|EnvText(name)| name.clone())
}
