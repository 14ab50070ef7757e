//! Comparing samples in tagged JSON, one object a line.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

/// Members that are there for people and follow from others: the value's text where its bits are given, its first
/// elements or characters where a checksum is.
const REDUNDANT: [(&str, &str); 5] =
    [("float", "v"), ("array", "first"), ("list", "head"), ("str", "head"), ("bytes", "hex")];

/// A sample as it is compared.
#[derive(Debug, PartialEq)]
pub(super) struct Sample {
    key: String,
    /// The file name of the shard; the sides may write the rest of the path in their own ways.
    shard: String,
    fields: Vec<(String, Value)>,
}

impl Sample {
    /// The sample without what another storage changes: the name of the shard, and the order of the fields.
    pub(super) fn anywhere(mut self) -> Self {
        self.shard.clear();
        self.fields.sort_by(|(a, _), (b, _)| a.cmp(b));
        self
    }

    /// Names of the fields that hold an array.
    pub(super) fn array_fields(&self) -> impl Iterator<Item = &str> {
        let is_array = |value: &Value| value.get("t").and_then(Value::as_str) == Some("array");
        self.fields.iter().filter(move |(_, value)| is_array(value)).map(|(name, _)| name.as_str())
    }
}

/// Reads lines of `{"key", "shard", "fields"}`.
pub(super) fn parse(text: &str) -> Result<Vec<Sample>> {
    text.lines()
        .map(|line| {
            let value: Value =
                serde_json::from_str(line).with_context(|| format!("not JSON: {}", cut(line)))?;
            let shard = value.get("shard").and_then(Value::as_str).context("no shard")?;
            sample(&value, shard).with_context(|| cut(line))
        })
        .collect()
}

/// Makes a sample of an object with `key` and `fields`.
pub(super) fn sample(value: &Value, shard: &str) -> Result<Sample> {
    let key = value.get("key").and_then(Value::as_str).context("no key")?;
    let fields = value.get("fields").and_then(Value::as_array).context("no fields")?;
    let fields = fields.iter().map(|field| match field.as_array().map(Vec::as_slice) {
        Some([Value::String(name), value]) => Ok((name.clone(), essence(value))),
        _ => bail!("a field is not [name, value]"),
    });
    let shard = shard.rsplit('/').next().unwrap_or(shard);
    Ok(Sample { key: key.to_owned(), shard: shard.to_owned(), fields: fields.collect::<Result<_>>()? })
}

/// Requires the same samples in the same order, and at least one.
pub(super) fn compare(left: (&str, &[Sample]), right: (&str, &[Sample])) -> Result<()> {
    let ((left_name, left), (right_name, right)) = (left, right);
    for (a, b) in left.iter().zip(right) {
        let at = format!("sample {} of {}", a.key, a.shard);
        ensure!(
            (&a.key, &a.shard) == (&b.key, &b.shard),
            "{left_name} has {at} where {right_name} has {} of {}",
            b.key,
            b.shard
        );
        for (x, y) in a.fields.iter().zip(&b.fields) {
            ensure!(x == y, "{at}: {left_name} has {}, {right_name} has {}", field(x), field(y));
        }
        ensure!(
            a.fields.len() == b.fields.len(),
            "{at}: {left_name} has {} fields, {right_name} {}",
            a.fields.len(),
            b.fields.len()
        );
    }
    ensure!(
        left.len() == right.len(),
        "{left_name} has {} samples, {right_name} {}",
        left.len(),
        right.len()
    );
    ensure!(!left.is_empty(), "there are no samples to compare");
    Ok(())
}

/// A value without what follows from the rest of it.
fn essence(value: &Value) -> Value {
    match value {
        Value::Array(items) => Value::Array(items.iter().map(essence).collect()),
        Value::Object(members) => {
            let tag = members.get("t").and_then(Value::as_str).unwrap_or_default();
            let kept = members.iter().filter(|(name, _)| !REDUNDANT.contains(&(tag, name.as_str())));
            Value::Object(kept.map(|(name, value)| (name.clone(), essence(value))).collect())
        }
        other => other.clone(),
    }
}

fn field((name, value): &(String, Value)) -> String {
    format!("{name} = {}", cut(&value.to_string()))
}

fn cut(text: &str) -> String {
    const LENGTH: usize = 300;
    match text.char_indices().nth(LENGTH) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or(text)),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str =
        r#"{"key":"a","shard":"/data/x.tar","fields":[["f",{"t":"float","v":"1.0","bits":"3ff0"}]]}"#;

    #[test]
    fn the_text_of_a_float_and_the_directory_of_a_shard_do_not_matter() {
        let left = parse(LINE).unwrap();
        let right = parse(&LINE.replace("1.0", "1").replace("/data/", "file:///elsewhere/")).unwrap();
        compare(("left", &left), ("right", &right)).unwrap();
    }

    #[test]
    fn other_bits_names_keys_and_counts_are_differences() {
        let left = parse(LINE).unwrap();
        for (from, to) in [("3ff0", "3ff1"), ("\"f\"", "\"g\""), ("\"a\"", "\"b\""), ("x.tar", "y.tar")] {
            let right = parse(&LINE.replace(from, to)).unwrap();
            assert!(compare(("left", &left), ("right", &right)).is_err(), "{from} -> {to}");
        }
        assert!(compare(("left", &left), ("right", &[])).is_err());
        assert!(compare(("left", &[]), ("right", &[])).is_err());
    }
}
