//! Changing and removing what was published.

use atdata_core::schema::Profile;
use atdata_core::url::AtUri;
use atdata_core::{DatasetRef, Error, Label, Result, ResultExt};
use serde_json::Value as Json;

use super::entry::AtmosphereEntry;
use super::find::{Found, by_name};
use super::{AtmosphereIndex, DATASETS, DatasetDetails, record_address};
use crate::records::{Collection, DatasetRecord, Generation, RecordKind};
use crate::repository::{Plan, Row, View, Write};

/// Every kind of record that is read.
const ALL: [RecordKind; 5] = [
    RecordKind::Dataset,
    RecordKind::Label,
    RecordKind::Schema,
    RecordKind::Lens,
    RecordKind::LensVerification,
];

fn missing(reference: &str) -> Error {
    Error::not_found("the index has no such dataset").with("name", reference)
}

/// The record of this repository that a reference leads to.
fn here<'a>(view: &'a View, reference: &'a str) -> Result<Option<&'a Row>> {
    if reference.starts_with(AtUri::PREFIX) {
        return Ok(view.at(&record_address(reference)?));
    }
    if let Some(Found::Here(row)) = by_name(view, reference)? {
        return Ok(Some(row));
    }
    Ok(view.table(RecordKind::Dataset)?.of_cid(reference))
}

fn is_dataset(row: &Row) -> bool {
    row.collection.kind() == RecordKind::Dataset
}

impl AtmosphereIndex {
    /// Says other things of a dataset, in its own record: the address stays, the content identifier changes. What
    /// others' programs have written besides into the record stays too.
    ///
    /// # Errors
    /// [`NotFound`](atdata_core::ErrorKind::NotFound) if the name, content identifier or address leads to no dataset of
    /// this repository; [`Invalid`](atdata_core::ErrorKind::Invalid) for what the lexicon does not allow.
    pub async fn update_details(&self, reference: &str, details: &DatasetDetails) -> Result<AtmosphereEntry> {
        self.check_writable()?;
        let reference =
            DatasetRef::parse(reference).map_or(reference.to_owned(), |parsed| match parsed.is_local() {
                true => parsed.name,
                false => reference.to_owned(),
            });
        let (details, name) = (details.clone(), reference.clone());
        let change = self.repository.change(&self.atmosphere, &DATASETS, move |view| {
            let row = here(view, &reference)?.filter(|row| is_dataset(row));
            let row = row.ok_or_else(|| missing(&reference))?;
            let old = view.value(row)?;
            let mut record = DatasetRecord::from_json(&old)?;
            let profile = match row.collection.generation() {
                Generation::Latest => Profile::Latest,
                _ => Profile::Seed,
            };
            let known = record.to_json(profile)?;
            record.description.clone_from(&details.description);
            record.tags.clone_from(&details.tags);
            record.license.clone_from(&details.license);
            record.size = details.size;
            let value = rewritten(&old, &known, record.to_json(profile)?);
            let uri = view.uri(row);
            let write = Write::Update {
                collection: row.collection,
                rkey: row.rkey.to_string(),
                value: value.clone(),
            };
            let writes = if value == old { Vec::new() } else { vec![write] };
            Ok(Plan::new(writes, move |view| {
                let row = view.at(&uri).ok_or_else(|| missing(&uri.to_string()))?;
                AtmosphereEntry::of_row(view, row)
            }))
        });
        Ok(self.atmosphere.judged(change.await.context("name", name)?))
    }

    /// Removes a dataset's record, and the labels that lead to it, in one change. The server then removes blobs that no
    /// other record refers to. The shards that are elsewhere stay.
    ///
    /// # Errors
    /// [`NotFound`](atdata_core::ErrorKind::NotFound) if the name, content identifier or address leads to no dataset of
    /// this repository.
    pub async fn remove_dataset(&self, reference: &str) -> Result<()> {
        self.check_writable()?;
        let reference = reference.to_owned();
        let change = self.repository.change(&self.atmosphere, &DATASETS, move |view| {
            let row = here(view, &reference)?.filter(|row| is_dataset(row));
            let row = row.ok_or_else(|| missing(&reference))?;
            let uri = view.uri(row).to_string();
            let labels = view.table(RecordKind::Label)?.from("");
            let labels = labels.filter(|label| label.target.as_deref() == Some(&uri));
            let writes = std::iter::once(row).chain(labels).map(removal).collect();
            Ok(Plan::new(writes, |_| Ok(())))
        });
        change.await
    }

    /// Removes a label; the dataset stays.
    ///
    /// # Errors
    /// [`NotFound`](atdata_core::ErrorKind::NotFound) if there is none of this name and version.
    pub async fn remove_label(&self, name: &str, version: Option<&str>) -> Result<()> {
        self.check_writable()?;
        let wanted = Label::new(name, "").with_version(version.unwrap_or_default());
        let change = self.repository.change(&self.atmosphere, &DATASETS, move |view| {
            // Others may have written several of them.
            let named = view.table(RecordKind::Label)?.named(&wanted.name);
            let writes: Vec<Write> =
                named.filter(|row| *row.version == *wanted.version).map(removal).collect();
            if writes.is_empty() {
                let error = Error::not_found("the index has no such label").with("name", &wanted.name);
                return Err(error.with("version", &wanted.version));
            }
            Ok(Plan::new(writes, |_| Ok(())))
        });
        change.await
    }

    /// Removes one record, of any kind that is read: a schema or lens that nobody needs, for instance. Whether others refer to
    /// it is not looked at.
    ///
    /// # Errors
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) for an address that is none, or of another collection or repository;
    /// [`NotFound`](atdata_core::ErrorKind::NotFound) if there is no such record.
    pub async fn remove_record(&self, uri: &str) -> Result<()> {
        self.check_writable()?;
        let uri = record_address(uri)?;
        let is_ours = uri.authority == self.did.as_str() && Collection::from_nsid(&uri.collection).is_some();
        if !is_ours {
            return Err(Error::invalid("this is not the address of a record of this index").with("url", uri));
        }
        let change = self.repository.change(&self.atmosphere, &ALL, move |view| {
            let row = view.at(&uri);
            let row = row.ok_or_else(|| Error::not_found("there is no such record").with("url", &uri))?;
            Ok(Plan::new(vec![removal(row)], |_| Ok(())))
        });
        change.await
    }
}

fn removal(row: &Row) -> Write {
    Write::Delete { collection: row.collection, rkey: row.rkey.to_string() }
}

/// A record as it is to be, with the members of the old one that are not known here.
fn rewritten(old: &Json, known: &Json, mut new: Json) -> Json {
    if let (Some(old), Some(known), Some(members)) = (old.as_object(), known.as_object(), new.as_object_mut())
    {
        for (name, value) in old.iter().filter(|(name, _)| !known.contains_key(*name)) {
            members.insert(name.clone(), value.clone());
        }
    }
    new
}
