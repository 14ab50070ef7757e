//! Several indexes under one roof: [`Federation`].

mod entry;
mod lenses;
mod merge;
mod route;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;

use self::entry::Mounted;
use self::merge::merged;
use self::route::{Place, Route};
use crate::lens::LensRecord;
use crate::schema::{SampleSchema, SchemaRef};
use crate::{
    DatedLabel, Error, Index, IndexEntry, Label, NewDataset, Result, ResultExt, SchemaSpec, StoredLens,
    StoredSchema,
};

/// Where accounts have indexes of their own: the AT Protocol, for instance.
///
/// ```
/// use std::sync::Arc;
/// use async_trait::async_trait;
/// use atdata_core::{Error, Federation, Index, MemoryIndex, Network, Result};
///
/// /// A network of one.
/// #[derive(Debug)]
/// struct Village(Arc<dyn Index>);
///
/// #[async_trait]
/// impl Network for Village {
///     async fn repository(&self, account: &str) -> Result<Arc<dyn Index>> {
///         match account {
///             "alice.example" => Ok(self.0.clone()),
///             _ => Err(Error::not_found("nobody has this name").with("account", account)),
///         }
///     }
/// }
///
/// let village = Village(Arc::new(MemoryIndex::new()));
/// let federation = Federation::new(MemoryIndex::new()).with_network(village);
/// ```
#[async_trait]
pub trait Network: fmt::Debug + Send + Sync + 'static {
    /// The index of an account, by its handle or DID.
    ///
    /// # Errors
    /// [`NotFound`](crate::ErrorKind::NotFound) if there is no such account.
    async fn repository(&self, account: &str) -> Result<Arc<dyn Index>>;
}

/// A local index, others that are mounted under names, and a network: one [`Index`] over all of them.
///
/// A reference goes, the first rule that fits, to
///
/// | Reference | Place |
/// |---|---|
/// | `at://…` | the network, as the address of a record |
/// | `@X/name` | the mounted index `X`, or else the network's account `X` |
/// | `atdata://X/…/name` | `local`, the mounted index `X`, or else the network's account `X`; the last segment is the name |
/// | `X/name` where `X` is `local` or mounted | that index |
/// | anything else, slashes included | the local index |
///
/// These are the rules of Python 0.7. A version may follow each of them (`@1.0.0`).
///
/// What comes from a mounted index has its name in front: the dataset `digits` of `team` is `team/digits`, and a schema that is
/// local there has a reference `atdata://team/…`; both are understood here. Datasets, schemas, labels and lenses of all mounted
/// indexes are listed, in one order; the network is not listed. Names of the local index that begin with the name of a mounted one and
/// a slash stand for nothing here, and are not listed.
///
/// A label leads to an entry of its own index. Schemas are published in the local one, unless they come with a
/// dataset.
///
/// ```
/// use atdata_core::{Federation, Index, IndexExt, MemoryIndex, NewDataset};
///
/// # futures::executor::block_on(async {
/// let (laptop, team) = (MemoryIndex::new(), MemoryIndex::new());
/// team.insert_dataset(NewDataset::new("digits", "Digit@1.0.0", vec!["a.tar".into()]).with_version("2")).await?;
///
/// let index = Federation::new(laptop).with_mount("team", team)?;
/// for reference in ["team/digits", "@team/digits@2", "atdata://team/dataset/digits"] {
///     assert_eq!(index.get_dataset(reference).await?.data_urls(), ["a.tar"]);
/// }
/// assert!(index.get_dataset("digits").await.is_err());
/// assert_eq!(index.count_datasets().await?, 1);
/// # Ok::<(), atdata_core::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Debug)]
pub struct Federation {
    local: Arc<dyn Index>,
    mounts: BTreeMap<String, Arc<dyn Index>>,
    network: Option<Arc<dyn Network>>,
}

impl Federation {
    /// Nothing but a local index.
    pub fn new(local: impl Index) -> Self {
        Self { local: Arc::new(local), mounts: BTreeMap::new(), network: None }
    }

    /// Mounts an index under a name.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for a name that is empty, `local`, begins with `@` or `_` or contains a slash, a colon or
    /// a control character; [`AlreadyExists`](crate::ErrorKind::AlreadyExists) if it is taken.
    pub fn with_mount(mut self, name: impl Into<String>, index: impl Index) -> Result<Self> {
        let name = name.into();
        let is_odd = |c: char| c.is_control() || matches!(c, '/' | ':');
        if name.is_empty()
            || name == SchemaRef::LOCAL
            || name.starts_with(['@', '_'])
            || name.contains(is_odd)
        {
            let message = "this cannot be the name of a mounted index: it is empty, \"local\", begins with @ or _, or has \
                           a slash, a colon or a control character";
            return Err(Error::invalid(message).with("mount", name.escape_debug()));
        }
        if self.mounts.contains_key(&name) {
            return Err(Error::already_exists("an index is mounted under this name").with("mount", name));
        }
        self.mounts.insert(name, Arc::new(index));
        Ok(self)
    }

