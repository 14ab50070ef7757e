//! Inserting datasets.

use std::collections::HashSet;
use std::sync::Arc;

use atdata_core::{Error, IfExists, IndexEntry, NewDataset, Result, ResultExt, SchemaSpec};

use super::draft::Draft;
use super::entry::AtmosphereEntry;
use super::find::{Found, by_name, label, target};
use super::{AtmosphereIndex, EVERYTHING};
use crate::records::{BlobRef, BlobShard, DatasetRecord, DatasetSize, Storage, UrlShard};
use crate::repository::{Plan, View};
use crate::{Atmosphere, BlobAddress, Did};

/// What a record says of a dataset besides what every index keeps.
///
/// ```
/// use atdata_atmosphere::DatasetDetails;
///
/// let mut details = DatasetDetails::default();
/// details.license = Some("CC0-1.0".into());
/// details.tags = vec!["digits".into(), "vision".into()];
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct DatasetDetails {
    /// What the dataset is, in words; at most 5,000 bytes.
    pub description: Option<String>,
    /// At most 30 tags of 150 bytes.
    pub tags: Vec<String>,
    /// An SPDX identifier or a URL.
    pub license: Option<String>,
    /// The numbers of samples, bytes and shards.
    pub size: Option<DatasetSize>,
}

impl AtmosphereIndex {
    /// Inserts a dataset, with what the record can say of it besides. See [`Index::insert_dataset`]. Shards in blobs of
    /// the account are referred to in the server's own words, which only the program that sent them knows, or a record
    /// that refers to them already.
    ///
    /// [`Index::insert_dataset`]: atdata_core::Index::insert_dataset
    ///
    /// # Errors
    /// As [`Index::insert_dataset`]; besides [`Invalid`](atdata_core::ErrorKind::Invalid) for what a public record must
    /// not say (paths, addresses with credentials) or is too long for one, [`NotFound`](atdata_core::ErrorKind::NotFound)
    /// for a schema that is given by its name and is not there.
    pub async fn insert(&self, new: NewDataset, details: DatasetDetails) -> Result<AtmosphereEntry> {
        new.validate()?;
        self.check_writable()?;
        self.atmosphere.check_public(&new.data_urls).context("name", &new.name)?;
        let new = self.with_schema_address(new).await?;
        let (profile, atmosphere, did) = (self.profile(), self.atmosphere.clone(), self.did.clone());
        let name = new.name.clone();
        let change = self.repository.change(&self.atmosphere, &EVERYTHING, move |view| {
            let known = |address: &BlobAddress| known_blob(&atmosphere, view, address);
            let storage = storage(&did, &new.data_urls, known)?;
            let mut draft = Draft::new(view, profile, &atmosphere.inner.tids);
            let place = insertion(&mut draft, view, &new, &details, storage)?;
            Ok(Plan::new(draft.finish(), move |view| written(view, &place)))
        });
        Ok(self.atmosphere.judged(change.await.context("name", name)?))
    }

    /// Inserts datasets with few requests: as many as a server takes are one change, which happens as a whole or not at
    /// all. Gives their entries in the same order.
    ///
    /// # Errors
    /// As [`insert`](Self::insert), naming the dataset. Those before it may have been inserted; to insert all of them again
    /// is safe.
    pub async fn insert_many(&self, datasets: Vec<NewDataset>) -> Result<Vec<AtmosphereEntry>> {
        self.check_writable()?;
        let mut all = Vec::with_capacity(datasets.len());
        for new in datasets {
            new.validate()?;
            self.atmosphere.check_public(&new.data_urls).context("name", &new.name)?;
            all.push(self.with_schema_address(new).await?);
        }
        let (all, mut entries) = (Arc::new(all), Vec::new());
        while entries.len() < all.len() {
            entries.extend(self.insert_some(&all, entries.len()).await?);
        }
        Ok(entries.into_iter().map(|entry| self.atmosphere.judged(entry)).collect())
    }

    /// Inserts the datasets from `first` on that fit into one change, of different names.
    async fn insert_some(&self, all: &Arc<Vec<NewDataset>>, first: usize) -> Result<Vec<AtmosphereEntry>> {
        let (profile, atmosphere, did) = (self.profile(), self.atmosphere.clone(), self.did.clone());
        let (all, details) = (all.clone(), DatasetDetails::default());
        let change = self.repository.change(&self.atmosphere, &EVERYTHING, move |view| {
            let mut draft = Draft::new(view, profile, &atmosphere.inner.tids);
            let (mut places, mut names) = (Vec::new(), HashSet::new());
            for new in all.iter().skip(first) {
                let mark = draft.mark();
                if !names.insert(new.name.as_str()) {
                    break;
                }
                let known = |address: &BlobAddress| known_blob(&atmosphere, view, address);
                let place = storage(&did, &new.data_urls, known)
                    .and_then(|storage| insertion(&mut draft, view, new, &details, storage));
                let place = place.context("name", &new.name)?;
                if !draft.fits() && !places.is_empty() {
                    draft.go_back(mark);
                    break;
                }
                places.push(place);
            }
            Ok(Plan::new(draft.finish(), move |view| {
                places.iter().map(|place| written(view, place)).collect::<Result<Vec<_>>>()
            }))
        });
        change.await
    }

