//! Names that Python can decode: identifiers that are no keywords. The rules are those of `SampleSchema::validate`.

use proc_macro2::Span;
use syn::{Error, Result};

const PYTHON_KEYWORDS: [&str; 35] = [
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def",
    "del", "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is",
    "lambda", "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// Checks the name under which a field is stored.
pub(crate) fn check_field(name: &str, span: Span) -> Result<()> {
    check(name, span, "`#[packable(rename = \"…\")]` stores the field under another name")
}

/// Checks the name of a schema; it may be qualified, as in `module.Class`.
pub(crate) fn check_schema(name: &str, span: Span) -> Result<()> {
    let hint = "`#[packable(name = \"…\")]` gives the schema another name";
    name.split('.').try_for_each(|part| check(part, span, hint))
}

fn check(name: &str, span: Span, hint: &str) -> Result<()> {
    if PYTHON_KEYWORDS.contains(&name) {
        return Err(Error::new(
            span,
            format!("`{name}` is a Python keyword: Python could not read the schema; {hint}"),
        ));
    }
    let starts = name.chars().next().is_some_and(|c| c == '_' || c.is_alphabetic());
    if !starts || !name.chars().all(|c| c == '_' || c.is_ascii_digit() || c.is_alphabetic()) {
        let message = format!(
            "`{name}` is no identifier (letters, digits and underscores): Python could not read the schema; {hint}"
        );
        return Err(Error::new(span, message));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn python_identifiers_pass_and_others_do_not() {
        for name in ["x", "_x1", "été", "match", "type", "self"] {
            assert!(check_field(name, Span::call_site()).is_ok(), "{name}");
        }
        for name in ["", "1x", "a-b", "a.b", "a b", "class", "None"] {
            assert!(check_field(name, Span::call_site()).is_err(), "{name}");
        }
    }

    #[test]
    fn schema_names_may_be_qualified() {
        assert!(check_schema("pkg.Digit", Span::call_site()).is_ok());
        for name in ["pkg..Digit", ".Digit", "class.Digit"] {
            assert!(check_schema(name, Span::call_site()).is_err(), "{name}");
        }
    }
}
