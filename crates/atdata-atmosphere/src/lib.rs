#![doc = include_str!("../README.md")]

mod client;
mod error;
mod identity;
mod options;
mod repository;
mod secret;
mod session;
mod tid;
mod xrpc;

pub use client::{Atmosphere, Credentials};
pub use error::AuthFault;
pub use identity::{Did, Identity, VerificationMethod};
pub use options::{AtmosphereOptions, PLC_DIRECTORY};
pub use secret::Secret;
pub use session::{Session, SessionFile, SessionStore};
