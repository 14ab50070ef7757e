//! Schemas, from local JSON and from records of every generation.

use atdata_core::schema::{Profile, SampleSchema, diff, to_rust};
use serde_json::Value as Json;
use time::OffsetDateTime;

use super::texts::text_of;

/// Reads the input as a local schema record.
pub fn schema_json(input: &[u8]) {
    if let Ok(schema) = SampleSchema::from_json(&text_of(input)) {
        accepted(&schema);
    }
}

/// Reads the input as a schema record of the network.
pub fn schema_record(input: &[u8]) {
    let Ok(json) = serde_json::from_slice::<Json>(input) else { return };
    if let Ok(schema) = SampleSchema::from_record(&json) {
        accepted(&schema);
        published(schema);
    }
}

/// What a record can hold at all is the same after writing and reading one, in both profiles.
fn published(mut schema: SampleSchema) {
    schema.created_at.get_or_insert(OffsetDateTime::UNIX_EPOCH);
    for profile in [Profile::Seed, Profile::Latest] {
        let Ok(record) = schema.to_record(profile) else { continue };
        let again = SampleSchema::from_record(&record).unwrap_or_else(|error| panic!("{record}: {error}"));
        assert_eq!(again, schema, "{record}");
    }
}

/// A schema that was accepted is the same after writing and reading, equals itself, and becomes code.
fn accepted(schema: &SampleSchema) {
    let _ = schema.validate();
    let _ = schema.to_string();
    let _ = to_rust(schema);
    assert!(diff(schema, schema).is_identical());
    let written = schema.to_json().expect("what was read can be written");
    let again = SampleSchema::from_json(&written).unwrap_or_else(|error| panic!("{written}: {error}"));
    assert_eq!(again.to_json().expect("written"), written);
    assert_eq!(again, *schema);
}
