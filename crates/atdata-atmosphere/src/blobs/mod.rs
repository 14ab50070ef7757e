//! Shards in the blobs of a repository.

mod address;
mod file;
mod source;
mod store;
mod upload;
mod verified;

pub use address::BlobAddress;
pub use source::{BlobSource, opener, register};
pub use store::PdsBlobStore;
pub use upload::UploadProgress;
pub(crate) use upload::Uploaded;
