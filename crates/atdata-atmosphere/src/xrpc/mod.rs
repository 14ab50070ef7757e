//! Requests to a server, with what every one of them needs: authentication, patience and typed errors.
//!
//! The generated clients of `atrium-api` run on it: [`Service`] is their transport. They are used where the answer is the
//! server's own; records, which anybody may have written, are read as JSON instead.

mod atrium;
mod limits;
mod service;

pub(crate) use atrium::{Client, client, from_atrium};
pub(crate) use service::{Auth, Service};

/// The longest JSON that is read as an answer: a page of 100 records of the largest size that servers take.
pub(crate) const MAX_JSON: usize = 128 << 20;
