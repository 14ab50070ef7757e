#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod address;
mod config;
mod connection;
mod env_file;
mod error;
mod objects;
mod source;
mod store;

pub use address::SCHEME;
pub use config::S3Config;
pub use source::{S3Source, opener, register};
pub use store::S3DataStore;
