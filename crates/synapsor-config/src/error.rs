//! Why could a config not be read, or not be filled with values?

use std::path::PathBuf;

use synapsor_protocol::name::EnvName;

/// Why a config could not be read or filled with values. Nothing was changed anywhere.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// There is no such file.
    #[error("there is no config file {}", path.display())]
    NotFound {
        /// The path that was tried.
        path: PathBuf,
    },
    /// The file is there, but it could not be read.
    #[error("the config file {} cannot be read", path.display())]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// A variable that the config names is not set, or it is empty.
    #[error("environment variable `{name}` is not set")]
    VariableMissing {
        /// The variable.
        name: EnvName,
    },
    /// The trusted context has no value for this.
    #[error("the trusted context has no `{binding}`")]
    BindingMissing {
        /// `tenant_id` or `principal`.
        binding: &'static str,
    },
    /// The trusted context's value is too long or holds control characters.
    #[error("the trusted context's `{binding}` is longer than 1024 bytes or holds control characters")]
    BindingUnusable {
        /// `tenant_id` or `principal`.
        binding: &'static str,
    },
    /// The provider does not take its values from the process.
    #[error("the trusted context comes from `{provider}`, which this version does not serve yet")]
    ProviderNotServed {
        /// The provider.
        provider: &'static str,
    },
}
