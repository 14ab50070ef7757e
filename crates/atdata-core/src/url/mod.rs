//! Addresses: of shards (paths, URLs, brace and glob notation) and of records (`at://`).
//!
//! One text may stand for many shards: [`brace`] expands `data-{000..099}.tar` and [`glob`] expands `data-*.tar` on
//! the local disk; [`compose()`] goes the other way. [`address`] tells paths, URLs and commands apart, and [`redact()`]
//! takes the secrets out of an address before it is shown. A space is *not* a separator anywhere.

pub mod address;
pub mod at_uri;
pub mod brace;
pub mod compose;
pub mod glob;
mod redact;

pub use self::address::ShardUrl;
pub use self::at_uri::AtUri;
pub use self::brace::{BraceExpansion, expand, expand_all};
pub use self::compose::compose;
pub use self::glob::expand_glob;
pub use self::redact::redact;
