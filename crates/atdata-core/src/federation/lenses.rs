//! Lenses of all indexes.

use futures::StreamExt;
use futures::stream::BoxStream;

use super::entry::mounted_reference;
use super::merge::merged;
use super::route::{Place, Route};
use super::{Federation, SchemaRef};
use crate::lens::LensRef;
use crate::{Result, ResultExt, StoredLens};

/// A lens of a mounted index: its schemas are those of that index.
fn mounted(mount: &str, mut stored: StoredLens) -> StoredLens {
    if let Ok(LensRef::Named { authority, name, version }) = stored.reference.parse()
        && authority == LensRef::LOCAL
    {
        let outside = LensRef::Named { authority: mount.to_owned(), name, version };
        stored.reference = outside.to_string();
    }
    for schema in [&mut stored.record.source_schema, &mut stored.record.view_schema] {
        *schema = mounted_reference(mount, schema);
    }
    stored
}

/// Name and version of a lens in the index that has it.
fn inside(reference: &LensRef) -> String {
    match reference {
        LensRef::Named { name, version: Some(version), .. } => format!("{name}@{version}"),
        LensRef::Named { name, .. } => name.clone(),
        LensRef::Record(uri) => uri.to_string(),
    }
}

impl Federation {
    pub(super) async fn find_lens(&self, reference: &str) -> Result<StoredLens> {
        // As with datasets a mounted index, or `local`, may stand before the name.
        let mount = reference
            .split_once('/')
            .filter(|(mount, _)| *mount == SchemaRef::LOCAL || self.mounts.contains_key(*mount));
        let parsed: LensRef = match mount {
            Some((mount, name)) => format!("atdata://{mount}/lens/{name}").parse()?,
            None => reference.parse()?,
        };
        let name = inside(&parsed);
        let account = match &parsed {
            LensRef::Record(uri) => &uri.authority,
            LensRef::Named { authority, .. } if authority == LensRef::LOCAL => {
                return self.local.get_lens(if mount.is_some() { &name } else { reference }).await;
            }
            LensRef::Named { authority, .. } => authority,
        };
        if let Some((mount, index)) = self.mounts.get_key_value(account) {
            return Ok(mounted(mount, index.get_lens(&name).await.context("mount", mount)?));
        }
        let route = Route { place: Place::Account(account), name: &name, whole: reference };
        let (index, inside) = self.follow(route).await?;
        index.get_lens(inside).await
    }

    pub(super) fn all_lenses(&self, prefix: &str) -> BoxStream<'_, Result<StoredLens>> {
        let mut all = vec![self.local.list_lenses(prefix)];
        for (mount, index) in &self.mounts {
            let lenses = index.list_lenses(prefix);
            all.push(lenses.map(|stored| Ok(mounted(mount, stored?))).boxed());
        }
        merged(all, |a, b| (&a.record.name, &a.record.version).cmp(&(&b.record.name, &b.record.version)))
    }
}
