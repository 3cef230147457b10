//! What may the file hold, member by member?
//!
//! # Invariants
//! - Serde is here and in no checked type. Reading never fails on an object: a member that is not what it should be
//!   becomes [`Slot::Wrong`], so that one pass can report everything.
//! - The published schema is made from these types, with their comments as descriptions.
//!
//! Start reading at [`file::RawConfig`].

pub(crate) mod capability;
pub(crate) mod executor;
pub(crate) mod file;
pub(crate) mod proposal;
pub(crate) mod slot;
pub(crate) mod source;
pub(crate) mod words;

pub(crate) use slot::{Named, Slot, Unknown};
pub(crate) use words::{EnvText, Finite, OneOf, Text, Whole, Word};

/// An object of the file. Each member may be absent or wrong; the names of all others are kept.
macro_rules! object {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty,)* }) => {
        #[derive(Debug, serde::Deserialize)]
        #[cfg_attr(feature = "schemas", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
        $(#[$meta])*
        pub(crate) struct $name {
            $(
                $(#[$field_meta])*
                #[serde(default)]
                pub(crate) $field: $crate::raw::Slot<$type>,
            )*
            /// The names that are none of these.
            #[serde(flatten)]
            #[cfg_attr(feature = "schemas", schemars(skip))]
            pub(crate) unknown: $crate::raw::Unknown,
        }

        impl $crate::raw::Object for $name {
            const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];

            fn unknown(&self) -> &$crate::raw::Unknown {
                &self.unknown
            }
        }
    };
}

pub(crate) use object;

/// What every object of the file can be asked.
pub(crate) trait Object {
    /// The names that it knows. A name that is a Rust keyword has `r#` before it.
    const FIELDS: &'static [&'static str];

    /// The names that it was given and does not know.
    fn unknown(&self) -> &Unknown;
}
