//! References to the manifests of shards.

use atdata_core::Result;
use serde_json::Value as Json;

use super::BlobRef;
use super::member::{Members, Writing, missing};

/// The manifest of one shard; the position in the record says of which.
///
/// ```
/// use atdata_atmosphere::records::{BlobRef, ManifestRef};
/// use atdata_core::cid::blob_cid;
///
/// let header = BlobRef { cid: blob_cid(b"{}"), mime_type: "application/json".into(), size: Some(2) };
/// let manifest = ManifestRef { header, samples: None };
/// assert_eq!(ManifestRef::from_json(&manifest.to_json()?)?, manifest);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestRef {
    /// What the manifest says of the shard, JSON.
    pub header: BlobRef,
    /// The table of the samples, Parquet.
    pub samples: Option<BlobRef>,
}

impl ManifestRef {
    /// Reads a reference.
    ///
    /// # Errors
    /// `Corrupt` if it has no header or a reference that cannot be read.
    pub fn from_json(json: &Json) -> Result<Self> {
        let members = Members::of(json, "a manifest")?;
        let header = members.read("header", BlobRef::from_json)?.ok_or_else(|| missing("header"))?;
        Ok(Self { header, samples: members.read("samples", BlobRef::from_json)? })
    }

    /// Writes the reference.
    ///
    /// # Errors
    /// As [`BlobRef::to_json`].
    pub fn to_json(&self) -> Result<Json> {
        let mut object = Writing::default();
        object.insert("header", self.header.to_json()?);
        if let Some(samples) = &self.samples {
            object.insert("samples", samples.to_json()?);
        }
        Ok(object.finish())
    }
}
