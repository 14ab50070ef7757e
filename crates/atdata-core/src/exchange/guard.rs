//! What must not become public.

use crate::url::{ShardUrl, redact};
use crate::{Error, Index, IndexEntry, Result};

/// Checks that an entry's addresses may be said in the target, if they are kept.
pub(super) fn check_addresses(entry: &dyn IndexEntry, target: &dyn Index) -> Result<()> {
    if !target.is_public() {
        return Ok(());
    }
    for url in entry.data_urls() {
        let why = if !matches!(ShardUrl::parse(url), Ok(ShardUrl::Url { .. })) {
            "it is a file of this machine, which others cannot read"
        } else if redact(url) != *url {
            "it has credentials in it"
        } else {
            continue;
        };
        return Err(Error::invalid(format!(
            "the target is public, and an address of the source must not be said there: {why}; the shards have to be copied to a store that others can read"
        ))
        .with("url", redact(url)));
    }
    Ok(())
}

/// What may be said of where the source is.
pub(super) fn origin_for(origin: &str, target: &dyn Index) -> Option<String> {
    let is_network = ["at://", "https://"].iter().any(|scheme| origin.starts_with(scheme));
    (is_network || !target.is_public()).then(|| redact(origin))
}
