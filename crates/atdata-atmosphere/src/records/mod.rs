//! The records of the network as plain data: schemas, datasets, labels, lenses and their verifications.
//!
//! A record is read from the JSON in which servers send it, whatever generation wrote it ([`Collection::of`] says which
//! it was), into one type for each kind of thing, and is written in the form of a
//! [`Profile`](atdata_core::schema::Profile). Members that are not known are ignored on reading: never write a
//! stranger's record back from what was read of it.
//!
//! Records are hostile until checked: reading never panics and never allocates more than a small multiple of what it
//! is given. Writing checks the limits of the lexicons, so that a server refuses nothing that was written here.

mod blob;
mod checksum;
mod collection;
mod data_lens;
mod dataset;
pub mod ipld;
mod label;
mod lens;
mod limits;
mod manifest;
mod member;
mod metadata;
mod schema;
mod storage;
mod verification;

pub use self::blob::BlobRef;
pub use self::checksum::Checksum;
pub use self::collection::{Collection, Generation, RecordKind};
pub use self::dataset::{DatasetRecord, DatasetSize};
pub use self::label::LabelRecord;
pub use self::lens::{CodeReference, LensRecord};
pub use self::manifest::ManifestRef;
pub use self::schema::SchemaRecord;
pub use self::storage::{BlobShard, S3Shard, S3Storage, Storage, UrlShard};
pub use self::verification::LensVerification;