    /// Sets the network.
    #[must_use]
    pub fn with_network(mut self, network: impl Network) -> Self {
        self.network = Some(Arc::new(network));
        self
    }

    /// The local index.
    pub fn local(&self) -> &Arc<dyn Index> {
        &self.local
    }

    /// A mounted index.
    pub fn mounted(&self, name: &str) -> Option<&Arc<dyn Index>> {
        self.mounts.get(name)
    }

    /// Whether a reference to a dataset leads to a mounted index.
    pub fn is_mounted(&self, reference: &str) -> bool {
        self.route(reference).is_ok_and(|route| matches!(route.place, Place::Mounted(_)))
    }

    /// The index that a route leads to, and the reference to be looked for in it.
    async fn follow<'a>(&self, route: Route<'a>) -> Result<(Arc<dyn Index>, &'a str)> {
        match route.place {
            Place::Local => Ok((self.local.clone(), route.name)),
            Place::Mounted(mount) => Ok((self.mount(mount)?.clone(), route.name)),
            Place::Account(account) => match &self.network {
                Some(network) => {
                    Ok((network.repository(account).await.context("name", route.whole)?, route.name))
                }
                // One on the network knows others of it by itself.
                None => Ok((self.local.clone(), route.whole)),
            },
        }
    }

    fn mount(&self, name: &str) -> Result<&Arc<dyn Index>> {
        self.mounted(name)
            .ok_or_else(|| Error::not_found("no index is mounted under this name").with("mount", name))
    }

    /// Whether a name of the local index stands for something else here.
    fn is_shadowed(&self, name: &str) -> bool {
        let is_shadowed = name.split_once('/').is_some_and(|(mount, _)| self.mounts.contains_key(mount));
        if is_shadowed {
            tracing::warn!(name, "a local name begins with the name of a mounted index, and is not listed");
        }
        is_shadowed
    }

    /// Lists all indexes whose names may begin with `prefix`: each with its name and what is left of the prefix.
    fn listed<'a, 'p>(&'a self, prefix: &'p str) -> impl Iterator<Item = (&'a str, &'a dyn Index, &'p str)> {
        self.mounts.iter().filter_map(move |(mount, index)| {
            let inside = match prefix.strip_prefix(&**mount) {
                Some("") => "",
                Some(rest) => rest.strip_prefix('/')?,
                None if mount.starts_with(prefix) => "",
                None => return None,
            };
            Some((&**mount, &**index, inside))
        })
    }

    /// What a schema's reference means in a mounted index.
    fn schema_route(&self, reference: &str) -> Result<SchemaPlace<'_>> {
        let parsed: SchemaRef = reference.parse()?;
        Ok(match parsed {
            SchemaRef::Record(uri) => {
                SchemaPlace::Account { account: uri.authority, inside: reference.to_owned() }
            }
            SchemaRef::Named { authority, name, version } if authority != SchemaRef::LOCAL => {
                let inside = match version {
                    Some(version) => format!("{name}@{version}"),
                    None => name,
                };
                match self.mounts.get_key_value(&authority) {
                    Some((mount, index)) => SchemaPlace::Mounted { mount, index, inside },
                    None => SchemaPlace::Account { account: authority, inside },
                }
            }
            SchemaRef::Named { .. } => SchemaPlace::Local,
        })
    }
}

enum SchemaPlace<'a> {
    Local,
    Mounted { mount: &'a str, index: &'a Arc<dyn Index>, inside: String },
    Account { account: String, inside: String },
}

/// A name, with that of the mounted index that has it.
fn qualified(mount: &str, name: &str) -> String {
    format!("{mount}/{name}")
}

/// A label of a mounted index.
fn mounted_label(mount: &str, mut label: Label) -> Label {
    label.name = qualified(mount, &label.name);
    label
}

fn mounted_schema(mount: &str, mut stored: StoredSchema) -> StoredSchema {
    stored.reference = entry::mounted_reference(mount, &stored.reference);
    stored
}

#[async_trait]
impl Index for Federation {
    async fn insert_dataset(&self, mut new: NewDataset) -> Result<Arc<dyn IndexEntry>> {
        // A name is not a reference, except that it may begin with the name of a mounted index.
        new.validate()?;
        let name = std::mem::take(&mut new.name);
        let route = self.route(&name)?;
        let place = route.place;
        if let SchemaSpec::Ref(reference) = &new.schema
            && let SchemaPlace::Mounted { mount, inside, .. } = self.schema_route(reference)?
            && matches!(place, Place::Mounted(target) if target == mount)
        {
            new.schema = SchemaSpec::Ref(entry::local_reference(reference, &inside));
        }
        let (index, inside) = self.follow(route).await?;
        new.name = inside.to_owned();
        let entry = index.insert_dataset(new).await?;
        Ok(Mounted::wrapped(place, entry))
    }

