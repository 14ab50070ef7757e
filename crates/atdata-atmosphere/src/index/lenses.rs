//! Lenses: who says that there is code between two schemas. It is never executed here.

use atdata_core::url::AtUri;
use atdata_core::{Error, Result, ResultExt};
use futures::StreamExt;
use futures::stream::{self, BoxStream};

use super::draft::Draft;
use super::{AtmosphereIndex, record_address};
use crate::records::{LensRecord, RecordKind};
use crate::repository::{Plan, Row, View};

/// What look-ups of lenses need.
const LENSES: [RecordKind; 1] = [RecordKind::Lens];

/// A lens and the address of its record.
///
/// ```
/// fn show(lens: &atdata_atmosphere::StoredLens) -> String {
///     format!("{} ({} to {})", lens.uri, lens.record.source_schema, lens.record.target_schema)
/// }
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct StoredLens {
    /// The address.
    pub uri: String,
    /// What the record says.
    pub record: LensRecord,
}

fn read(view: &View, row: &Row) -> Result<StoredLens> {
    let uri = view.uri(row).to_string();
    let record = LensRecord::from_json(&view.value(row)?).context("url", &uri)?;
    Ok(StoredLens { uri, record })
}

impl AtmosphereIndex {
    /// Publishes a lens, and gives the address of its record. One that says the same and was published before is found.
    /// The time of the record is now, if it has none.
    ///
    /// # Errors
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) for what its lexicon does not allow; the repository cannot be written.
    pub async fn publish_lens(&self, lens: &LensRecord) -> Result<String> {
        self.check_writable()?;
        let (profile, atmosphere, lens) = (self.profile(), self.atmosphere.clone(), lens.clone());
        let name = lens.name.clone();
        let change = self.repository.change(&self.atmosphere, &LENSES, move |view| {
            for row in view.table(RecordKind::Lens)?.named(&lens.name) {
                let stored = read(view, row)?;
                // Whenever it was said.
                if (LensRecord { created_at: lens.created_at, ..stored.record }) == lens {
                    return Ok(Plan::new(Vec::new(), |_| Ok(stored.uri)));
                }
            }
            let mut draft = Draft::new(view, profile, &atmosphere.inner.tids);
            let uri = draft.create_lens(lens.clone())?.to_string();
            Ok(Plan::new(draft.finish(), |_| Ok(uri)))
        });
        change.await.context("lens", name)
    }

    /// Finds a lens by the address of its record, in any repository, or the newest one of a name in this one.
    ///
    /// # Errors
    /// [`NotFound`](atdata_core::ErrorKind::NotFound), or [`Corrupt`](atdata_core::ErrorKind::Corrupt) for a record that is
    /// none of a lens.
    pub async fn get_lens(&self, reference: &str) -> Result<StoredLens> {
        if reference.starts_with(AtUri::PREFIX) {
            let fetched = self.fetch(&record_address(reference)?).await?;
            let uri = fetched.uri.to_string();
            let record = LensRecord::from_json(&fetched.value).context("url", &uri)?;
            return Ok(StoredLens { uri, record });
        }
        let view = self.view(&LENSES).await?;
        let named = view.table(RecordKind::Lens)?.named(reference);
        let newest = named.max_by_key(|row| (row.created, row.rkey.clone()));
        let newest =
            newest.ok_or_else(|| Error::not_found("the index has no such lens").with("lens", reference))?;
        read(&view, newest)
    }

    /// All lenses whose name begins with `prefix`, by name and age.
    pub fn list_lenses(&self, prefix: &str) -> BoxStream<'_, Result<StoredLens>> {
        let prefix = prefix.to_owned();
        let lenses = async move {
            let view = match self.view(&LENSES).await {
                Ok(view) => view,
                Err(error) => return stream::iter(vec![Err(error)]),
            };
            let table = match view.table(RecordKind::Lens) {
                Ok(table) => table,
                Err(error) => return stream::iter(vec![Err(error)]),
            };
            let rows = table.from(&prefix).take_while(|row| row.name.starts_with(&prefix));
            stream::iter(rows.map(|row| read(&view, row)).collect::<Vec<_>>())
        };
        stream::once(lenses).flatten().boxed()
    }
}
