//! Data sources by address: local files, and a registry of schemes for everything else.

mod file;
mod mapped;
mod pieces;
mod registry;
mod url;

pub use file::FileSource;
pub(crate) use pieces::FilePieces;
pub use registry::{Registry, ShardOpener};
pub use url::UrlSource;
pub(crate) use url::{MAX_SHARDS, expand};
