//! Which tools are there, and which capability is behind a name?
//!
//! Made once when a server starts: a call looks its name up and copies nothing.

use std::collections::HashMap;
use std::sync::Arc;

use rmcp::model::{ListToolsResult, Tool};
use synapsor_agent::{AgentPort, Capability, openai_aliases};
use synapsor_envelope::{Answer, Format, Kind, Meta, Refusal, RefusedAnswer, Written};

use crate::options::AliasMode;
use crate::tool::tool;

/// The tools of one server.
#[derive(Debug)]
pub(crate) struct ToolList {
    format: Format,
    listed: ListToolsResult,
    by_name: HashMap<String, Entry>,
    /// The aliases of what is configured and not served, so that whoever calls one is told that.
    withheld: HashMap<String, String>,
}

/// What is behind a name.
#[derive(Debug)]
struct Entry {
    canonical: String,
    kind: Kind,
    /// The tool without what only a listing shows: the protocol library asks for the schema at every call.
    bare: Tool,
}

impl ToolList {
    /// The tools of every capability that the port offers, in its order.
    pub(crate) fn of(port: &AgentPort, aliases: AliasMode, format: Format) -> Self {
        // The answers of format 1 have no common schema, and a client would hold them against this one.
        let output = (format == Format::Two).then(|| Arc::new(synapsor_envelope::schemas::output_schema()));
        let capabilities: Vec<_> = port.offers().iter().map(|offer| offer.capability()).collect();
        // What is withheld counts too: a tool has one alias in every mode.
        let openai = openai_aliases(capabilities.iter().map(|capability| &capability.name).chain(port.withheld()));
        let withheld = if aliases == AliasMode::Canonical { &[] } else { port.withheld() };
        let withheld = withheld.iter().filter_map(|name| Some((openai.get(name)?.clone(), name.to_string()))).collect();
        let mut tools = Vec::new();
        let mut by_name = HashMap::new();
        for capability in capabilities {
            let canonical = capability.name.as_str();
            let alias = openai.get(canonical).map_or(canonical, String::as_str);
            for exposed in exposed(aliases, canonical, alias) {
                let tool = tool(capability, exposed, aliases, output.as_ref());
                let bare = Tool::new_with_raw(exposed.to_owned(), None, Arc::clone(&tool.input_schema));
                by_name.insert(exposed.to_owned(), Entry { canonical: canonical.to_owned(), kind: kind(capability), bare });
                tools.push(tool);
            }
        }
        Self { format, listed: ListToolsResult::with_all_items(tools), by_name, withheld }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.listed.tools.len()
    }

    /// The format of the tools' answers.
    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// The answer to `tools/list`.
    pub(crate) fn listed(&self) -> ListToolsResult {
        self.listed.clone()
    }

    /// The tool of that name, without what only a listing shows.
    pub(crate) fn bare(&self, name: &str) -> Option<Tool> {
        self.by_name.get(name).map(|entry| entry.bare.clone())
    }

    /// The capability behind a tool's name, served or withheld; any other name stands for itself.
    pub(crate) fn canonical<'a>(&'a self, name: &'a str) -> &'a str {
        let tool = self.by_name.get(name).map(|entry| &entry.canonical);
        tool.or_else(|| self.withheld.get(name)).map_or(name, String::as_str)
    }

    /// The answer to a call of that name which never reached the port.
    pub(crate) fn refused(&self, name: &str, code: &'static str, refusal: Refusal) -> Written {
        let (action, kind, meta) = match self.by_name.get(name) {
            Some(Entry { canonical, kind, .. }) => (canonical.as_str(), *kind, Meta::capability(canonical)),
            None => (name, Kind::Read, Meta::default()),
        };
        Answer::Refused(Box::new(RefusedAnswer { action: action.to_owned(), kind, code, refusal, meta })).written(self.format)
    }
}

/// The names that a capability is called by.
fn exposed<'a>(aliases: AliasMode, canonical: &'a str, alias: &'a str) -> Vec<&'a str> {
    match aliases {
        AliasMode::Canonical => vec![canonical],
        AliasMode::Openai => vec![alias],
        AliasMode::Both if alias == canonical => vec![canonical],
        AliasMode::Both => vec![canonical, alias],
    }
}

fn kind(capability: &Capability) -> Kind {
    if capability.proposal().is_some() { Kind::Proposal } else { Kind::Read }
}
