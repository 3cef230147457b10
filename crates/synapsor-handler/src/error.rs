//! Why is there no handler?

/// Why a handler could not be built, or is not ready. Nothing was served and nothing was changed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HandlerError {
    /// Neither a token nor a signing secret, and nobody said that this is meant.
    #[error("a handler needs a bearer token or a signing secret; `without_authentication` says that none is meant")]
    NoAuthentication,
    /// A token that is empty, or short enough to be guessed.
    #[error("a bearer token needs at least {least} bytes")]
    WeakToken {
        /// The least.
        least: usize,
    },
    /// A signing secret that is none.
    #[error("a signing secret cannot be used: {reason}")]
    SigningSecret {
        /// What is wrong with it, without any of it.
        reason: String,
    },
    /// There is no database, and no store of the application's own.
    #[error("a handler needs a database or a store")]
    NoStore,
    /// Both a store of the application's own, and a database or effects.
    #[error("a handler has either a store of its own or a database with effects")]
    TwoStores,
    /// Nothing to do.
    #[error("a handler needs at least one effect")]
    NoEffect,
    /// Two effects of one name.
    #[error("the effect `{action}` is registered twice")]
    EffectTwice {
        /// The capability.
        action: String,
    },
    /// Two tables of one name.
    #[error("the table `{table}` is declared twice")]
    TableTwice {
        /// The table.
        table: String,
    },
    /// The table of the receipts among those of the effects: an effect that removes one would let another change happen twice.
    #[error("the table `{table}` keeps the receipts, and no effect may touch it")]
    TableOfReceipts {
        /// The table.
        table: String,
    },
    /// A name that cannot be one of a table or a column.
    #[error("`{name}` is no name of a table or a column")]
    Name {
        /// What was given.
        name: String,
    },
    /// The database cannot be used: its URL, or an engine that this build does not have.
    #[error("the database cannot be used: {reason}")]
    Database {
        /// Why, without a URL.
        reason: String,
    },
    /// The database does not have what was declared.
    #[error("the database does not fit: {findings}")]
    Unfit {
        /// Everything that was found.
        findings: String,
    },
}
