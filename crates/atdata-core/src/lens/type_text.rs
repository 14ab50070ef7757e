//! The types that a cast can lead to, as text: as schemas are printed.

use crate::schema::{FieldType, MAX_DEPTH, Primitive};
use crate::{Error, Result};

/// Reads a type: a primitive (`int`), `ndarray<DTYPE>`, `list<TYPE>`, `map<TYPE>`, and `TYPE?` inside the last two.
pub(super) fn parse(text: &str) -> Result<FieldType> {
    inner(text, 0)
        .ok_or_else(|| {
            Error::invalid(
                "a cast leads to str, int, float, bool, bytes, ndarray<DTYPE>, list<TYPE> or map<TYPE>",
            )
        })
        .map_err(|error| error.with("type", text.chars().take(200).collect::<String>()))
}

fn inner(text: &str, depth: usize) -> Option<FieldType> {
    if depth > MAX_DEPTH {
        return None;
    }
    if let Some(primitive) = Primitive::from_name(text) {
        return Some(primitive.into());
    }
    if let Some(nullable) = text.strip_suffix('?').filter(|_| depth > 0) {
        // Once is enough.
        return inner(nullable, depth + 1)
            .filter(|inner| !matches!(inner, FieldType::Nullable(_)))
            .map(FieldType::nullable);
    }
    let (kind, argument) = text.strip_suffix('>')?.split_once('<')?;
    match kind {
        "ndarray" => {
            let is_name = !argument.is_empty() && argument.bytes().all(|b| b.is_ascii_alphanumeric());
            is_name.then(|| FieldType::ndarray(argument))
        }
        "list" => inner(argument, depth + 1).map(FieldType::list),
        "map" => inner(argument, depth + 1).map(FieldType::map),
        _ => None,
    }
}

/// Writes what [`parse`] reads; none for other types.
pub(super) fn write(field_type: &FieldType) -> Option<String> {
    let text = field_type.to_string();
    (parse(&text).ok().as_ref() == Some(field_type)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_they_are_printed() {
        for text in
            ["int", "str", "ndarray<float32>", "list<int?>", "map<list<ndarray<uint8>>>", "list<map<bool>?>"]
        {
            let parsed = parse(text).unwrap();
            assert_eq!(parsed.to_string(), text);
            assert_eq!(write(&parsed).as_deref(), Some(text));
        }
    }

    #[test]
    fn anything_else_is_invalid() {
        let deep = format!("{}int{}", "list<".repeat(40), ">".repeat(40));
        for text in [
            "",
            "any",
            "int?",
            "list<int",
            "list<>",
            "ndarray",
            "ndarray<>",
            "ndarray<a b>",
            "list<int??>",
            &deep,
        ] {
            assert_eq!(parse(text).unwrap_err().kind(), crate::ErrorKind::Invalid, "{text}");
        }
        assert_eq!(write(&FieldType::Any), None);
    }
}
