//! What all backends that read over a network share: bodies that go on after a failure, parallel parts of one object,
//! a cache, and which addresses may be contacted. There is no network client here.
//!
//! A backend implements [`ObjectClient`]: one request, one answer. [`Remote`] makes a
//! [`ShardOpener`](crate::source::ShardOpener) of it:
//!
//! - **A body that breaks is resumed at the byte.** A connection that is lost, silent for too long or ended too early is
//!   made again from the byte that is missing. The new answer must be of the same version of the object (its
//!   [`Validator`]); one that changed is an [`ErrorKind::Conflict`](crate::ErrorKind::Conflict). Of an object that has
//!   no strong validator nothing is put together: it is read again from its beginning, and goes on only if what was
//!   delivered already comes again, byte for byte (by its SHA-256). A server that answers with the whole object
//!   instead of a part is understood; the bytes before the part are skipped.
//! - **Patience is counted for the server only.** [`RetryPolicy::read_timeout`] runs while a body waits for bytes, not
//!   while its consumer is busy.
//! - **Large objects are read in parallel**, if the server gives parts and versions ([`ParallelReads`]): in order, with
//!   bounded memory.
//! - **Retries end.** See [`RetryPolicy`].
//!
//! [`Cache`] keeps what was read in a directory; [`AddressPolicy`] says which addresses may be contacted.
//!

mod body;
mod cache;
mod client;
#[cfg(test)]
mod fake;
mod opener;
mod parallel;
mod patience;
mod retry;
#[cfg(test)]
mod tests;
mod trust;

pub use cache::Cache;
pub use client::{ByteRange, Get, ObjectBody, ObjectClient, ObjectInfo, Validator};
pub use opener::{Remote, RemoteOptions};
pub use parallel::ParallelReads;
pub use retry::RetryPolicy;
pub use trust::{AddressPolicy, is_public};
