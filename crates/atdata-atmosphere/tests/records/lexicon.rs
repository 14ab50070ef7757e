//! A validator of records against the lexicon documents of this crate.

use std::path::Path;

use atdata_core::cid::ContentId;
use atdata_core::schema::{json_to_value, parse_time};
use atdata_core::url::AtUri;
use serde_json::{Map as JsonMap, Value as Json};

type Outcome = Result<(), String>;

fn document(nsid: &str) -> Json {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("lexicons").join(nsid.replace('.', "/"));
    let bytes = std::fs::read(path.with_extension("json")).unwrap_or_else(|error| panic!("{nsid}: {error}"));
    serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{nsid}: {error}"))
}

/// The definition of `nsid#name`, `nsid` or, within `here`, `#name`; and the document that it is in.
fn definition(here: &str, reference: &str) -> (String, Json) {
    let (nsid, name) = reference.split_once('#').unwrap_or((reference, "main"));
    let nsid = if nsid.is_empty() { here } else { nsid };
    let found = document(nsid)["defs"][name].clone();
    assert!(found.is_object(), "{here} refers to {reference}, which does not exist");
    (nsid.to_owned(), found)
}

/// Holds a record to the lexicon of its `$type`, and to the data model.
pub(crate) fn validate(record: &Json) -> Outcome {
    let nsid = record["$type"].as_str().ok_or("no $type")?;
    let (here, main) = definition(nsid, nsid);
    assert_eq!(main["type"], "record");
    data_model(record, "")?;
    let size =
        atdata_atmosphere::records::ipld::to_dag_cbor(record).map_err(|error| error.to_string())?.len();
    if size > 1 << 20 {
        return Err(format!("the record has {size} bytes"));
    }
    check(&here, &main["record"], record, nsid)
}

