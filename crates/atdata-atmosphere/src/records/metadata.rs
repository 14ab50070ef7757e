//! A dataset's metadata in records: msgpack in `$bytes`, or a JSON object of six members.

use atdata_core::schema::{
    Profile, is_record_key, is_record_value, json_to_value, keeps_its_order, value_to_json,
};
use atdata_core::{Error, Map, Result, Value, msgpack};
use serde_json::{Map as JsonMap, Value as Json, json};

use super::limits;
use super::member::wrong;

/// The members of the object form that Python knows by name, with their names in the flat form.
const KNOWN: [(&str, &str); 5] = [
    ("sourceUri", "source_uri"),
    ("createdBy", "created_by"),
    ("version", "version"),
    (STEPS, "processing_steps"),
    ("split", "split"),
];
/// The known member that is a list.
const STEPS: &str = "processingSteps";
/// Holds everything else.
const CUSTOM: &str = "custom";
/// An extension, which Python drops: the keys of the flat form in their order.
const KEY_ORDER: &str = "keyOrder";
/// The member of the record.
const MEMBER: &str = "metadata";

/// Reads metadata in either encoding into the flat form.
///
/// # Errors
/// `Corrupt` if it is neither.
pub(super) fn from_json(json: &Json) -> Result<Option<Map>> {
    let cannot =
        |error: Error| Error::corrupt("metadata cannot be read").with("member", MEMBER).with_source(error);
    match json_to_value(json).map_err(cannot)? {
        Value::Bytes(packed) => match msgpack::from_bytes(&packed).map_err(cannot)? {
            Value::Map(map) => Ok(Some(map)),
            Value::Nil => Ok(None),
            _ => Err(wrong(MEMBER, "a map in msgpack")),
        },
        Value::Map(object) => Ok(Some(flatten(object))),
        _ => Err(wrong(MEMBER, "bytes or an object")),
    }
}

/// As Python reads the object form: the known members, then what is in `custom`, without overwriting; anything else is
/// dropped.
fn flatten(mut object: Map) -> Map {
    let order = object.remove(KEY_ORDER);
    let mut flat: Vec<(String, Value)> = Vec::new();
    for (camel, snake) in KNOWN {
        if let Some(value) = object.remove(camel).filter(|value| !value.is_nil()) {
            flat.push((snake.to_owned(), value));
        }
    }
    if let Some(Value::Map(custom)) = object.remove(CUSTOM) {
        let known = |key: &str| flat.iter().any(|(known, _)| known == key);
        let custom: Vec<_> = custom.into_iter().filter(|(key, _)| !known(key)).collect();
        flat.extend(custom);
    }
    if let Some(order) = order.as_ref().and_then(Value::as_list) {
        let rank: std::collections::HashMap<&str, usize> =
            order.iter().enumerate().filter_map(|(rank, key)| Some((key.as_str()?, rank))).collect();
        flat.sort_by_key(|(key, _)| rank.get(key.as_str()).copied().unwrap_or(usize::MAX));
    }
    flat.into_iter().collect()
}

/// Writes metadata such that [`from_json`] gives exactly the same back: as an object where that is possible in the
/// profile, else as msgpack, which all versions of Python read.
///
/// # Errors
/// `Invalid` if it is larger than records may have.
pub(super) fn to_json(metadata: &Map, profile: Profile) -> Result<Json> {
    let packed = msgpack::to_bytes(&Value::Map(metadata.clone()))?;
    if packed.len() > limits::METADATA {
        let message =
            format!("the metadata have {} bytes, at most {} are allowed", packed.len(), limits::METADATA);
        return Err(Error::invalid(message).with("member", MEMBER));
    }
    if profile == Profile::Seed {
        return value_to_json(&Value::Bytes(packed));
    }
    if let Some(object) = as_object(metadata) {
        return Ok(object);
    }
    let unpadded = to_thirds(&packed).filter(|bytes| bytes.len() <= limits::METADATA);
    value_to_json(&Value::Bytes(unpadded.map_or(packed, Into::into)))
}

