//! One request, one answer.

use std::fmt;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;

use crate::Result;

/// Which bytes of an object are asked for.
///
/// ```
/// use atdata_core::remote::ByteRange;
///
/// assert_eq!(ByteRange::from(10).to_string(), "bytes=10-");
/// assert_eq!(ByteRange { start: 0, end: Some(512) }.to_string(), "bytes=0-511");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// The first byte.
    pub start: u64,
    /// The byte behind the last one, greater than `start`; `None` for all that follow.
    pub end: Option<u64>,
}

/// From a byte to the end of the object.
impl From<u64> for ByteRange {
    fn from(start: u64) -> Self {
        Self { start, end: None }
    }
}

/// As the header `Range` has it.
impl fmt::Display for ByteRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.end {
            Some(end) => write!(f, "bytes={}-{}", self.start, end.saturating_sub(1)),
            None => write!(f, "bytes={}-", self.start),
        }
    }
}

/// What tells one version of an object from another.
///
/// ```
/// use atdata_core::remote::Validator;
///
/// assert_eq!(Validator::ETag("\"33a6\"".to_owned()).as_str(), "\"33a6\"");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Validator {
    /// A strong entity tag, with its quotes. Weak tags (`W/"…"`) are none: two objects that differ may share one.
    ETag(String),
    /// The time of the last change, as the server wrote it, where that is long enough ago to be strong (RFC 9110,
    /// 8.8.2.2).
    LastModified(String),
}

impl Validator {
    /// The text as the server wrote it.
    pub fn as_str(&self) -> &str {
        match self {
            Validator::ETag(text) | Validator::LastModified(text) => text,
        }
    }
}

/// What an answer says of the object.
///
/// ```
/// use atdata_core::remote::ObjectInfo;
///
/// let info = ObjectInfo { size: Some(1024), ..ObjectInfo::default() };
/// assert!(info.validator.is_none());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ObjectInfo {
    /// The length of the whole object in bytes, where known.
    pub size: Option<u64>,
    /// The version, where there is a strong one.
    pub validator: Option<Validator>,
}

/// A question for the bytes of an object.
///
/// ```
/// use atdata_core::remote::{ByteRange, Get};
///
/// let get = Get { range: Some(ByteRange::from(512)), ..Get::new("https://host.test/a.tar") };
/// assert_eq!(get.if_match, None);
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Get<'a> {
    /// The address.
    pub url: &'a str,
    /// The bytes that are wanted; `None` for all.
    pub range: Option<ByteRange>,
    /// The version that is wanted. The server may be asked for it in any way (`If-Match`, `If-Range`, the number of a
    /// version) or not at all: the answer is checked by its [`ObjectInfo::validator`].
    pub if_match: Option<&'a Validator>,
}

impl<'a> Get<'a> {
    /// Asks for all bytes, of whatever version.
    pub fn new(url: &'a str) -> Self {
        Self { url, range: None, if_match: None }
    }
}

/// An answer whose bytes are on their way.
pub struct ObjectBody {
    /// What is known of the object.
    pub info: ObjectInfo,
    /// The place in the object of the first byte of `chunks`: the one that was asked for, or 0 if the server gives whole
    /// objects only.
    pub start: u64,
    /// Whether this is the part that was asked for, and not the whole object (206, not 200).
    pub is_part: bool,
    /// The bytes. That they end too early needs not be noticed here where `info.size` is known.
    pub chunks: BoxStream<'static, Result<Bytes>>,
}

impl fmt::Debug for ObjectBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectBody")
            .field("info", &self.info)
            .field("start", &self.start)
            .field("is_part", &self.is_part)
            .finish_non_exhaustive()
    }
}

/// Asks a server for objects, once: [`Remote`](super::Remote) repeats.
///
/// Errors say by [`is_retryable`](crate::Error::is_retryable) whether the same question may be answered later (a lost
/// connection, a time-out, 429, 500, 502, 503, 504), and by [`retry_after`](crate::Error::retry_after) when, if the
/// server said so. What remains is final: [`NotFound`](crate::ErrorKind::NotFound) (404, 410),
/// [`PermissionDenied`](crate::ErrorKind::PermissionDenied) (401, 403), [`Conflict`](crate::ErrorKind::Conflict) (412:
/// the version in [`Get::if_match`] has gone), [`Corrupt`](crate::ErrorKind::Corrupt) (416: the object ends before the
/// range begins). Time-outs for reading are not the client's business.
///
/// ```
/// use async_trait::async_trait;
/// use atdata_core::remote::{Get, ObjectBody, ObjectClient, ObjectInfo};
/// use atdata_core::Result;
/// use bytes::Bytes;
/// use futures::{StreamExt, stream};
///
/// /// The same object at every address, never in parts.
/// #[derive(Debug)]
/// struct Constant(Bytes);
///
/// #[async_trait]
/// impl ObjectClient for Constant {
///     async fn get(&self, _get: Get<'_>) -> Result<ObjectBody> {
///         let info = ObjectInfo { size: Some(self.0.len() as u64), validator: None };
///         Ok(ObjectBody { info, start: 0, is_part: false, chunks: stream::iter([Ok(self.0.clone())]).boxed() })
///     }
///     async fn head(&self, _url: &str) -> Result<ObjectInfo> {
///         Ok(ObjectInfo { size: Some(self.0.len() as u64), validator: None })
///     }
/// }
/// ```
#[async_trait]
pub trait ObjectClient: fmt::Debug + Send + Sync + 'static {
    /// Asks for bytes; comes back when the answer begins.
    ///
    /// # Errors
    /// See [`ObjectClient`].
    async fn get(&self, get: Get<'_>) -> Result<ObjectBody>;

    /// Asks for length and version only.
    ///
    /// # Errors
    /// See [`ObjectClient`].
    async fn head(&self, url: &str) -> Result<ObjectInfo>;

    /// The client for addresses that come from strangers, which holds every connection to
    /// [`AddressPolicy::public_only`](super::AddressPolicy::public_only) or reaches one server only. `None`, which
    /// refuses such addresses, if nothing else is implemented.
    fn untrusted(&self) -> Option<std::sync::Arc<dyn ObjectClient>> {
        None
    }
}
