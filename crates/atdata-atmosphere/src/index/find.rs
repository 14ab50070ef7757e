//! Finding and listing datasets.

use std::sync::Arc;

use atdata_core::url::AtUri;
use atdata_core::{DatasetRef, Error, IndexEntry, Result, ResultExt};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use serde_json::Value as Json;

use super::entry::AtmosphereEntry;
use super::{AtmosphereIndex, DATASETS, record_address};
use crate::Did;
use crate::records::{Collection, DatasetRecord, RecordKind};
use crate::repository::{Row, View};

/// Where a name leads.
pub(super) enum Found<'a> {
    /// To a record of the repository.
    Here(&'a Row),
    /// To one of another repository.
    Elsewhere(AtUri),
}

/// A record as its server gives it.
pub(super) struct Fetched {
    pub(super) did: Did,
    pub(super) uri: AtUri,
    pub(super) cid: String,
    pub(super) value: Json,
}

/// The label of a name that was set last; of one version, if that is said.
pub(super) fn label<'a>(view: &'a View, name: &'a str, version: Option<&str>) -> Result<Option<&'a Row>> {
    let labels = view.table(RecordKind::Label)?.named(name);
    let wanted = labels.filter(|row| version.is_none_or(|version| version == &*row.version));
    Ok(wanted.max_by_key(|row| (row.created, row.rkey.clone())))
}

/// Where a label leads; none if it dangles.
pub(super) fn target<'a>(view: &'a View, label: &Row) -> Option<Found<'a>> {
    let uri: AtUri = label.target.as_deref()?.parse().ok()?;
    if uri.authority == view.did.as_str() {
        return view.at(&uri).filter(|row| row.collection.kind() == RecordKind::Dataset).map(Found::Here);
    }
    Some(Found::Elsewhere(uri))
}

/// Where a name leads: to what its latest label says, or to the newest record of the name if it has no label.
pub(super) fn by_name<'a>(view: &'a View, name: &'a str) -> Result<Option<Found<'a>>> {
    if let Some(found) = label(view, name, None)?.and_then(|label| target(view, label)) {
        return Ok(Some(found));
    }
    let named = view.table(RecordKind::Dataset)?.named(name);
    Ok(named.max_by_key(|row| (row.created, row.rkey.clone())).map(Found::Here))
}

/// The record that a listing shows for a name: that of the label set last which leads to a record of this very name, or
/// the newest. Another name's record is listed under its own name, whatever labels say.
fn listed<'a>(view: &'a View, name: &'a str) -> Result<Option<&'a Row>> {
    let labels = view.table(RecordKind::Label)?.named(name);
    let here = |label: &'a Row| match target(view, label)? {
        Found::Here(row) if &*row.name == name => Some((label.created, row)),
        _ => None,
    };
    let latest = labels.filter_map(here).max_by_key(|(created, _)| *created).map(|(_, row)| row);
    match latest {
        Some(row) => Ok(Some(row)),
        None => {
            let named = view.table(RecordKind::Dataset)?.named(name);
            Ok(named.max_by_key(|row| (row.created, row.rkey.clone())))
        }
    }
}

fn missing(reference: &str) -> Error {
    Error::not_found("the index has no such dataset").with("name", reference)
}

impl AtmosphereIndex {
    /// Finds a dataset by any reference, with all that its record says. See [`Index::get_dataset`].
    ///
    /// [`Index::get_dataset`]: atdata_core::Index::get_dataset
    ///
    /// # Errors
    /// As [`Index::get_dataset`].
    pub async fn find(&self, reference: &str) -> Result<AtmosphereEntry> {
        if reference.starts_with(AtUri::PREFIX) {
            let uri = record_address(reference)?;
            return self.fetch_entry(&uri).await.context("name", reference);
        }
        let parsed = DatasetRef::parse(reference)?;
        match parsed.authority.as_deref().filter(|_| !parsed.is_local()) {
            None => self.find_here(&parsed, reference).await,
            Some(authority) => {
                let index = match self.of(authority).await {
                    Ok(index) => index,
                    Err(error) if error.is_not_found() => return Err(missing(reference).with_source(error)),
                    Err(error) => return Err(error.with("name", reference)),
                };
                index.find_here(&parsed, reference).await
            }
        }
    }

