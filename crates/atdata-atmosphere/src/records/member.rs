//! The members of a record: reading them with their types, writing them within their limits.

use atdata_core::schema::{
    format_time, is_record_key, is_record_value, json_to_value, parse_time, value_to_json,
};
use atdata_core::url::AtUri;
use atdata_core::{Error, Map, Result, ResultExt, Value};
use serde_json::{Map as JsonMap, Value as Json};
use time::OffsetDateTime;

use super::collection::{Collection, RecordKind};
use super::limits;

/// The members of an object that was read. Null stands for an absent member.
#[derive(Clone, Copy)]
pub(super) struct Members<'a>(&'a JsonMap<String, Json>);

impl<'a> Members<'a> {
    /// The members of a record of a kind.
    ///
    /// # Errors
    /// `Corrupt` if it is no object or says that it is a record of another kind. Views of an AppView say nothing.
    pub(super) fn of_record(json: &'a Json, kind: RecordKind) -> Result<Self> {
        let members = Self::of(json, "a record")?;
        if let Some(found) = members.text("$type")?
            && Collection::from_nsid(found).is_none_or(|collection| collection.kind() != kind)
        {
            let expected: Vec<_> = Collection::read(kind).map(|collection| collection.nsid()).collect();
            let message = format!("a record is of type {found:?}, not one of {}", expected.join(", "));
            return Err(Error::corrupt(message));
        }
        Ok(members)
    }

    pub(super) fn of(json: &'a Json, what: &str) -> Result<Self> {
        json.as_object().map(Self).ok_or_else(|| Error::corrupt(format!("{what} is not a JSON object")))
    }

    pub(super) fn get(self, key: &str) -> Option<&'a Json> {
        self.0.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn text(self, key: &'static str) -> Result<Option<&'a str>> {
        let read = |value: &'a Json| value.as_str().ok_or_else(|| wrong(key, "text"));
        self.get(key).map(read).transpose()
    }

    pub(super) fn owned(self, key: &'static str) -> Result<Option<String>> {
        Ok(self.text(key)?.map(str::to_owned))
    }

    pub(super) fn required(self, key: &'static str) -> Result<String> {
        self.owned(key)?.ok_or_else(|| missing(key))
    }

    pub(super) fn list(self, key: &'static str) -> Result<&'a [Json]> {
        match self.get(key) {
            None => Ok(&[]),
            Some(value) => value.as_array().map(Vec::as_slice).ok_or_else(|| wrong(key, "a list")),
        }
    }

    pub(super) fn texts(self, key: &'static str) -> Result<Vec<String>> {
        let read =
            |item: &Json| item.as_str().map(str::to_owned).ok_or_else(|| wrong(key, "a list of texts"));
        self.list(key)?.iter().map(read).collect()
    }

    pub(super) fn integer(self, key: &'static str) -> Result<Option<u64>> {
        let read = |value: &Json| value.as_u64().ok_or_else(|| wrong(key, "a count"));
        self.get(key).map(read).transpose()
    }

    /// An object of one's own choice.
    pub(super) fn map(self, key: &'static str) -> Result<Option<Map>> {
        let Some(value) = self.get(key) else { return Ok(None) };
        match json_to_value(value).context("member", key) {
            Ok(Value::Map(map)) => Ok(Some(map)),
            Ok(_) => Err(wrong(key, "an object")),
            Err(error) => {
                Err(Error::corrupt("a member cannot be read").with("member", key).with_source(error))
            }
        }
    }

    /// What `read` makes of a member.
    pub(super) fn read<T>(
        self,
        key: &'static str,
        read: impl FnOnce(&'a Json) -> Result<T>,
    ) -> Result<Option<T>> {
        self.get(key).map(read).transpose().context("member", key)
    }

    /// The time of publication, if there is one that can be read.
    pub(super) fn created_at(self) -> Option<OffsetDateTime> {
        self.get("createdAt").and_then(Json::as_str).and_then(parse_time)
    }
}

pub(super) fn missing(key: &'static str) -> Error {
    Error::corrupt("a record lacks a member").with("member", key)
}

pub(super) fn wrong(key: &'static str, expected: &str) -> Error {
    Error::corrupt(format!("a member of a record is not {expected}")).with("member", key)
}

/// An object that is being written.
#[derive(Default)]
pub(super) struct Writing(JsonMap<String, Json>);

impl Writing {
    /// An object of a `$type`.
    pub(super) fn typed(name: impl Into<Json>) -> Self {
        let mut object = Self::default();
        object.insert("$type", name);
        object
    }

    pub(super) fn insert(&mut self, key: &'static str, value: impl Into<Json>) {
        self.0.insert(key.to_owned(), value.into());
    }

    pub(super) fn text(&mut self, key: &'static str, text: &str, max: usize) -> Result<()> {
        check_length(key, text, max)?;
        self.insert(key, text);
        Ok(())
    }

    pub(super) fn optional(&mut self, key: &'static str, text: Option<&str>, max: usize) -> Result<()> {
        text.map_or(Ok(()), |text| self.text(key, text, max))
    }

    /// The address of a record.
    pub(super) fn at_uri(&mut self, key: &'static str, uri: &str) -> Result<()> {
        let parsed: AtUri = uri.parse().context("member", key)?;
        parsed.validate().context("member", key)?;
        self.text(key, uri, limits::AT_URI)
    }

    pub(super) fn integer(&mut self, key: &'static str, value: Option<u64>) -> Result<()> {
        let Some(value) = value else { return Ok(()) };
        if value > limits::INTEGER {
            let message = format!("{value} is larger than the integers that records have");
            return Err(Error::invalid(message).with("member", key));
        }
        self.insert(key, value);
        Ok(())
    }

    /// An object of one's own choice, which must be such that records have it.
    pub(super) fn map(&mut self, key: &'static str, map: Option<&Map>) -> Result<()> {
        let Some(map) = map else { return Ok(()) };
        if let Some((bad, _)) = map.iter().find(|(key, value)| !is_record_key(key) || !is_record_value(value))
        {
            let message = format!(
                "the value of {bad:?} is none that records have (no floats, no integers beyond 2^53, no keys with $)"
            );
            return Err(Error::invalid(message).with("member", key));
        }
        let json = value_to_json(&Value::Map(map.clone())).context("member", key)?;
        self.insert(key, json);
        Ok(())
    }

    pub(super) fn created_at(&mut self, time: Option<OffsetDateTime>) -> Result<()> {
        let text = time.and_then(format_time).ok_or_else(|| {
            Error::invalid("a record says when it was made, in the years 1 to 9999")
                .with("member", "createdAt")
        })?;
        self.insert("createdAt", text);
        Ok(())
    }

    pub(super) fn finish(self) -> Json {
        Json::Object(self.0)
    }
}

/// # Errors
/// `Invalid`, naming the member.
pub(super) fn check_length(key: &'static str, text: &str, max: usize) -> Result<()> {
    if text.len() <= max {
        return Ok(());
    }
    let message = format!("a member of a record has {} bytes, at most {max} are allowed", text.len());
    Err(Error::invalid(message).with("member", key))
}

/// # Errors
/// `Invalid`, naming the member.
pub(super) fn check_count(key: &'static str, count: usize, max: usize) -> Result<()> {
    if count <= max {
        return Ok(());
    }
    let message = format!("a member of a record has {count} items, at most {max} are allowed");
    Err(Error::invalid(message).with("member", key))
}
