//! [`S3Objects`]: one request for the bytes of an object, one answer.

use std::sync::Arc;

use async_trait::async_trait;
use atdata_core::remote::{Get, ObjectBody, ObjectClient, ObjectInfo, Validator};
use atdata_core::{Error, ErrorKind, Result};
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};

use crate::address::Address;
use crate::connection::{Connection, once};
use crate::error::from_sdk;

/// Reads objects. Nothing is repeated here: who asks does that.
#[derive(Clone, Debug)]
pub(crate) struct S3Objects {
    connection: Connection,
}

impl S3Objects {
    pub(crate) fn new(connection: Connection) -> Self {
        Self { connection }
    }
}

#[async_trait]
impl ObjectClient for S3Objects {
    async fn get(&self, get: Get<'_>) -> Result<ObjectBody> {
        let address = Address::parse(get.url)?;
        let etag = match get.if_match {
            Some(Validator::ETag(etag)) => Some(etag.clone()),
            _ => None,
        };
        let answer = self
            .connection
            .client()
            .await?
            .get_object()
            .bucket(&address.bucket)
            .key(&address.key)
            .set_range(get.range.map(|range| range.to_string()))
            .set_if_match(etag)
            .customize()
            .config_override(once())
            .send()
            .await
            .map_err(|error| changed(from_sdk(&error)).with("url", get.url))?;
        let length = answer.content_length().and_then(|length| u64::try_from(length).ok());
        let is_part = answer.content_range().is_some();
        let (start, size) = match answer.content_range() {
            Some(text) => content_range(text).ok_or_else(|| {
                let text = "the S3 server says that it sends a part of the object, but not which";
                Error::unavailable(text).with("url", get.url)
            })?,
            None => (0, length),
        };
        let validator = answer.e_tag().and_then(strong);
        let info = ObjectInfo { size, validator };
        Ok(ObjectBody { info, is_part, start, chunks: chunks(answer.body, get.url.to_owned()) })
    }

    async fn head(&self, url: &str) -> Result<ObjectInfo> {
        let address = Address::parse(url)?;
        let client = self.connection.client().await?;
        let request = client.head_object().bucket(&address.bucket).key(&address.key);
        let answer = request.customize().config_override(once()).send().await;
        let found = answer.map_err(|error| from_sdk(&error).with("url", url))?;
        let size = found.content_length().and_then(|length| u64::try_from(length).ok());
        Ok(ObjectInfo { size, validator: found.e_tag().and_then(strong) })
    }

    /// An address says bucket and key only; where they are is the configuration's.
    fn untrusted(&self) -> Option<Arc<dyn ObjectClient>> {
        Some(Arc::new(self.clone()))
    }
}

/// A precondition that fails says that the object is another one now.
fn changed(error: Error) -> Error {
    if error.kind() != ErrorKind::AlreadyExists {
        return error;
    }
    Error::conflict("the object changed while it was read")
}

/// An entity tag, if it tells versions apart.
fn strong(etag: &str) -> Option<Validator> {
    (etag.len() > 2 && !etag.starts_with("W/")).then(|| Validator::ETag(etag.to_owned()))
}

/// The first byte and the object's length in a `Content-Range`, `bytes 512-1023/4096`.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, size) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.trim().parse().ok()?, if size == "*" { None } else { Some(size.parse().ok()?) }))
}

/// The bytes of an answer as they come.
fn chunks(body: ByteStream, url: String) -> BoxStream<'static, Result<Bytes>> {
    let next = |(mut body, url): (ByteStream, String)| async move {
        let item = body.next().await?.map_err(|error| {
            let text = format!("the connection to the S3 server broke: {}", crate::error::causes(&error));
            Error::unavailable(text).with("url", &url)
        });
        Some((item, (body, url)))
    };
    stream::unfold((body, url), next).boxed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_ranges_are_read() {
        assert_eq!(content_range("bytes 512-1023/4096"), Some((512, Some(4096))));
        assert_eq!(content_range("bytes 0-0/*"), Some((0, None)));
        for text in ["", "bytes", "bytes */4096", "items 0-1/2", "bytes -1-2/3", "bytes 1-2"] {
            assert_eq!(content_range(text), None, "{text}");
        }
    }

    #[test]
    fn weak_and_empty_tags_tell_nothing() {
        assert_eq!(strong("\"a-2\""), Some(Validator::ETag("\"a-2\"".to_owned())));
        assert!(strong("W/\"a\"").is_none() && strong("\"\"").is_none());
    }
}
