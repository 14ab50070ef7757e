//! S3
mod address;
mod config;
mod connection;
mod env_file;
mod error;
mod store;

pub use address::SCHEME;
pub use config::S3Config;
pub use store::S3DataStore;