    async fn get_dataset(&self, reference: &str) -> Result<Arc<dyn IndexEntry>> {
        let route = self.route(reference)?;
        let place = route.place;
        let (index, inside) = self.follow(route).await?;
        Ok(Mounted::wrapped(place, index.get_dataset(inside).await?))
    }

    fn list_datasets(&self, prefix: &str) -> BoxStream<'_, Result<Arc<dyn IndexEntry>>> {
        let local = self.local.list_datasets(prefix).filter(|entry| {
            std::future::ready(!entry.as_ref().is_ok_and(|entry| self.is_shadowed(entry.name())))
        });
        let mut all = vec![local.boxed()];
        for (mount, index, inside) in self.listed(prefix) {
            let entries = index.list_datasets(inside);
            all.push(entries.map(|entry| Ok(Mounted::wrapped(Place::Mounted(mount), entry?))).boxed());
        }
        merged(all, |a, b| a.name().cmp(b.name()))
    }

    async fn publish_schema(&self, schema: &SampleSchema) -> Result<String> {
        self.local.publish_schema(schema).await
    }

    async fn get_schema(&self, reference: &str) -> Result<StoredSchema> {
        match self.schema_route(reference)? {
            SchemaPlace::Mounted { mount, index, inside } => {
                Ok(mounted_schema(mount, index.get_schema(&inside).await.context("mount", mount)?))
            }
            SchemaPlace::Account { account, inside } if self.network.is_some() => {
                let route = Route { place: Place::Account(&account), name: &inside, whole: reference };
                let (index, inside) = self.follow(route).await?;
                index.get_schema(inside).await
            }
            SchemaPlace::Local | SchemaPlace::Account { .. } => self.local.get_schema(reference).await,
        }
    }

    fn list_schemas(&self, prefix: &str) -> BoxStream<'_, Result<StoredSchema>> {
        let mut all = vec![self.local.list_schemas(prefix)];
        for (mount, index) in &self.mounts {
            let schemas = index.list_schemas(prefix);
            all.push(schemas.map(|stored| Ok(mounted_schema(mount, stored?))).boxed());
        }
        merged(all, |a, b| (&a.schema.name, &a.schema.version).cmp(&(&b.schema.name, &b.schema.version)))
    }

    async fn set_label(&self, label: &Label) -> Result<()> {
        label.validate()?;
        let (index, inside) = self.follow(self.route(&label.name)?).await?;
        let inside = inside.to_owned();
        index.set_label(&Label { name: inside, ..label.clone() }).await
    }

    async fn set_older_label(&self, label: &Label) -> Result<()> {
        label.validate()?;
        let (index, inside) = self.follow(self.route(&label.name)?).await?;
        let inside = inside.to_owned();
        index.set_older_label(&Label { name: inside, ..label.clone() }).await
    }

    async fn get_label(&self, name: &str, version: Option<&str>) -> Result<Label> {
        let route = self.route(name)?;
        let place = route.place;
        let (index, inside) = self.follow(route).await?;
        let label = index.get_label(inside, version).await?;
        Ok(place.mount().map_or(label.clone(), |mount| mounted_label(mount, label)))
    }

    fn list_labels(&self, prefix: &str) -> BoxStream<'_, Result<Label>> {
        let local = self.local.list_labels(prefix).filter(|label| {
            std::future::ready(!label.as_ref().is_ok_and(|label| self.is_shadowed(&label.name)))
        });
        let mut all = vec![local.boxed()];
        for (mount, index, inside) in self.listed(prefix) {
            let labels = index.list_labels(inside);
            all.push(labels.map(|label| Ok(mounted_label(mount, label?))).boxed());
        }
        merged(all, |a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)))
    }

    async fn label_history(&self, name: &str) -> Result<Vec<DatedLabel>> {
        let route = self.route(name)?;
        let place = route.place;
        let (index, inside) = self.follow(route).await?;
        let mut history = index.label_history(inside).await?;
        if let Some(mount) = place.mount() {
            for dated in &mut history {
                dated.label.name = qualified(mount, &dated.label.name);
            }
        }
        Ok(history)
    }

    async fn delete_label(&self, name: &str, version: &str) -> Result<()> {
        let (index, inside) = self.follow(self.route(name)?).await?;
        index.delete_label(inside, version).await
    }

    /// Of the local index.
    fn owner(&self) -> Option<&str> {
        self.local.owner()
    }

    /// What the local index says.
    fn is_public(&self) -> bool {
        self.local.is_public()
    }

    /// In the local index, as schemas.
    async fn publish_lens(&self, lens: &LensRecord) -> Result<String> {
        self.local.publish_lens(lens).await
    }

    async fn get_lens(&self, reference: &str) -> Result<StoredLens> {
        self.find_lens(reference).await
    }

    fn list_lenses(&self, prefix: &str) -> BoxStream<'_, Result<StoredLens>> {
        self.all_lenses(prefix)
    }
}
