//! Schemas: what fields the samples of a dataset have.
//!
//! - [`SampleSchema`], [`Field`], [`FieldType`], plain data.
//! - [`json`] and [`record`]: the JSON form in which local indexes store schemas, and the records of every generation.
//! - [`mod@reference`]: [`SchemaRef`], how entries name a schema.
//! - [`diff()`]: what changed between two schemas and whether data of one can be read as the other.
//! - [`codegen`]: the Rust struct for a schema.

pub mod codegen;
pub mod diff;
pub(crate) mod exact_value;
pub mod json;
mod json_value;
mod model;
mod python_json;
pub mod record;
pub mod reference;
mod republication;
mod timestamp;
mod version;

pub use self::codegen::to_rust;
pub use self::diff::{Change, SchemaDiff, diff};
pub use self::exact_value::{is_record_key, is_record_value, keeps_its_order};
pub use self::json_value::{json_to_value, value_to_json};
pub use self::model::{ArrayType, Field, FieldType, MAX_DEPTH, Primitive, SampleSchema};
pub use self::python_json::to_python_json;
pub use self::reference::{Profile, SchemaRef};
pub use self::republication::check_republication;
pub use self::timestamp::{format_time, parse_time};
pub use self::version::{SchemaVersion, Version};
