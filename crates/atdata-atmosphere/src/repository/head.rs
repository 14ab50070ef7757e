//! What a table needs to know of a record.

use atdata_core::Result;
use serde_json::Value as Json;
use time::OffsetDateTime;

use crate::records::{
    Collection, DatasetRecord, LabelRecord, LensRecord, LensVerification, RecordKind, SchemaRecord,
};

/// The beginning of a record.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) name: String,
    pub(super) version: String,
    /// Microseconds.
    pub(super) created: i64,
    pub(super) target: Option<String>,
}

/// Reads a record of a collection, all of it: what is listed can be read.
pub(super) fn head(collection: Collection, value: &Json) -> Result<Head> {
    let head = |name: String, version: Option<String>, created: Option<OffsetDateTime>| Head {
        name,
        version: version.unwrap_or_default(),
        created: created.map_or(i64::MIN, microseconds),
        target: None,
    };
    Ok(match collection.kind() {
        RecordKind::Schema => {
            let schema = SchemaRecord::from_json(value)?.schema;
            head(schema.name, Some(schema.version.to_string()), schema.created_at)
        }
        RecordKind::Dataset => {
            let record = DatasetRecord::from_json(value)?;
            head(record.name, None, record.created_at)
        }
        RecordKind::Label => {
            let label = LabelRecord::from_json(value)?;
            Head { target: Some(label.dataset_uri), ..head(label.name, label.version, label.created_at) }
        }
        RecordKind::Lens => {
            let lens = LensRecord::from_json(value)?;
            // As all indexes have it: what cannot be read is not listed.
            lens.to_lens("")?;
            let version = lens.version().map(str::to_owned);
            head(lens.name, version, lens.created_at)
        }
        RecordKind::LensVerification => {
            let verification = LensVerification::from_json(value)?;
            head(verification.lens, None, verification.created_at)
        }
    })
}

/// A time as it is compared.
pub(crate) fn microseconds(time: OffsetDateTime) -> i64 {
    i64::try_from(time.unix_timestamp_nanos() / 1000).unwrap_or(i64::MIN)
}
