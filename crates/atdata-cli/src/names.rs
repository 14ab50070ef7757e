//! Names made of other names: identifiers and the names of schemas.

use std::collections::HashSet;

use atdata::schema::{Field, Primitive, SampleSchema};
use atdata::{Error, Result};

/// An identifier that looks like `text`: other characters become underscores, and what would be a number or a keyword
/// gets one.
pub(crate) fn identifier(text: &str) -> String {
    let mut name: String = text
        .trim()
        .chars()
        .map(|c| if c == '_' || c.is_ascii_digit() || c.is_alphabetic() { c } else { '_' })
        .collect();
    if name.is_empty() {
        name.push('_');
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        name.insert(0, '_');
    }
    if !is_valid(&name) {
        name.push('_');
    }
    name
}

/// Whether a schema may have a field of this name.
fn is_valid(name: &str) -> bool {
    // The rule is the core's; this asks it.
    SampleSchema::new("S").field(Field::new(name, Primitive::Int)).validate().is_ok()
}

/// Identifiers for several names.
///
/// # Errors
/// Two names are equal, or become equal.
pub(crate) fn identifiers(names: &[String], what: &str) -> Result<Vec<String>> {
    let mut seen = HashSet::new();
    let mut out = Vec::with_capacity(names.len());
    for name in names {
        let identifier = identifier(name);
        if !seen.insert(identifier.clone()) {
            let others: Vec<_> = names.iter().filter(|other| self::identifier(other) == identifier).collect();
            return Err(Error::invalid(format!(
                "several {what} would be the field {identifier}: {others:?}"
            ))
            .with("field", identifier));
        }
        out.push(identifier);
    }
    Ok(out)
}

/// The name of the schema of a dataset: its last part in camel case.
pub(crate) fn schema_name(dataset: &str) -> String {
    let last = dataset.rsplit('/').find(|part| !part.is_empty()).unwrap_or(dataset);
    let camel: String = last
        .split(|c: char| !c.is_alphanumeric())
        .filter_map(|word| {
            let mut letters = word.chars();
            Some(letters.next()?.to_uppercase().chain(letters).collect::<String>())
        })
        .collect();
    if camel.is_empty() { "Sample".to_owned() } else { identifier(&camel) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_text_becomes_a_valid_identifier() {
        for (text, expected) in [
            ("age", "age"),
            ("seg.png", "seg_png"),
            (" First Name ", "First_Name"),
            ("2nd", "_2nd"),
            ("class", "class_"),
            ("", "_"),
            ("größe (m²)", "größe__m__"),
        ] {
            assert_eq!(identifier(text), expected);
            assert!(is_valid(&identifier(text)), "{text}");
        }
    }

    #[test]
    fn names_that_collide_are_refused_by_name() {
        let error = identifiers(&["a b".to_owned(), "a-b".to_owned()], "columns").unwrap_err();
        assert!(error.message().contains("a b") && error.message().contains("a-b"), "{error}");
    }

    #[test]
    fn schema_names_are_camel_case() {
        let names = ["mnist-train", "team/digits v2", "3d", "--", "Iris"].map(schema_name);
        assert_eq!(names, ["MnistTrain", "DigitsV2", "_3d", "Sample", "Iris"]);
    }
}
