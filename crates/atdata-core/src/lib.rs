//! The core of `atdata`.

pub mod array;
pub mod cid;
mod error;
pub mod schema;
pub mod tar;
pub mod url;
mod value;

pub use error::{Error, ErrorKind, Result, ResultExt};
pub use value::{Map, Value};
