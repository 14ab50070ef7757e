//! Addresses and metadata of an entry as Python packs them in both kinds of index: a list of texts, and a map.

use atdata_core::{Error, Map, Result, Value, msgpack};
use bytes::Bytes;

pub(crate) fn pack_urls(urls: &[String]) -> Result<Bytes> {
    msgpack::to_bytes(&Value::List(urls.iter().map(|url| Value::from(url.as_str())).collect()))
}

pub(crate) fn pack_metadata(metadata: &Map) -> Result<Bytes> {
    let mut bytes = Vec::new();
    msgpack::Packer::new(&mut bytes).fields(metadata)?;
    Ok(bytes.into())
}

pub(crate) fn urls(bytes: &Bytes) -> Result<Vec<String>> {
    let damaged =
        || Error::corrupt("the entry's addresses are not a list of texts").with("field", "data_urls");
    let Value::List(items) = msgpack::from_bytes(bytes).map_err(|error| error.with("field", "data_urls"))?
    else {
        return Err(damaged());
    };
    items.into_iter().map(|item| if let Value::Str(url) = item { Ok(url) } else { Err(damaged()) }).collect()
}

/// Metadata; none if nothing was packed.
pub(crate) fn metadata(bytes: &Bytes) -> Result<Option<Map>> {
    match msgpack::from_bytes(bytes).map_err(|error| error.with("field", "metadata"))? {
        Value::Map(map) => Ok(Some(map)),
        Value::Nil => Ok(None),
        _ => Err(Error::corrupt("the entry's metadata are not a map").with("field", "metadata")),
    }
}
