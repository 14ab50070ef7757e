//! Which entries are a stranger's word, and what a record must not say.

use atdata_core::url::{ShardUrl, redact};
use atdata_core::{Error, IndexEntry, Result};

use super::entry::AtmosphereEntry;
use crate::Atmosphere;

impl Atmosphere {
    /// Says whose word the addresses of an entry are. Those of other accounts, and paths whoever wrote them, are read only
    /// from where strangers may point: unless the user allowed files, who then knows who writes here.
    pub(super) fn judged(&self, entry: AtmosphereEntry) -> AtmosphereEntry {
        let own = self.did() == Some(&entry.did);
        let doubtful = !own || entry.data_urls().iter().any(|url| is_local(url));
        let foreign = doubtful && !self.inner.options.local_files;
        entry.with_foreign(foreign)
    }

    /// Checks what is about to become public.
    pub(super) fn check_public(&self, urls: &[String]) -> Result<()> {
        for url in urls {
            if is_local(url) && !self.inner.options.local_files {
                return Err(Error::invalid(
                    "a file of this machine cannot be read by others: write the shards to a store that they can reach",
                )
                .with("url", url));
            }
            if redact(url) != *url {
                return Err(Error::invalid("the address has credentials in it, and a record is public")
                    .with("url", redact(url)));
            }
        }
        Ok(())
    }
}

fn is_local(url: &str) -> bool {
    // What is no address at all is read as a path.
    !matches!(ShardUrl::parse(url), Ok(ShardUrl::Url { .. }))
}
