#![doc = include_str!("../README.md")]
//!
//! # Inside
//!
//! `server` listens, `guard` decides who is answered, `page` has the files of the page, `api` has one module per
//! address below `/api/v1`. `opened` keeps datasets open; `bounded` makes JSON of values, `plane` pictures of arrays.

mod answer;
mod api;
mod bounded;
mod guard;
mod kind;
mod numbers;
mod opened;
mod options;
mod page;
mod params;
mod plane;
mod server;
mod token;

pub use options::{LensInfo, LensProvider, ServeOptions, StatisticsProvider};
pub use server::Server;
pub use token::Token;
