//! Entries of mounted indexes.

use std::sync::Arc;

use super::qualified;
use super::route::Place;
use crate::schema::{Profile, SchemaRef};
use crate::{IndexEntry, Map};

/// An entry of a mounted index, as it is called from outside.
#[derive(Debug)]
pub(super) struct Mounted {
    name: String,
    schema_ref: String,
    entry: Arc<dyn IndexEntry>,
}

impl Mounted {
    /// Gives the entry of a mounted index its name, and leaves others as they are.
    pub(super) fn wrapped(place: Place<'_>, entry: Arc<dyn IndexEntry>) -> Arc<dyn IndexEntry> {
        match place.mount() {
            Some(mount) => Arc::new(Self {
                name: qualified(mount, entry.name()),
                schema_ref: mounted_reference(mount, entry.schema_ref()),
                entry,
            }),
            None => entry,
        }
    }
}

impl IndexEntry for Mounted {
    fn name(&self) -> &str {
        &self.name
    }
    fn schema_ref(&self) -> &str {
        &self.schema_ref
    }
    fn data_urls(&self) -> &[String] {
        self.entry.data_urls()
    }
    fn metadata(&self) -> Option<&Map> {
        self.entry.metadata()
    }
    fn cid(&self) -> Option<&str> {
        self.entry.cid()
    }
    fn uri(&self) -> Option<&str> {
        self.entry.uri()
    }
    fn is_foreign(&self) -> bool {
        self.entry.is_foreign()
    }
}

/// The form of 0.7, if the reference has it; that of 0.2 otherwise.
fn profile_of(reference: &str) -> Profile {
    match reference.starts_with("atdata://") && reference.contains("/schema/") {
        true => Profile::Latest,
        false => Profile::Seed,
    }
}

/// What a schema's reference in a mounted index is called from outside.
pub(super) fn mounted_reference(mount: &str, reference: &str) -> String {
    match reference.parse() {
        Ok(SchemaRef::Named { authority, name, version }) if authority == SchemaRef::LOCAL => {
            let outside = SchemaRef::Named { authority: mount.to_owned(), name, version };
            outside.to_text(profile_of(reference))
        }
        _ => reference.to_owned(),
    }
}

/// The way back: `name` is that of the schema, with its version.
pub(super) fn local_reference(reference: &str, name: &str) -> String {
    match name.parse::<SchemaRef>() {
        Ok(local) => local.to_text(profile_of(reference)),
        Err(_) => name.to_owned(),
    }
}
