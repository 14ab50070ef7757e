//! Where a reference leads.

use super::Federation;
use crate::url::AtUri;
use crate::{Error, Result};

/// Whose a reference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<'a> {
    Local,
    /// The name under which the index is mounted.
    Mounted(&'a str),
    /// A handle or DID.
    Account(&'a str),
}

impl<'a> Place<'a> {
    pub(super) fn mount(self) -> Option<&'a str> {
        if let Self::Mounted(mount) = self { Some(mount) } else { None }
    }
}

/// A reference, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Route<'a> {
    pub(super) place: Place<'a>,
    /// What is looked for there.
    pub(super) name: &'a str,
    pub(super) whole: &'a str,
}

impl Federation {
    /// Where a reference to a dataset, or the name of a label, leads.
    pub(super) fn route<'a>(&self, reference: &'a str) -> Result<Route<'a>> {
        let missing = || Error::invalid("the reference has no name").with("name", reference);
        let parts = if let Some(rest) = reference.strip_prefix(AtUri::PREFIX) {
            let account = rest.split('/').next().unwrap_or_default();
            let route = Route { place: Place::Account(account), name: reference, whole: reference };
            return if account.is_empty() { Err(missing()) } else { Ok(route) };
        } else if let Some(rest) = reference.strip_prefix('@') {
            Some(rest.split_once('/').ok_or_else(missing)?)
        } else if let Some(rest) = reference.strip_prefix("atdata://") {
            let (authority, path) = rest.split_once('/').ok_or_else(missing)?;
            Some((authority, path.rsplit('/').next().unwrap_or_default()))
        } else {
            let known = |(prefix, _): &(&str, &str)| *prefix == "local" || self.mounts.contains_key(*prefix);
            reference.split_once('/').filter(known)
        };
        let (place, name) = match parts {
            None => (Place::Local, reference),
            Some(("", _)) => return Err(missing()),
            Some(("local", name)) => (Place::Local, name),
            Some((mount, name)) if self.mounts.contains_key(mount) => (Place::Mounted(mount), name),
            Some((account, name)) => (Place::Account(account), name),
        };
        if name.is_empty() {
            return Err(missing());
        }
        Ok(Route { place, name, whole: reference })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::MemoryIndex;

    #[test]
    fn the_first_rule_that_fits_counts() {
        let federation = Federation::new(MemoryIndex::new()).with_mount("team", MemoryIndex::new()).unwrap();
        let at = "at://did:plc:a/science.alt.dataset.entry/3k";
        for (reference, place, name) in [
            (at, Place::Account("did:plc:a"), at),
            ("@team/digits", Place::Mounted("team"), "digits"),
            ("@local/digits", Place::Local, "digits"),
            ("@alice.test/digits@1", Place::Account("alice.test"), "digits@1"),
            ("@alice.test/a/b", Place::Account("alice.test"), "a/b"),
            ("atdata://local/dataset/digits", Place::Local, "digits"),
            ("atdata://team/x/y/digits@2", Place::Mounted("team"), "digits@2"),
            ("atdata://did:plc:a/digits", Place::Account("did:plc:a"), "digits"),
            ("team/a/b", Place::Mounted("team"), "a/b"),
            ("local/team/a", Place::Local, "team/a"),
            ("team", Place::Local, "team"),
            ("teams/a", Place::Local, "teams/a"),
            ("other/a", Place::Local, "other/a"),
        ] {
            let route = federation.route(reference).unwrap();
            assert_eq!((route.place, route.name), (place, name), "{reference}");
        }
        for reference in
            ["@team", "@", "@/x", "@team/", "atdata://team", "atdata:///x", "team/", "local/", "at://"]
        {
            let error = federation.route(reference).unwrap_err();
            assert!(error.message().contains("no name"), "{reference}: {error}");
        }
    }
}
