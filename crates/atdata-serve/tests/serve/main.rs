//! The server from outside: by a plain client, and by a real browser.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod api;
mod browser;
mod client;
mod demo;
mod devtools;
mod guard;
mod hostile;
mod images;
mod ranges;
mod setting;
