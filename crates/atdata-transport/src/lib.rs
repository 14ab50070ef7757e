#![doc = include_str!("../README.md")]

mod answer;
mod client;
mod connect;
mod error;
mod object;
mod options;
mod request;

pub use client::HttpClient;
pub use options::HttpOptions;
pub use request::{HttpAnswer, HttpRequest};