    async fn find_here(&self, parsed: &DatasetRef, reference: &str) -> Result<AtmosphereEntry> {
        let view = self.view(&DATASETS).await.map_err(|error| match error.is_not_found() {
            true => missing(reference).with_source(error),
            false => error,
        })?;
        let mut found = by_name(&view, &parsed.name)?;
        if found.is_none() {
            found = view.table(RecordKind::Dataset)?.of_cid(&parsed.name).map(Found::Here);
        }
        if found.is_none()
            && let Some((name, version)) = parsed.split_version()
        {
            found = label(&view, name, Some(version))?.and_then(|label| target(&view, label));
        }
        match found {
            Some(Found::Here(row)) => Ok(self.atmosphere.judged(AtmosphereEntry::of_row(&view, row)?)),
            Some(Found::Elsewhere(uri)) => self.fetch_entry(&uri).await.context("name", reference),
            None => Err(missing(reference)),
        }
    }

    /// Asks a repository for one record.
    pub(super) async fn fetch(&self, uri: &AtUri) -> Result<Fetched> {
        let did: Did = match uri.authority.parse() {
            Ok(did) => did,
            Err(_) => self.atmosphere.resolve(&uri.authority).await?.did,
        };
        let service = self.atmosphere.service_of(&did).await?;
        let parameters = [("repo", did.as_str()), ("collection", &*uri.collection), ("rkey", &*uri.rkey)];
        let mut json = service.query("com.atproto.repo.getRecord", &parameters).await.context("url", uri)?;
        let cid = json.get("cid").and_then(Json::as_str).unwrap_or_default().to_owned();
        match json.get_mut("value").map(Json::take) {
            Some(value) => {
                let uri = AtUri::new(did.as_str(), &*uri.collection, &*uri.rkey);
                Ok(Fetched { did, uri, cid, value })
            }
            None => Err(Error::corrupt("the server's answer has no record").with("url", uri)),
        }
    }

    async fn fetch_entry(&self, uri: &AtUri) -> Result<AtmosphereEntry> {
        let collection = Collection::from_nsid(&uri.collection)
            .filter(|collection| collection.kind() == RecordKind::Dataset)
            .ok_or_else(|| {
                Error::invalid("this is not the address of a dataset's record").with("url", uri)
            })?;
        let Fetched { did, uri, cid, value } = self.fetch(uri).await?;
        let record = DatasetRecord::from_json(&value).context("url", &uri)?;
        Ok(self.atmosphere.judged(AtmosphereEntry::new(&did, collection, uri.to_string(), cid, record)))
    }

    /// All datasets whose name begins with `prefix`, by name, as they are now.
    pub(super) async fn entries(&self, prefix: &str) -> Result<BoxStream<'_, Result<Arc<dyn IndexEntry>>>> {
        let view = self.view(&DATASETS).await?;
        let (prefix, from) = (prefix.to_owned(), prefix.to_owned());
        let entries = stream::unfold(Some((view, from)), move |state| {
            let prefix = prefix.clone();
            async move {
                let (view, from) = state?;
                match self.next_entry(&view, &prefix, &from) {
                    Ok(Some((name, entry))) => Some((Ok(entry), Some((view, after(name))))),
                    Ok(None) => None,
                    Err(error) => Some((Err(error), None)),
                }
            }
        });
        Ok(entries.boxed())
    }

    /// The first dataset whose name is not before `from`.
    fn next_entry(
        &self,
        view: &View,
        prefix: &str,
        from: &str,
    ) -> Result<Option<(String, Arc<dyn IndexEntry>)>> {
        let Some(first) = view.table(RecordKind::Dataset)?.from(from).next() else { return Ok(None) };
        if !first.name.starts_with(prefix) {
            return Ok(None);
        }
        let row = listed(view, &first.name)?.unwrap_or(first);
        let entry = self.atmosphere.judged(AtmosphereEntry::of_row(view, row)?);
        Ok(Some((first.name.to_string(), Arc::new(entry))))
    }
}

/// The least text behind another.
pub(super) fn after(mut text: String) -> String {
    text.push('\0');
    text
}
