//! Where a field is.

use std::fmt;

use serde_json::Value as Json;

use crate::{Error, Result};

/// How many names a path may have.
const MAX_PARTS: usize = 32;
/// The longest name in a path, in bytes.
const MAX_NAME: usize = 512;

/// The way to a field: its name, or the names of the structs and maps that it is in before it.
///
/// The text form joins the names with dots. In JSON a path with a name that has a dot of its own, as keys of maps may, is a
/// list of names.
///
/// ```
/// use atdata_core::lens::FieldPath;
///
/// let path = FieldPath::from("meta.camera.fov");
/// assert_eq!(path.parts(), ["meta", "camera", "fov"]);
/// assert_eq!(path.to_string(), "meta.camera.fov");
/// assert_eq!(FieldPath::from(["meta", "v1.2"]).to_json_value(), serde_json::json!(["meta", "v1.2"]));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FieldPath(Vec<String>);

impl FieldPath {
    /// The names, outermost first.
    pub fn parts(&self) -> &[String] {
        &self.0
    }

    /// The same path to a field inside.
    #[must_use]
    pub fn join(&self, name: &str) -> Self {
        Self(self.0.iter().map(String::as_str).chain([name]).map(str::to_owned).collect())
    }

    /// The path in JSON.
    pub fn to_json_value(&self) -> Json {
        match self.0.iter().any(|part| part.contains('.')) {
            true => Json::from(self.0.clone()),
            false => Json::from(self.to_string()),
        }
    }

    /// Reads a path from a text or a list of texts.
    ///
    /// # Errors
    /// `Invalid` if it is neither, or as [`FieldPath::validate`].
    pub fn from_json_value(json: &Json) -> Result<Self> {
        let wrong = || Error::invalid("a path is a text or a list of texts");
        let path = match json {
            Json::String(text) => Self::from(text.as_str()),
            Json::Array(parts) if parts.len() <= MAX_PARTS => Self(
                parts
                    .iter()
                    .map(|part| part.as_str().map(str::to_owned).ok_or_else(wrong))
                    .collect::<Result<_>>()?,
            ),
            Json::Array(_) => return Err(too_long()),
            _ => return Err(wrong()),
        };
        path.validate()?;
        Ok(path)
    }

    /// Checks the path.
    ///
    /// # Errors
    /// `Invalid` for a path without names, with an empty one, with one of more than 512 bytes, or with more than 32.
    pub fn validate(&self) -> Result<()> {
        if self.0.len() > MAX_PARTS {
            return Err(too_long());
        }
        if self.0.is_empty() || self.0.iter().any(|part| part.is_empty() || part.len() > MAX_NAME) {
            return Err(Error::invalid(format!("a path has names of 1 to {MAX_NAME} bytes"))
                .with("field", self.to_string().chars().take(MAX_NAME).collect::<String>()));
        }
        Ok(())
    }
}

fn too_long() -> Error {
    Error::invalid(format!("a path has at most {MAX_PARTS} names"))
}

/// Divides at dots.
impl From<&str> for FieldPath {
    fn from(text: &str) -> Self {
        // One more than allowed, so that it is noticed.
        Self(text.splitn(MAX_PARTS + 1, '.').map(str::to_owned).collect())
    }
}

impl From<String> for FieldPath {
    fn from(text: String) -> Self {
        Self::from(text.as_str())
    }
}

/// Takes the names as they are.
impl<const N: usize> From<[&str; N]> for FieldPath {
    fn from(parts: [&str; N]) -> Self {
        Self(parts.map(str::to_owned).into())
    }
}

impl From<Vec<String>> for FieldPath {
    fn from(parts: Vec<String>) -> Self {
        Self(parts)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, part) in self.0.iter().enumerate() {
            write!(f, "{}{part}", if i == 0 { "" } else { "." })?;
        }
        Ok(())
    }
}
