//! Where the index of a shard is, and reading it from there.

use bytes::Bytes;
use futures::StreamExt;

use super::format::Header;
use crate::url::ShardUrl;
use crate::{Error, Result, ShardBody};

/// What the name of an index adds to the name of its shard.
pub const INDEX_SUFFIX: &str = ".idx";

/// The address of a shard's index: [`INDEX_SUFFIX`] after the shard's path, before the query of a web address.
///
/// ```
/// use atdata_core::shard_index::index_address;
///
/// assert_eq!(index_address("/data/a.tar"), "/data/a.tar.idx");
/// assert_eq!(index_address("https://host.test/a.tar?version=2"), "https://host.test/a.tar.idx?version=2");
/// ```
pub fn index_address(shard: &str) -> String {
    let is_web = ShardUrl::parse(shard).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
    let end = if is_web { shard.find(['?', '#']) } else { None };
    let (path, query) = shard.split_at_checked(end.unwrap_or(shard.len())).unwrap_or((shard, ""));
    format!("{path}{INDEX_SUFFIX}{query}")
}

/// Reads a sidecar that a backend has opened at [`index_address`]; `None` if there was none. What a backend's
/// `open_index` needs beyond its own `open`:
/// `read_sidecar(self.open(&index_address(url)).await).await`.
///
/// No more is read than the index itself says it has.
///
/// # Errors
/// Opening failed with anything but [`NotFound`](crate::ErrorKind::NotFound); reading fails;
/// [`Corrupt`](crate::ErrorKind::Corrupt) if it is no index or goes on after its end.
pub async fn read_sidecar(opened: Result<ShardBody>) -> Result<Option<Bytes>> {
    let body = match opened {
        Ok(body) => body,
        Err(error) if error.is_not_found() => return Ok(None),
        Err(error) => return Err(error),
    };
    if let Some(bytes) = body.as_resident() {
        return Ok(Some(bytes.clone()));
    }
    let mut chunks = body.into_chunks();
    let (mut bytes, mut header) = (Vec::new(), None);
    while let Some(chunk) = chunks.next().await {
        bytes.extend_from_slice(&chunk?);
        if header.is_none() {
            header = Header::parse(&bytes)?;
        }
        if header.as_ref().is_some_and(|header| bytes.len() as u64 > header.index_len()) {
            return Err(Error::corrupt("the index goes on after its end"));
        }
    }
    Ok(Some(bytes.into()))
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::stream;

    use super::*;
    use crate::ErrorKind;
    use crate::shard_index::{ShardIndex, ShardIndexBuilder};

    fn streamed(chunks: Vec<Bytes>) -> Result<ShardBody> {
        Ok(ShardBody::stream(None, stream::iter(chunks.into_iter().map(Ok)).boxed()))
    }

    #[test]
    fn only_web_addresses_have_a_query() {
        for (shard, index) in [
            ("a.tar", "a.tar.idx"),
            ("what?.tar", "what?.tar.idx"),
            ("s3://bucket/a?b.tar", "s3://bucket/a?b.tar.idx"),
            ("http://h.test/a.tar#x", "http://h.test/a.tar.idx#x"),
            ("HTTPS://h.test/a.tar?x#y", "HTTPS://h.test/a.tar.idx?x#y"),
        ] {
            assert_eq!(index_address(shard), index);
        }
    }

    #[test]
    fn a_sidecar_is_read_in_whatever_pieces_it_comes() {
        let index = ShardIndexBuilder::default().finish(1024, None).unwrap();
        let pieces = index.to_bytes().chunks(7).map(Bytes::copy_from_slice).collect();
        let read = block_on(read_sidecar(streamed(pieces))).unwrap().unwrap();
        assert_eq!(ShardIndex::from_bytes(read).unwrap(), index);
    }

    #[test]
    fn one_that_is_not_there_is_none_and_other_failures_are_errors() {
        assert_eq!(block_on(read_sidecar(Err(Error::not_found("gone")))).unwrap(), None);
        let error = block_on(read_sidecar(Err(Error::unavailable("busy")))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }

    #[test]
    fn a_page_instead_of_an_index_and_an_endless_index_are_corrupt() {
        let index = ShardIndexBuilder::default().finish(1024, None).unwrap().to_bytes();
        let endless = stream::repeat(index).map(Ok).boxed();
        for body in [streamed(vec!["<html>".into()]), Ok(ShardBody::stream(None, endless))] {
            assert_eq!(block_on(read_sidecar(body)).unwrap_err().kind(), ErrorKind::Corrupt);
        }
    }
}