    /// A schema that is named by another reference than an address is looked up: in a record only addresses mean
    /// something.
    async fn with_schema_address(&self, mut new: NewDataset) -> Result<NewDataset> {
        if let SchemaSpec::Ref(reference) = &new.schema {
            new.schema = SchemaSpec::Ref(self.schema_address(reference).await.context("name", &new.name)?);
        }
        if let SchemaSpec::Schema(schema) = &new.schema {
            schema.validate()?;
        }
        Ok(new)
    }
}

/// The entry at an address, after the change that wrote it.
fn written(view: &View, address: &str) -> Result<AtmosphereEntry> {
    let row = view
        .at(&address.parse()?)
        .ok_or_else(|| Error::unexpected("the record that was written is not there").with("url", address))?;
    AtmosphereEntry::of_row(view, row)
}

/// What the server calls a blob: it said so when it was sent, or a record says it.
fn known_blob(atmosphere: &Atmosphere, view: &View, address: &BlobAddress) -> Result<Option<BlobRef>> {
    match atmosphere.inner.uploaded.get(&address.cid) {
        Some(blob) => Ok(Some(blob)),
        None => view.blob(&address.cid),
    }
}

/// Puts a dataset into a change, and gives the address of its record: that of an equal one if there is one.
fn insertion(
    draft: &mut Draft<'_>,
    view: &View,
    new: &NewDataset,
    details: &DatasetDetails,
    storage: Storage,
) -> Result<String> {
    let schema_ref = match &new.schema {
        SchemaSpec::Ref(reference) => reference.clone(),
        SchemaSpec::Schema(schema) => draft.publish(schema)?,
    };
    let mut record = DatasetRecord::new(&new.name, schema_ref, storage)
        .with_entry_metadata(view.did.as_str(), new.metadata.clone());
    record.description.clone_from(&details.description);
    record.tags.clone_from(&details.tags);
    record.license.clone_from(&details.license);
    record.size = details.size;

    let mut found = by_name(view, &new.name)?;
    let is_older = new.is_older && found.is_some();
    let version = new.version.as_deref().filter(|_| is_older);
    if is_older {
        found = label(view, &new.name, version)?.and_then(|label| target(view, label));
    }
    let old = match found {
        Some(Found::Here(row)) => Some((row, AtmosphereEntry::of_row(view, row)?)),
        Some(Found::Elsewhere(_)) | None => None,
    };
    let leads_elsewhere = old.is_none() && label(view, &new.name, version)?.is_some();
    let same = old.as_ref().filter(|(_, old)| is_same(old, &record, view.did.as_str()));
    if same.is_none() && (old.is_some() || leads_elsewhere) && new.if_exists == IfExists::Fail {
        return Err(Error::already_exists("the index has another dataset of this name"));
    }
    let uri = match same {
        Some((row, _)) => view.uri(row),
        None => draft.create(record)?,
    };
    let versions = new.version.as_deref().into_iter().chain((!is_older).then_some(""));
    for version in versions {
        // Inserting the same thing again is no change: labels that are right keep their descriptions.
        let is_set = label(view, &new.name, Some(version))?
            .is_some_and(|label| label.target.as_deref() == Some(&*uri.to_string()));
        match (same.is_some() && is_set, is_older) {
            (true, _) => {}
            (false, false) => draft.set_label(&new.name, version, &uri, None)?,
            (false, true) => draft.set_older_label(&new.name, version, &uri, None)?,
        }
    }
    if same.is_none()
        && let Some((row, _)) = old.as_ref().filter(|(_, entry)| entry.name() == new.name)
    {
        draft.forget_unlabelled(row)?;
    }
    Ok(uri.to_string())
}

/// Whether a record says what another one is to say, whenever either was made.
fn is_same(old: &AtmosphereEntry, new: &DatasetRecord, did: &str) -> bool {
    let details = |record: &DatasetRecord| {
        (record.description.clone(), record.tags.clone(), record.license.clone(), record.size)
    };
    old.name() == new.name
        && old.schema_ref() == new.schema_ref
        && old.data_urls() == new.data_urls(did)
        && old.metadata() == new.entry_metadata(did).as_ref()
        && details(&old.record) == details(new)
}

/// Where the shards are: in blobs of the account, if all of them are.
fn storage(
    did: &Did,
    urls: &[String],
    known: impl Fn(&BlobAddress) -> Result<Option<BlobRef>>,
) -> Result<Storage> {
    let own = |url: &String| url.parse::<BlobAddress>().ok().filter(|address| address.did == *did);
    let blobs: Option<Vec<BlobAddress>> = urls.iter().map(own).collect();
    let Some(blobs) = blobs.filter(|blobs| !blobs.is_empty()) else {
        return Ok(Storage::from_urls(urls.iter().map(UrlShard::new).collect()));
    };
    let mut shards = Vec::with_capacity(blobs.len());
    for address in blobs {
        let blob = known(&address)?.ok_or_else(|| {
            Error::not_found(
                "what the server calls this blob is not known: it was sent by another program, or too long ago; write the shards again",
            )
            .with("url", &address)
        })?;
        shards.push(BlobShard::from(blob));
    }
    Ok(Storage::Blobs(shards))
}
