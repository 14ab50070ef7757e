//! Lenses: ways to see one type as another, and to put changes back.
//!
//! - [`Lens`] is a lens of two functions, between any two types; [`Laws`] says what it promises.
//! - [`DataLens`] is a lens as data, a list of [`Step`]s between two schemas: it can be stored, sent, and checked.
//! - [`LensRecord`] is a lens as an [`Index`](crate::Index) keeps it, those of Python too, with what is known of it.
//! - [`LensIndexExt`] publishes and opens lenses; [`LensRegistry`] finds the one that leads from one type to another.

mod data;
mod index;
mod path;
mod plan;
mod record;
mod reference;
mod registry;
mod step;
mod structural;
mod type_text;
mod typed;

pub use data::{DataLens, MAX_JSON, MAX_STEPS};
pub use index::{LensIndexExt, OpenLens};
pub use path::FieldPath;
pub use record::{CheckedSteps, CodeLocation, FieldMapping, LensBody, LensRecord, LensTrust};
pub use reference::LensRef;
pub use registry::{LensRegistry, Loaded};
pub use step::Step;
pub use typed::{Laws, Lens};
