//! When a version that is published already may be published again.

use super::{SampleSchema, diff};
use crate::{Error, Result};

/// Checks that publishing `new` under the version of `stored` changes nothing: an index calls it inside the
/// transaction that writes.
///
/// # Errors
/// [`Conflict`](crate::ErrorKind::Conflict) with the difference if the fields are others. Repeating does not help,
/// so it is not retryable.
///
/// ```
/// use atdata_core::ErrorKind;
/// use atdata_core::schema::{Field, Primitive, SampleSchema, check_republication};
///
/// let stored = SampleSchema::new("Digit").field(Field::new("label", Primitive::Int));
/// assert!(check_republication(&stored, &stored.clone()).is_ok());
/// let other = SampleSchema::new("Digit").field(Field::new("label", Primitive::Str));
/// assert_eq!(check_republication(&stored, &other).unwrap_err().kind(), ErrorKind::Conflict);
/// ```
pub fn check_republication(stored: &SampleSchema, new: &SampleSchema) -> Result<()> {
    let difference = diff(stored, new);
    if difference.is_identical() {
        return Ok(());
    }
    Err(Error::conflict(format!(
        "this version is published with other fields; raise the version\n{difference}"
    ))
    .with("schema", &new.name)
    .with("version", &new.version)
    .with_retryable(false))
}
