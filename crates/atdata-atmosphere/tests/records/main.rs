//! Records: what Python wrote is read, what is written keeps to the lexicons and comes back.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

mod data_model;
mod fixtures;
mod lexicon;
mod limits;
mod round_trips;

use atdata_atmosphere::records::{
    Collection, DatasetRecord, LabelRecord, LensRecord, LensVerification, RecordKind, SchemaRecord,
};
use atdata_core::Result;
use atdata_core::schema::Profile;
use serde_json::Value as Json;

const PROFILES: [Profile; 2] = [Profile::Seed, Profile::Latest];
const DID: &str = "did:plc:fixture0000000000000000";

/// A record of any kind.
#[derive(Debug, PartialEq)]
enum Record {
    Schema(SchemaRecord),
    Dataset(Box<DatasetRecord>),
    Label(LabelRecord),
    Lens(Box<LensRecord>),
    Verification(LensVerification),
}

fn read_as(kind: RecordKind, json: &Json) -> Result<Record> {
    Ok(match kind {
        RecordKind::Schema => Record::Schema(SchemaRecord::from_json(json)?),
        RecordKind::Dataset => Record::Dataset(Box::new(DatasetRecord::from_json(json)?)),
        RecordKind::Label => Record::Label(LabelRecord::from_json(json)?),
        RecordKind::Lens => Record::Lens(Box::new(LensRecord::from_json(json)?)),
        RecordKind::LensVerification => Record::Verification(LensVerification::from_json(json)?),
    })
}

fn read(json: &Json) -> Result<Record> {
    read_as(Collection::of(json).expect("a known collection").kind(), json)
}

/// Writes a record, and holds the outcome to the lexicon.
fn write(record: &Record, profile: Profile) -> Result<Json> {
    let json = match record {
        Record::Schema(record) => record.to_json(profile),
        Record::Dataset(record) => record.to_json(profile),
        Record::Label(record) => record.to_json(profile),
        Record::Lens(record) => record.to_json(profile),
        Record::Verification(record) => record.to_json(),
    }?;
    if let Err(violation) = lexicon::validate(&json) {
        panic!("{violation}\n{json:#}");
    }
    Ok(json)
}
