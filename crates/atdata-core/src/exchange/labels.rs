//! Labels: what versions lead to.

use std::sync::Arc;

use futures::TryStreamExt;

use super::carry::found;
use crate::{Index, IndexEntry, Label, Result};

/// The labels of a name that have a version.
pub(super) async fn versions_of(index: &dyn Index, name: &str) -> Result<Vec<Label>> {
    let mut labels = Vec::new();
    let mut listing = index.list_labels(name);
    // They are listed by name: those of longer names come behind.
    while let Some(label) = listing.try_next().await?.filter(|label| label.name == name) {
        if !label.version.is_empty() {
            labels.push(label);
        }
    }
    Ok(labels)
}

/// The entry that a label leads to: that of its own name, if there is one.
pub(super) async fn entry_of(index: &dyn Index, label: &Label) -> Result<Option<Arc<dyn IndexEntry>>> {
    let reference = match label.version.as_str() {
        "" => label.name.clone(),
        version => format!("{}@{version}", label.name),
    };
    match found(index.get_dataset(&reference).await)? {
        Some(entry) if entry.cid() == Some(&label.cid) => Ok(Some(entry)),
        _ => found(index.get_dataset(&label.cid).await),
    }
}

/// The entry that an index has of a name, whatever the name stands for.
pub(super) async fn own_entry(index: &dyn Index, name: &str) -> Result<Option<Arc<dyn IndexEntry>>> {
    match found(index.get_dataset(name).await)? {
        Some(entry) if entry.name() != name => {
            // The name alone comes before all that begin with it.
            let first = index.list_datasets(name).try_next().await?;
            Ok(first.filter(|entry| entry.name() == name))
        }
        found => Ok(found),
    }
}

/// Whether a name is to stand for what a label leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// From now on.
    Latest,
    /// It goes on standing for what it stands for.
    Older,
}

/// Sets a label unless it is so already. Says whether it was set.
pub(super) async fn set(index: &dyn Index, label: &Label, age: Age, dry_run: bool) -> Result<bool> {
    let there = found(index.get_label(&label.name, Some(&label.version)).await)?;
    let is_set = there.is_some_and(|there| there.cid == label.cid && there.description == label.description);
    if !is_set && !dry_run {
        match age {
            Age::Latest => index.set_label(label).await?,
            Age::Older => index.set_older_label(label).await?,
        }
    }
    Ok(!is_set)
}

/// Makes a name stand for an entry, whatever was labelled last.
pub(super) async fn settle(index: &dyn Index, name: &str, cid: &str) -> Result<()> {
    let last = found(index.get_label(name, None).await)?;
    match last.is_some_and(|label| label.cid == cid) {
        true => Ok(()),
        false => index.set_label(&Label::new(name, cid)).await,
    }
}

/// The label of a source, as it is to be in the target.
pub(super) fn relabelled(label: &Label, name: &str, cid: &str) -> Label {
    let mut new = Label::new(name, cid).with_version(&label.version);
    new.description.clone_from(&label.description);
    new
}