/// The same map in msgpack, made longer such that its base64 needs no padding: servers send none, and Python 0.7 does
/// not read base64 without the padding that it should have. Longer than they must be are the headers of the map and,
/// if need be, of its first key.
fn to_thirds(packed: &[u8]) -> Option<Vec<u8>> {
    let missing = (3 - packed.len() % 3) % 3;
    let (header, rest): (Vec<u8>, &[u8]) = match (missing, packed) {
        (0, _) => return None,
        // Up to 15 entries: the header has one byte, then three or five.
        (2, [short @ 0x80..=0x8f, rest @ ..]) => (vec![0xde, 0, short & 0x0f], rest),
        (_, [short @ 0x80..=0x8f, rest @ ..]) => (vec![0xdf, 0, 0, 0, short & 0x0f], rest),
        // More entries: three bytes, then five.
        (2, [0xde, high, low, rest @ ..]) => (vec![0xdf, 0, 0, *high, *low], rest),
        // And the key: one byte more, or two.
        (_, [0xde, high, low, short @ 0xa0..=0xbf, rest @ ..]) => {
            (vec![0xde, *high, *low, 0xd9, short & 0x1f], rest)
        }
        (_, [0xde, high, low, 0xd9, length, rest @ ..]) => (vec![0xde, *high, *low, 0xda, 0, *length], rest),
        (_, [0xde, high, low, 0xda, a, b, rest @ ..]) => {
            (vec![0xdf, 0, 0, *high, *low, 0xdb, 0, 0, *a, *b], rest)
        }
        // Metadata of so many entries, or with such a key, are beyond the limit.
        _ => return None,
    };
    Some([&header, rest].concat())
}

/// The object form, if it says the same.
fn as_object(metadata: &Map) -> Option<Json> {
    let (mut known, mut custom) = (JsonMap::new(), JsonMap::new());
    for (key, value) in metadata.iter() {
        if !is_record_value(value) || !keeps_its_order(value) {
            return None;
        }
        let json = value_to_json(value).ok()?;
        match KNOWN.iter().find(|(camel, snake)| key == *camel || key == *snake) {
            Some((camel, snake)) if key == *snake && is_typical(camel, value) => {
                known.insert((*camel).to_owned(), json)
            }
            // It would come back in another form or under another name.
            Some(_) => return None,
            None if [CUSTOM, KEY_ORDER].contains(&key) || !is_record_key(key) => return None,
            None => custom.insert(key.to_owned(), json),
        };
    }
    if !custom.is_empty() {
        known.insert(CUSTOM.to_owned(), Json::Object(custom));
    }
    if metadata.len() > 1 {
        known.insert(KEY_ORDER.to_owned(), json!(metadata.keys().collect::<Vec<_>>()));
    }
    Some(Json::Object(known))
}

/// Whether a known member has the type that Python gives it.
fn is_typical(camel: &str, value: &Value) -> bool {
    match value {
        Value::List(items) => camel == STEPS && items.iter().all(|item| item.as_str().is_some()),
        Value::Str(_) => camel != STEPS,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn msgpack_is_stretched_to_thirds_without_changing_it() {
        for entries in [0, 1, 2, 15, 16, 17, 300] {
            for key in [1, 31, 32, 255, 256, 1000] {
                for filling in 0..3 {
                    let first = ("k".repeat(key), Value::from("f".repeat(filling)));
                    let rest = (1..entries).map(|i| (format!("{i}"), Value::from(0.5)));
                    let map: Map = [first].into_iter().chain(rest).take(entries).collect();
                    let packed = msgpack::to_bytes(&Value::Map(map.clone())).unwrap();
                    let stretched = to_thirds(&packed).map_or(packed, Into::into);
                    assert_eq!(stretched.len() % 3, 0, "{entries} entries, a key of {key}");
                    assert_eq!(msgpack::from_bytes(&stretched).unwrap(), Value::Map(map));
                }
            }
        }
    }
}
