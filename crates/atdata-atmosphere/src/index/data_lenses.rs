//! Lenses as every index has them.

use std::collections::BTreeMap;

use atdata_core::lens::{LensRecord as Lens, LensRef};
use atdata_core::schema::{Profile, SchemaRef, SchemaVersion};
use atdata_core::url::AtUri;
use atdata_core::{Error, Result, ResultExt, StoredLens};
use futures::StreamExt;
use futures::stream::{self, BoxStream};

use super::draft::Draft;
use super::find::after;
use super::{AtmosphereIndex, record_address};
use crate::records::{Collection, LensRecord, RecordKind};
use crate::repository::{Plan, Row, View};

/// What look-ups of lenses need.
const LENSES: [RecordKind; 1] = [RecordKind::Lens];

fn is_of(row: &Row, profile: Profile) -> bool {
    row.collection.nsid() == Collection::written(RecordKind::Lens, profile)
}

/// The version of a lens: its own, or the key of a record that says none.
fn version(row: &Row) -> SchemaVersion {
    SchemaVersion::from(if row.version.is_empty() { &*row.rkey } else { &*row.version })
}

fn read(view: &View, row: &Row) -> Result<StoredLens> {
    let uri = view.uri(row).to_string();
    let lens = LensRecord::from_json(&view.value(row)?).and_then(|record| record.to_lens(&row.rkey));
    Ok(StoredLens::new(uri.clone(), lens.context("url", uri)?))
}

/// The version that a reference to a schema says.
fn version_of(reference: &str) -> Option<String> {
    let parsed: SchemaRef = reference.parse().ok()?;
    parsed.version().map(ToString::to_string)
}

impl AtmosphereIndex {
    pub(super) async fn store_lens(&self, lens: &Lens) -> Result<String> {
        lens.validate()?;
        self.check_writable()?;
        let source = self.schema_address(&lens.source_schema).await.context("lens", &lens.name)?;
        let view = self.schema_address(&lens.view_schema).await.context("lens", &lens.name)?;
        let mut record = LensRecord::of_lens(lens, &source, &view)?;
        record.source_schema_version = version_of(&lens.source_schema);
        record.target_schema_version = version_of(&lens.view_schema);
        let mut lens = lens.clone();
        (lens.source_schema, lens.view_schema) = (source, view);
        let (profile, atmosphere) = (self.profile(), self.atmosphere.clone());
        let name = lens.name.clone();
        let change = self.repository.change(&self.atmosphere, &LENSES, move |view| {
            let named = view.table(RecordKind::Lens)?.named(&lens.name);
            let mut conflict = None;
            for row in named.filter(|row| version(row) == lens.version && is_of(row, profile)) {
                let stored = read(view, row)?;
                match stored.record.check_republication(&lens) {
                    Ok(()) => return Ok(Plan::new(Vec::new(), |_| Ok(stored.reference))),
                    Err(error) => conflict = Some(error.with("url", stored.reference)),
                }
            }
            if let Some(conflict) = conflict {
                return Err(conflict);
            }
            let mut draft = Draft::new(view, profile, &atmosphere.inner.tids);
            let uri = draft.create_lens(record.clone())?.to_string();
            Ok(Plan::new(draft.finish(), |_| Ok(uri)))
        });
        change.await.context("lens", name)
    }

    pub(super) async fn find_lens(&self, reference: &str) -> Result<StoredLens> {
        let missing = || Error::not_found("the index has no such lens").with("lens", reference);
        let explained = |error: Error| match error.is_not_found() {
            true => missing().with_source(error),
            false => error.with("lens", reference),
        };
        let (authority, name, wanted) = match reference.parse::<LensRef>()? {
            LensRef::Named { authority, name, version } => (authority, name, version),
            LensRef::Record(_) => return self.lens_at(&record_address(reference)?).await.map_err(explained),
        };
        let index = match authority == LensRef::LOCAL {
            true => self.clone(),
            false => self.of(&authority).await.map_err(explained)?,
        };
        let view = index.view(&LENSES).await.map_err(explained)?;
        let named = view.table(RecordKind::Lens)?.named(&name);
        let wanted = named.filter(|row| wanted.as_ref().is_none_or(|wanted| version(row) == *wanted));
        let best = wanted.max_by_key(|row| (version(row), is_of(row, self.profile()), row.created));
        read(&view, best.ok_or_else(missing)?)
    }

    async fn lens_at(&self, uri: &AtUri) -> Result<StoredLens> {
        let fetched = self.fetch(uri).await?;
        let uri = fetched.uri.to_string();
        let lens = LensRecord::from_json(&fetched.value).and_then(|record| record.to_lens(&fetched.uri.rkey));
        Ok(StoredLens::new(uri.clone(), lens.context("url", uri)?))
    }

    /// All lenses whose name begins with `prefix`, by name and version. Of equal ones that several generations have, the one
    /// of the profile is listed.
    pub(super) async fn lenses(&self, prefix: &str) -> Result<BoxStream<'_, Result<StoredLens>>> {
        let view = self.view(&LENSES).await?;
        let (prefix, from) = (prefix.to_owned(), prefix.to_owned());
        let named = stream::unfold(Some((view, from)), move |state| {
            let prefix = prefix.clone();
            async move {
                let (view, from) = state?;
                match self.lenses_of_next(&view, &prefix, &from) {
                    Ok(Some((name, lenses))) => {
                        let lenses = lenses.into_iter().map(Ok).collect::<Vec<_>>();
                        Some((stream::iter(lenses), Some((view, after(name)))))
                    }
                    Ok(None) => None,
                    Err(error) => Some((stream::iter(vec![Err(error)]), None)),
                }
            }
        });
        Ok(named.flatten().boxed())
    }

    /// The lenses of the first name that is not before `from`.
    fn lenses_of_next(
        &self,
        view: &View,
        prefix: &str,
        from: &str,
    ) -> Result<Option<(String, Vec<StoredLens>)>> {
        let table = view.table(RecordKind::Lens)?;
        let Some(first) = table.from(from).next().filter(|row| row.name.starts_with(prefix)) else {
            return Ok(None);
        };
        let mut rows: Vec<&Row> = table.named(&first.name).collect();
        rows.sort_by_key(|row| !is_of(row, self.profile()));
        let mut lenses: BTreeMap<SchemaVersion, Vec<StoredLens>> = BTreeMap::new();
        for row in rows {
            let stored = read(view, row)?;
            let same = lenses.entry(version(row)).or_default();
            // Each generation has schemas of its own.
            if !same.iter().any(|known| known.record.body == stored.record.body) {
                same.push(stored);
            }
        }
        Ok(Some((first.name.to_string(), lenses.into_values().flatten().collect())))
    }
}
