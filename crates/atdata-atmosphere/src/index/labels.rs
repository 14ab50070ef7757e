//! Labels.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::sync::Arc;

use atdata_core::url::AtUri;
use atdata_core::{DatedLabel, Error, Label, Result, ResultExt};
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use time::OffsetDateTime;

use super::draft::Draft;
use super::find::{after, label};
use super::{AtmosphereIndex, DATASETS};
use crate::records::{LabelRecord, RecordKind};
use crate::repository::{Plan, Row, View};

impl AtmosphereIndex {
    /// Sets a label; if it is an older one, the name goes on standing for what it stands for.
    pub(super) async fn label(&self, label: &Label, is_older: bool) -> Result<()> {
        label.validate()?;
        self.check_writable()?;
        let (profile, atmosphere, label) = (self.profile(), self.atmosphere.clone(), label.clone());
        let set = self.repository.change(&self.atmosphere, &DATASETS, move |view| {
            let row = view.table(RecordKind::Dataset)?.of_cid(&label.cid).ok_or_else(|| {
                Error::not_found("the index has no entry of this identifier").with("cid", &label.cid)
            })?;
            let mut draft = Draft::new(view, profile, &atmosphere.inner.tids);
            let (name, version, uri) = (&label.name, &label.version, view.uri(row));
            match is_older {
                false => draft.set_label(name, version, &uri, label.description.as_deref())?,
                true => draft.set_older_label(name, version, &uri, label.description.as_deref())?,
            }
            Ok(Plan::new(draft.finish(), |_| Ok(())))
        });
        set.await
    }

    pub(super) async fn find_label(&self, name: &str, version: Option<&str>) -> Result<Label> {
        let missing = || {
            let error = Error::not_found("the index has no such label").with("name", name);
            match version {
                Some(version) => error.with("version", version),
                None => error,
            }
        };
        let view = self.view(&DATASETS).await?;
        let row = label(&view, name, version)?.ok_or_else(missing)?;
        self.read(&view, row).await?.ok_or_else(missing)
    }

    /// A label, with the content identifier that its target has now. None if there is no target.
    async fn read(&self, view: &View, row: &Row) -> Result<Option<Label>> {
        let record = LabelRecord::from_json(&view.value(row)?).context("url", view.uri(row))?;
        let Ok(uri) = record.dataset_uri.parse::<AtUri>() else { return Ok(None) };
        let cid = if uri.authority == view.did.as_str() {
            view.at(&uri).map(|row| row.cid().to_string())
        } else {
            match self.fetch(&uri).await {
                Ok(fetched) => Some(fetched.cid),
                Err(error) if error.is_not_found() => None,
                Err(error) => return Err(error.with("label", &record.name)),
            }
        };
        let Some(cid) = cid else { return Ok(None) };
        let mut label = Label::new(record.name, cid).with_version(record.version.unwrap_or_default());
        label.description = record.description;
        Ok(Some(label))
    }

    /// The labels of a name, the one set last first.
    pub(super) async fn history(&self, name: &str) -> Result<Vec<DatedLabel>> {
        let view = self.view(&DATASETS).await?;
        let mut rows: Vec<&Row> = view.table(RecordKind::Label)?.named(name).collect();
        rows.sort_by_key(|row| Reverse((row.created, row.rkey.clone())));
        // Others may have written several of a version, of which the last one counts.
        let mut seen = HashSet::new();
        rows.retain(|row| seen.insert(row.version.clone()));
        let mut labels = Vec::with_capacity(rows.len());
        for row in rows {
            if let Some(label) = self.read(&view, row).await? {
                let time = OffsetDateTime::from_unix_timestamp_nanos(i128::from(row.created) * 1000);
                labels.push(DatedLabel::new(label, time.ok()));
            }
        }
        Ok(labels)
    }

    /// All labels whose name begins with `prefix`, by name and version, each as it was set last.
    pub(super) async fn labels(&self, prefix: &str) -> Result<BoxStream<'_, Result<Label>>> {
        let view = self.view(&DATASETS).await?;
        let (prefix, from) = (prefix.to_owned(), prefix.to_owned());
        let named = stream::unfold(Some((view, from)), move |state| {
            let prefix = prefix.clone();
            async move {
                let (view, from) = state?;
                match self.labels_of_next(&view, &prefix, &from).await {
                    Ok(Some((name, labels))) => {
                        let labels = labels.into_iter().map(Ok).collect::<Vec<_>>();
                        Some((stream::iter(labels), Some((view, after(name)))))
                    }
                    Ok(None) => None,
                    Err(error) => Some((stream::iter(vec![Err(error)]), None)),
                }
            }
        });
        Ok(named.flatten().boxed())
    }

    /// The labels of the first name that is not before `from`.
    async fn labels_of_next(
        &self,
        view: &Arc<View>,
        prefix: &str,
        from: &str,
    ) -> Result<Option<(String, Vec<Label>)>> {
        let table = view.table(RecordKind::Label)?;
        let Some(first) = table.from(from).next().filter(|row| row.name.starts_with(prefix)) else {
            return Ok(None);
        };
        // By version and age: the last of each version is the one that counts.
        let rows: Vec<&Row> = table.named(&first.name).collect();
        let mut labels = Vec::new();
        for (i, row) in rows.iter().enumerate() {
            let is_last = rows.get(i + 1).is_none_or(|next| next.version != row.version);
            if is_last {
                labels.extend(self.read(view, row).await?);
            }
        }
        Ok(Some((first.name.to_string(), labels)))
    }
}
