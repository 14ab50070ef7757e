//! Other indexes beside the one that was asked for: `--mount NAME=ADDRESS`.

use atdata::url::redact;
use atdata::{DatasetRef, Error, Result};

/// What is mounted, as it was typed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Mounts(Vec<String>);

impl Mounts {
    pub(crate) fn new(mounts: &[String]) -> Self {
        Self(mounts.iter().filter(|mount| !mount.trim().is_empty()).cloned().collect())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names and addresses.
    pub(crate) fn all(&self) -> impl Iterator<Item = Result<(&str, &str)>> {
        self.0.iter().map(|mount| {
            mount.split_once('=').filter(|(_, address)| !address.is_empty()).ok_or_else(|| {
                Error::invalid("an index is mounted with NAME=ADDRESS").with("mount", redact(mount))
            })
        })
    }

    /// Whether a reference leads to a mounted index, and not to the network.
    pub(crate) fn lead(&self, reference: &str) -> bool {
        let mut names = self.0.iter().filter_map(|mount| mount.split_once('=')).map(|(name, _)| name);
        let authority = match DatasetRef::parse(reference) {
            Ok(DatasetRef { authority: Some(authority), .. }) => authority,
            Ok(parsed) => match parsed.name.split_once('/') {
                Some((first, _)) => first.to_owned(),
                None => return false,
            },
            Err(_) => return false,
        };
        names.any(|name| name == authority)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_to_what_is_mounted_are_known() {
        let mounts = Mounts::new(&["team=redis://h".to_owned(), String::new()]);
        for reference in ["team/digits", "@team/digits@1", "atdata://team/dataset/digits"] {
            assert!(mounts.lead(reference), "{reference}");
        }
        for reference in
            ["digits", "team", "teams/digits", "@alice.test/digits", "at://team/c/r", "./team/digits"]
        {
            assert!(!mounts.lead(reference), "{reference}");
        }
        assert_eq!(mounts.all().map(Result::unwrap).collect::<Vec<_>>(), [("team", "redis://h")]);
        let error = Mounts::new(&["redis://a:secret@h".to_owned()]).all().next().unwrap().unwrap_err();
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
