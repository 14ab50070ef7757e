//! An entry as Python has it: the hash [`keys::entry`](super::keys::entry).

use atdata_core::{Entry, Error, Result, Value, msgpack};
use bytes::Bytes;

use super::server::{Reply, utf8};
use crate::packed;

/// A row: some fields, as they are stored.
#[derive(Debug, Default, Clone)]
pub(super) struct Row {
    pub(super) name: String,
    schema_ref: String,
    pub(super) cid: Option<String>,
    data_urls: Bytes,
    metadata: Option<Bytes>,
    legacy_uuid: Option<Bytes>,
}

impl Row {
    /// Reads a hash; none if it is not there.
    pub(super) fn read(reply: Reply) -> Result<Option<Self>> {
        let fields = reply.fields()?;
        if fields.is_empty() {
            return Ok(None);
        }
        let (mut row, mut has_urls) = (Self::default(), false);
        for (field, value) in fields {
            match &field[..] {
                b"name" => row.name = utf8(value)?,
                b"schema_ref" => row.schema_ref = utf8(value)?,
                b"cid" => row.cid = Some(utf8(value)?).filter(|cid| !cid.is_empty()),
                b"data_urls" => (row.data_urls, has_urls) = (value, true),
                b"metadata" => row.metadata = Some(value),
                b"legacy_uuid" => row.legacy_uuid = Some(value).filter(|uuid| !uuid.is_empty()),
                _ => {}
            }
        }
        if row.name.is_empty() || !has_urls {
            return Err(Error::corrupt("an entry has no name or no addresses"));
        }
        Ok(Some(row))
    }

    /// The row of a new entry.
    pub(super) fn of(entry: &Entry) -> Result<Self> {
        Ok(Self {
            name: entry.name.clone(),
            schema_ref: entry.schema_ref.clone(),
            cid: entry.cid.clone(),
            data_urls: packed::pack_urls(&entry.data_urls)?,
            metadata: entry.metadata.as_ref().map(packed::pack_metadata).transpose()?,
            legacy_uuid: entry.legacy_uuid.clone().map(Bytes::from),
        })
    }

    /// The fields that are stored.
    pub(super) fn fields(&self) -> Vec<Bytes> {
        let text = |text: &str| Bytes::copy_from_slice(text.as_bytes());
        let mut fields = vec![
            text("name"),
            text(&self.name),
            text("schema_ref"),
            text(&self.schema_ref),
            text("data_urls"),
            self.data_urls.clone(),
            text("cid"),
            text(self.cid.as_deref().unwrap_or_default()),
        ];
        for (name, value) in [("metadata", &self.metadata), ("legacy_uuid", &self.legacy_uuid)] {
            fields.extend(value.iter().flat_map(|value| [text(name), value.clone()]));
        }
        fields
    }

    /// The entry.
    pub(super) fn entry(&self) -> Result<Entry> {
        let read = || -> Result<Entry> {
            let mut entry = Entry::new(&*self.name, &*self.schema_ref, packed::urls(&self.data_urls)?);
            entry.metadata = self.metadata.as_ref().map(packed::metadata).transpose()?.flatten();
            entry.cid.clone_from(&self.cid);
            entry.legacy_uuid = self.legacy_uuid.clone().map(utf8).transpose()?;
            Ok(entry)
        };
        read().map_err(|error| {
            let error = error.with("name", &self.name);
            if let Some(cid) = &self.cid { error.with("cid", cid) } else { error }
        })
    }

    /// Whether it says the same as another row. Metadata that were packed by another program are compared as values.
    pub(super) fn says_the_same(&self, other: &Row) -> Result<bool> {
        if (&self.name, &self.schema_ref) != (&other.name, &other.schema_ref) {
            return Ok(false);
        }
        if (&self.data_urls, &self.metadata) == (&other.data_urls, &other.metadata) {
            return Ok(true);
        }
        let (this, that) = (self.entry()?, other.entry()?);
        Ok((this.data_urls, this.metadata) == (that.data_urls, that.metadata))
    }

    /// What is lost when another name takes the row; never empty.
    pub(super) fn keep(&self) -> Result<Bytes> {
        let bytes = |bytes: &Option<Bytes>| bytes.clone().map_or(Value::Nil, Value::Bytes);
        msgpack::to_bytes(&Value::List(vec![bytes(&self.metadata), bytes(&self.legacy_uuid)]))
    }

    /// The row as it is under a name that does not have it, from what was kept.
    pub(super) fn under(&self, name: &str, kept: &Bytes) -> Result<Row> {
        let damaged = || Error::corrupt("what is kept of an entry is damaged").with("name", name);
        let Value::List(items) = msgpack::from_bytes(kept).map_err(|_| damaged())? else {
            return Err(damaged());
        };
        let mut items = items.into_iter().map(|item| match item {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        });
        let (Some(metadata), Some(legacy_uuid)) = (items.next(), items.next()) else {
            return Err(damaged());
        };
        Ok(Row { name: name.to_owned(), metadata, legacy_uuid, ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use atdata_core::Map;

    use super::*;

    #[test]
    fn what_is_kept_comes_back() {
        let mut entry = Entry::new("a", "S@1.0.0", vec!["x.tar".to_owned()]);
        entry.metadata = Some(Map::from_iter([("n", Value::from(1u64))]));
        entry.cid = Some("bafy".to_owned());
        let row = Row::of(&entry).unwrap();
        let kept = row.keep().unwrap();
        let other = Row { name: "b".to_owned(), metadata: None, ..row.clone() };
        assert_eq!(other.under("a", &kept).unwrap().entry().unwrap(), entry);
        assert!(!row.says_the_same(&other).unwrap());
        let error = other.under("a", &Bytes::from_static(b"\xc1")).unwrap_err();
        assert_eq!(error.kind(), atdata_core::ErrorKind::Corrupt);
    }

    #[test]
    fn an_empty_hash_is_no_row_and_half_a_one_is_damaged() {
        assert!(Row::read(Reply::List(Vec::new())).unwrap().is_none());
        let half = ["name", "a"].map(|text| Reply::Bytes(text.into()));
        assert!(Row::read(Reply::List(half.into())).is_err());
    }
}
