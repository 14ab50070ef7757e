#![doc = include_str!("../README.md")]

mod blobs;
mod client;
mod error;
mod identity;
mod index;
mod options;
pub mod origin;
pub mod records;
mod repository;
mod secret;
mod session;
mod tid;
mod whoami;
mod xrpc;

pub use atdata_transport::HttpOptions;
pub use blobs::{BlobAddress, BlobSource, PdsBlobStore, UploadProgress, opener, register};
pub use client::{Atmosphere, Credentials};
pub use error::AuthFault;
pub use identity::{Did, Identity, VerificationMethod};
pub use index::{AtmosphereEntry, AtmosphereIndex, DatasetDetails};
pub use options::{AtmosphereOptions, PLC_DIRECTORY};
pub use repository::MalformedRecord;
pub use secret::Secret;
pub use session::{Session, SessionFile, SessionStore};
pub use whoami::AccountInfo;
