//! Schemas.

use atdata_core::schema::{Profile, SampleSchema, SchemaRef, check_republication, diff};
use atdata_core::{Error, Result, ResultExt, StoredSchema};
use futures::StreamExt;
use futures::stream::{self, BoxStream};

use super::draft::Draft;
use super::find::{Fetched, after};
use super::{AtmosphereIndex, record_address};
use crate::records::{Collection, RecordKind, SchemaRecord};
use crate::repository::{Plan, Row, View};

/// What look-ups of schemas need.
const SCHEMAS: [RecordKind; 1] = [RecordKind::Schema];

/// Whether the readers of a profile find schemas in the collection of a record.
fn is_of(row: &Row, profile: Profile) -> bool {
    row.collection.nsid() == Collection::written(RecordKind::Schema, profile)
}

fn read(view: &View, row: &Row) -> Result<StoredSchema> {
    let uri = view.uri(row).to_string();
    let schema = SchemaRecord::from_json(&view.value(row)?).context("url", &uri)?.schema;
    Ok(StoredSchema::new(uri, schema))
}

/// The schema of this name, version and fields that the profile's readers find.
///
/// # Errors
/// [`Conflict`](atdata_core::ErrorKind::Conflict) with the difference if the version has other fields there.
pub(super) fn published(view: &View, profile: Profile, schema: &SampleSchema) -> Result<Option<String>> {
    let version = schema.version.to_string();
    let rows = view.table(RecordKind::Schema)?.named(&schema.name);
    let mut conflict = Ok(None);
    for row in rows.filter(|row| *row.version == *version && is_of(row, profile)) {
        let stored = read(view, row)?;
        match check_republication(&stored.schema, schema) {
            Ok(()) => return Ok(Some(stored.reference)),
            Err(error) => conflict = Err(error.with("url", stored.reference)),
        }
    }
    conflict
}

impl AtmosphereIndex {
    pub(super) async fn publish(&self, schema: &SampleSchema) -> Result<String> {
        schema.validate()?;
        self.check_writable()?;
        let (profile, atmosphere, schema) = (self.profile(), self.atmosphere.clone(), schema.clone());
        let change = self.repository.change(&self.atmosphere, &SCHEMAS, move |view| {
            let mut draft = Draft::new(view, profile, &atmosphere.inner.tids);
            let reference = draft.publish(&schema)?;
            Ok(Plan::new(draft.finish(), |_| Ok(reference)))
        });
        change.await
    }

    pub(super) async fn schema(&self, reference: &str) -> Result<StoredSchema> {
        let missing = || Error::not_found("the index has no such schema").with("schema", reference);
        let explained = |error: Error| match error.is_not_found() {
            true => missing().with_source(error),
            false => error.with("schema", reference),
        };
        match reference.parse::<SchemaRef>()? {
            SchemaRef::Record(_) => {
                let uri = record_address(reference)?;
                let Fetched { uri, value, .. } = self.fetch(&uri).await.map_err(explained)?;
                let schema = SchemaRecord::from_json(&value).context("url", &uri)?.schema;
                Ok(StoredSchema::new(uri.to_string(), schema))
            }
            SchemaRef::Named { authority, name, version } => {
                let index = match authority == SchemaRef::LOCAL {
                    true => self.clone(),
                    false => self.of(&authority).await.map_err(explained)?,
                };
                let view = index.view(&SCHEMAS).await.map_err(explained)?;
                let version = version.map(|version| version.to_string());
                let mut found: Option<(StoredSchema, bool, i64)> = None;
                for row in view.table(RecordKind::Schema)?.named(&name) {
                    if version.as_deref().is_some_and(|version| version != &*row.version) {
                        continue;
                    }
                    let (stored, own) = (read(&view, row)?, is_of(row, self.profile()));
                    let better = found.as_ref().is_none_or(|(best, best_own, created)| {
                        (&stored.schema.version, own, row.created)
                            >= (&best.schema.version, *best_own, *created)
                    });
                    if better {
                        found = Some((stored, own, row.created));
                    }
                }
                found.map(|(stored, ..)| stored).ok_or_else(missing)
            }
        }
    }

    /// The address of a schema's record, by a reference of any form.
    pub(super) async fn schema_address(&self, reference: &str) -> Result<String> {
        match reference.parse::<SchemaRef>() {
            // It needs not be there: it may be written later, or be on a server that does not answer now.
            Ok(SchemaRef::Record(_)) => record_address(reference).map(|_| reference.to_owned()),
            _ => Ok(self.schema(reference).await?.reference),
        }
    }

    /// All schemas whose name begins with `prefix`, by name and version. Of equal ones that several generations have, the
    /// one of the profile is listed.
    pub(super) async fn schemas(&self, prefix: &str) -> Result<BoxStream<'_, Result<StoredSchema>>> {
        let view = self.view(&SCHEMAS).await?;
        let (prefix, from) = (prefix.to_owned(), prefix.to_owned());
        let named = stream::unfold(Some((view, from)), move |state| {
            let prefix = prefix.clone();
            async move {
                let (view, from) = state?;
                match self.schemas_of_next(&view, &prefix, &from) {
                    Ok(Some((name, schemas))) => {
                        let schemas = schemas.into_iter().map(Ok).collect::<Vec<_>>();
                        Some((stream::iter(schemas), Some((view, after(name)))))
                    }
                    Ok(None) => None,
                    Err(error) => Some((stream::iter(vec![Err(error)]), None)),
                }
            }
        });
        Ok(named.flatten().boxed())
    }

    /// The schemas of the first name that is not before `from`.
    fn schemas_of_next(
        &self,
        view: &View,
        prefix: &str,
        from: &str,
    ) -> Result<Option<(String, Vec<StoredSchema>)>> {
        let table = view.table(RecordKind::Schema)?;
        let Some(first) = table.from(from).next().filter(|row| row.name.starts_with(prefix)) else {
            return Ok(None);
        };
        let mut rows: Vec<&Row> = table.named(&first.name).collect();
        rows.sort_by_key(|row| !is_of(row, self.profile()));
        let mut schemas: Vec<StoredSchema> = Vec::new();
        for row in rows {
            let stored = read(view, row)?;
            let is_known = schemas.iter().any(|known| {
                known.schema.version == stored.schema.version
                    && diff(&known.schema, &stored.schema).is_identical()
            });
            if !is_known {
                schemas.push(stored);
            }
        }
        schemas.sort_by(|a, b| a.schema.version.cmp(&b.schema.version));
        Ok(Some((first.name.to_string(), schemas)))
    }
}
