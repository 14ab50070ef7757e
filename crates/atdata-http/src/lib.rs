#![doc = include_str!("../README.md")]

mod source;

pub use atdata_transport::HttpOptions;
pub use source::{HttpSource, opener, register, register_with};
