#![doc = include_str!("../README.md")]

mod answer;
mod client;
mod connect;
mod error;
mod options;
mod source;

pub use options::HttpOptions;
pub use source::{HttpSource, opener, register, register_with};
