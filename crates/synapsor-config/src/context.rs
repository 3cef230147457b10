//! Whose rows does a call see, and who is asking?
//!
//! Tenant and principal come from the process, never from an argument. A value from the environment loses the one line
//! break at its end, which secret stores and shells like to add, and nothing else; a value in the file is taken exactly.

use synapsor_protocol::name::EnvName;

use crate::environment::Environment;
use crate::error::ConfigError;

/// Where tenant and principal come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TrustedContext {
    /// From the environment of the process.
    Environment {
        /// The variable that holds the tenant.
        tenant_id_env: EnvName,
        /// The variable that holds the principal.
        principal_env: EnvName,
    },
    /// From the file, for development.
    StaticDev {
        /// The tenant.
        tenant_id: StaticValue,
        /// The principal.
        principal: StaticValue,
    },
    /// From the verified claims of an HTTP request.
    HttpClaims,
    /// From a session of the control plane.
    CloudSession,
}

/// A value of the file that a variable may replace. At least one of the two is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticValue {
    /// The variable that replaces it when it is set.
    pub env: Option<EnvName>,
    /// The value itself.
    pub literal: Option<String>,
}

/// Who is asking, for one process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trusted {
    /// The tenant, as text; never empty.
    pub tenant_id: String,
    /// The principal; never empty.
    pub principal: String,
    /// The provider both came from, as the file spells it.
    pub provider: &'static str,
}

/// The most bytes that a tenant or a principal may have.
const MAX_BINDING: usize = 1024;

impl TrustedContext {
    /// The variable that `environment` reads for the tenant where the file names none.
    pub const DEFAULT_TENANT_ENV: &'static str = "SYNAPSOR_TENANT_ID";
    /// The variable that `environment` reads for the principal where the file names none.
    pub const DEFAULT_PRINCIPAL_ENV: &'static str = "SYNAPSOR_PRINCIPAL";

    /// The provider's name, as the file spells it.
    pub fn provider(&self) -> &'static str {
        match self {
            Self::Environment { .. } => "environment",
            Self::StaticDev { .. } => "static_dev",
            Self::HttpClaims => "http_claims",
            Self::CloudSession => "cloud_session",
        }
    }

    /// Tenant and principal, as things are now. Fails if one of them is missing, or if they do not come from the
    /// process at all.
    pub fn resolve(&self, environment: &Environment) -> Result<Trusted, ConfigError> {
        let (tenant_id, principal) = match self {
            Self::Environment { tenant_id_env, principal_env } => {
                (from_variable(environment, tenant_id_env)?, from_variable(environment, principal_env)?)
            }
            Self::StaticDev { tenant_id, principal } => {
                (tenant_id.resolve(environment, "tenant_id")?, principal.resolve(environment, "principal")?)
            }
            Self::HttpClaims | Self::CloudSession => {
                return Err(ConfigError::ProviderNotServed { provider: self.provider() });
            }
        };
        Ok(Trusted {
            tenant_id: accepted("tenant_id", tenant_id)?,
            principal: accepted("principal", principal)?,
            provider: self.provider(),
        })
    }
}

impl StaticValue {
    fn resolve(&self, environment: &Environment, binding: &'static str) -> Result<String, ConfigError> {
        let replaced = self.env.as_ref().and_then(|name| environment.exact_value(name));
        match (replaced.or_else(|| self.literal.clone()), &self.env) {
            (Some(value), _) => Ok(value),
            (None, Some(name)) => Err(ConfigError::VariableMissing { name: name.clone() }),
            (None, None) => Err(ConfigError::BindingMissing { binding }),
        }
    }
}

fn from_variable(environment: &Environment, name: &EnvName) -> Result<String, ConfigError> {
    let named = environment.exact_value(name).filter(|value| !value.trim().is_empty());
    named.ok_or_else(|| ConfigError::VariableMissing { name: name.clone() })
}

fn accepted(binding: &'static str, value: String) -> Result<String, ConfigError> {
    if value.trim().is_empty() {
        return Err(ConfigError::BindingMissing { binding });
    }
    let usable = value.len() <= MAX_BINDING && !value.chars().any(char::is_control);
    if usable { Ok(value) } else { Err(ConfigError::BindingUnusable { binding }) }
}

#[cfg(test)]
mod tests;
