//! What the suffix of a WebDataset member says about its contents.

use atdata::schema::{FieldType, Primitive};
use atdata::{Error, Result, Value, array};
use bytes::Bytes;

use super::infer::Seen;
use crate::jsonl;

/// How members of one suffix are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Text of digits.
    Int,
    Text,
    Json,
    Npy,
    Bytes,
}

impl Rule {
    /// The rule that a suffix asks for; of `seg.png` the last part counts.
    fn of(suffix: &str) -> Self {
        match suffix.rsplit('.').next().unwrap_or(suffix) {
            "cls" | "cls2" | "index" | "inx" | "id" => Rule::Int,
            "txt" | "text" | "transcript" | "caption" => Rule::Text,
            "json" | "jsn" => Rule::Json,
            "npy" => Rule::Npy,
            _ => Rule::Bytes,
        }
    }

    /// What to try if a member does not obey; bytes always do.
    fn weaker(self) -> Self {
        match self {
            Rule::Int => Rule::Text,
            _ => Rule::Bytes,
        }
    }

    /// Reads a member.
    ///
    /// # Errors
    /// It does not obey.
    pub(super) fn read(self, data: &Bytes) -> Result<Value> {
        let text = || std::str::from_utf8(data).map_err(|_| Error::invalid("not UTF-8"));
        match self {
            Rule::Int => {
                let text = text()?.trim();
                text.parse::<i64>()
                    .map(Value::from)
                    .map_err(|_| Error::invalid(format!("{text:?} is not an integer")))
            }
            Rule::Text => Ok(Value::from(text()?)),
            Rule::Json => {
                let json = serde_json::from_slice(data)
                    .map_err(|error| Error::invalid(format!("not JSON: {error}")))?;
                jsonl::from_json(json)
            }
            Rule::Npy => array::decode(data.clone()).map(Value::Array),
            Rule::Bytes => Ok(Value::Bytes(data.clone())),
        }
    }

    /// The strongest rule that all of these members obey, and the type of their values.
    pub(super) fn infer<'a>(
        suffix: &str,
        members: impl Iterator<Item = &'a Bytes> + Clone,
    ) -> (Self, FieldType) {
        let mut rule = Rule::of(suffix);
        loop {
            match rule {
                Rule::Bytes => return (rule, Primitive::Bytes.into()),
                Rule::Text if members.clone().all(|data| rule.read(data).is_ok()) => {
                    return (rule, Primitive::Str.into());
                }
                _ => {
                    let mut seen = Seen::default();
                    let obey = members
                        .clone()
                        .try_for_each(|data| rule.read(data).map(|value| seen.observe(&value)));
                    // A member that is `null` makes anything possible; fields have no nullable type of their own.
                    let field_type = seen.field_type();
                    if obey.is_ok() {
                        return (rule, if seen.saw_nil() { FieldType::Any } else { field_type });
                    }
                }
            }
            rule = rule.weaker();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn infer(suffix: &str, members: &[&'static [u8]]) -> String {
        let members: Vec<Bytes> = members.iter().map(|data| Bytes::from_static(data)).collect();
        let (rule, field_type) = Rule::infer(suffix, members.iter());
        format!("{rule:?} {field_type}")
    }

    #[test]
    fn suffixes_give_types_where_the_data_obeys() {
        assert_eq!(infer("cls", &[b"3", b" 4\n"]), "Int int");
        assert_eq!(infer("cls", &[b"3", b"cat"]), "Text str");
        assert_eq!(infer("cls", &[b"3", b"\xff"]), "Bytes bytes");
        assert_eq!(infer("left.txt", &[b"a"]), "Text str");
        assert_eq!(infer("json", &[b"[1]", b"[2.5]"]), "Json list<float>");
        assert_eq!(infer("json", &[b"{", b"1"]), "Bytes bytes");
        assert_eq!(infer("json", &[b"null", b"1"]), "Json any");
        assert_eq!(infer("npy", &[b"nonsense"]), "Bytes bytes");
        assert_eq!(infer("seg.png", &[b"x"]), "Bytes bytes");
    }
}