/// No floats, no integers beyond ±2⁵³, no strange keys with a dollar.
fn data_model(json: &Json, at: &str) -> Outcome {
    match json {
        Json::Number(number) => match number.as_i64() {
            Some(number) if number.unsigned_abs() < 1 << 53 => Ok(()),
            _ => Err(format!("{at}: the number {number}")),
        },
        Json::Array(items) => items.iter().try_for_each(|item| data_model(item, at)),
        Json::Object(members) => {
            for (key, value) in members {
                match key.as_str() {
                    "$type" if value.as_str().is_some_and(|name| !name.is_empty()) => {}
                    "$link" | "$bytes" if members.len() == 1 => {
                        json_to_value(json).map_err(|error| format!("{at}: {error}"))?;
                    }
                    // Keys of JSON Schema, flattened into the record.
                    "$schema" | "$ref" if value.is_string() => {}
                    key if key.starts_with('$') => return Err(format!("{at}: the key {key}")),
                    _ => data_model(value, &format!("{at}/{key}"))?,
                }
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn check(here: &str, lexicon: &Json, json: &Json, at: &str) -> Outcome {
    let wrong = |expected: &str| Err(format!("{at} is not {expected}: {json}"));
    match lexicon["type"].as_str().expect("a type") {
        "unknown" => Ok(()),
        "boolean" if json.is_boolean() => Ok(()),
        "integer" => match json.as_i64() {
            Some(value) if lexicon["minimum"].as_i64().is_none_or(|least| value >= least) => Ok(()),
            _ => wrong("an integer in its range"),
        },
        "string" => json.as_str().map_or_else(|| wrong("text"), |text| check_text(lexicon, text, at)),
        "bytes" => match json_to_value(json) {
            Ok(atdata_core::Value::Bytes(bytes)) => check_length(lexicon, bytes.len(), at),
            _ => wrong("bytes"),
        },
        "blob" => check_blob(lexicon, json, at),
        "array" => {
            let Some(items) = json.as_array() else { return wrong("a list") };
            check_length(lexicon, items.len(), at)?;
            let item = |(i, item)| check(here, &lexicon["items"], item, &format!("{at}[{i}]"));
            items.iter().enumerate().try_for_each(item)
        }
        "object" => json
            .as_object()
            .map_or_else(|| wrong("an object"), |object| check_object(here, lexicon, object, at)),
        "ref" => {
            let (here, target) = definition(here, lexicon["ref"].as_str().expect("a reference"));
            check(&here, &target, json, at)
        }
        "union" => {
            let Some(found) = json["$type"].as_str() else { return wrong("of a type") };
            let refs = lexicon["refs"].as_array().expect("members of a union");
            let full = |reference: &str| match reference.strip_prefix('#') {
                Some(name) => format!("{here}#{name}"),
                None => reference.to_owned(),
            };
            let member = refs.iter().filter_map(Json::as_str).find(|member| full(member) == found);
            let Some(member) = member else { return wrong("one of the union") };
            let (here, target) = definition(here, member);
            check(&here, &target, json, at)
        }
        other => wrong(other),
    }
}

fn check_object(here: &str, lexicon: &Json, object: &JsonMap<String, Json>, at: &str) -> Outcome {
    for required in lexicon["required"].as_array().into_iter().flatten().filter_map(Json::as_str) {
        if !object.contains_key(required) {
            return Err(format!("{at} lacks {required}"));
        }
    }
    // Everything that is written is described: a member that is not would be a slip of the pen.
    for (key, value) in object.iter().filter(|(key, _)| *key != "$type") {
        let property = &lexicon["properties"][key];
        if property.is_null() {
            return Err(format!("{at} has the member {key}, which the lexicon does not know"));
        }
        check(here, property, value, &format!("{at}/{key}"))?;
    }
    Ok(())
}

fn check_length(lexicon: &Json, length: usize, at: &str) -> Outcome {
    let bound = |key: &str| lexicon[key].as_u64().map(|bound| bound as usize);
    if bound("maxLength").is_some_and(|most| length > most)
        || bound("minLength").is_some_and(|least| length < least)
    {
        return Err(format!("{at} has the length {length}"));
    }
    Ok(())
}

fn check_text(lexicon: &Json, text: &str, at: &str) -> Outcome {
    check_length(lexicon, text.len(), at)?;
    let listed =
        |key: &str| lexicon[key].as_array().is_none_or(|known| known.iter().any(|known| known == text));
    let legal = match lexicon["format"].as_str() {
        None => true,
        Some("datetime") => parse_time(text).is_some() && text.ends_with("+00:00") && text.len() <= 64,
        Some("at-uri") => text.parse::<AtUri>().is_ok_and(|uri| uri.validate().is_ok()),
        Some("cid") => text.parse::<ContentId>().is_ok(),
        Some(other) => panic!("{at}: the format {other}"),
    };
    let constant = lexicon["const"].as_str().is_none_or(|constant| constant == text);
    if legal && constant && listed("enum") { Ok(()) } else { Err(format!("{at}: {text:?}")) }
}

fn check_blob(lexicon: &Json, json: &Json, at: &str) -> Outcome {
    let link = json["ref"]["$link"].as_str().and_then(|link| link.parse::<ContentId>().ok());
    let (size, mime) = (json["size"].as_u64(), json["mimeType"].as_str());
    let (Some(_), Some(size), Some(mime)) = (link, size, mime) else {
        return Err(format!("{at} is no blob reference"));
    };
    let accepted = lexicon["accept"].as_array().is_none_or(|accept| accept.iter().any(|known| known == mime));
    if json["$type"] == "blob" && accepted && lexicon["maxSize"].as_u64().is_none_or(|most| size <= most) {
        return Ok(());
    }
    Err(format!("{at}: a blob of {size} bytes and type {mime}"))
}

#[test]
fn every_document_is_sound() {
    fn references(json: &Json, here: &str) {
        match json {
            Json::Array(items) => items.iter().for_each(|item| references(item, here)),
            Json::Object(members) => {
                if members.get("type").is_some_and(|name| name == "ref") {
                    definition(here, members["ref"].as_str().unwrap());
                }
                if members.get("type").is_some_and(|name| name == "union") {
                    for member in members["refs"].as_array().unwrap() {
                        definition(here, member.as_str().unwrap());
                    }
                }
                members.values().for_each(|member| references(member, here));
            }
            _ => {}
        }
    }
    let mut found = 0;
    for namespace in ["ac.foundation.dataset", "science.alt.dataset"] {
        let directory =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("lexicons").join(namespace.replace('.', "/"));
        for file in std::fs::read_dir(directory).unwrap() {
            let path = file.unwrap().path();
            let nsid = format!("{namespace}.{}", path.file_stem().unwrap().to_str().unwrap());
            let document = document(&nsid);
            assert_eq!((&document["lexicon"], &document["id"]), (&Json::from(1), &Json::from(nsid.as_str())));
            references(&document["defs"], &nsid);
            found += 1;
        }
    }
    assert_eq!(found, 19);
}

#[test]
fn the_validator_sees_violations() {
    let label = |member: &str, value: Json| {
        let mut record = serde_json::json!({"$type": "science.alt.dataset.label", "name": "n",
            "datasetUri": "at://did:plc:a/science.alt.dataset.entry/1", "createdAt": "2026-01-01T00:00:00+00:00"});
        record[member] = value;
        validate(&record)
    };
    assert_eq!(label("name", "x".repeat(200).into()), Ok(()));
    for (member, value) in [
        ("name", Json::from("x".repeat(201))),
        ("name", Json::from(1)),
        ("datasetUri", Json::from("at://a")),
        ("createdAt", Json::from("today")),
        ("version", Json::from(0.5)),
        ("other", Json::from("text")),
    ] {
        assert!(label(member, value).is_err(), "{member}");
    }
}
