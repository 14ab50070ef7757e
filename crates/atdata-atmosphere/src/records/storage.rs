//! Where a dataset's shards are.

use atdata_core::schema::Profile;
use atdata_core::{Error, Result, ResultExt};
use serde_json::Value as Json;

use super::checksum::or_placeholder;
use super::collection::namespace;
use super::member::{Members, Writing, missing};
use super::{BlobRef, Checksum, limits};

/// Where a dataset's shards are.
///
/// ```
/// use atdata_atmosphere::records::{Storage, UrlShard};
///
/// let storage = Storage::from_urls(vec![UrlShard::new("s3://bucket/a.tar"), UrlShard::new("s3://bucket/b.tar")]);
/// assert!(matches!(&storage, Storage::S3(s3) if s3.bucket == "bucket"));
/// assert_eq!(storage.data_urls("did:plc:a"), ["s3://bucket/a.tar", "s3://bucket/b.tar"]);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// At any addresses; one may be a brace pattern.
    Urls(Vec<UrlShard>),
    /// In one bucket.
    S3(S3Storage),
    /// In the repository itself.
    Blobs(Vec<BlobShard>),
}

/// A shard at an address.
///
/// ```
/// use atdata_atmosphere::records::UrlShard;
///
/// assert_eq!(UrlShard::new("https://host/a.tar").checksum, None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlShard {
    /// The address.
    pub url: String,
    /// The checksum, where known.
    pub checksum: Option<Checksum>,
}

impl UrlShard {
    /// A shard whose checksum is not known.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), checksum: None }
    }
}

/// Shards in a bucket.
///
/// ```
/// use atdata_atmosphere::records::{S3Shard, S3Storage};
///
/// let shards = vec![S3Shard { key: "k/a.tar".into(), checksum: None }];
/// let storage = S3Storage { bucket: "bucket".into(), region: None, endpoint: None, shards };
/// assert_eq!(storage.shards.len(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Storage {
    /// The bucket.
    pub bucket: String,
    /// The region, if the record says it.
    pub region: Option<String>,
    /// The address of the service, if the record says it. It is a stranger's: hold it to the rules for addresses from
    /// the network.
    pub endpoint: Option<String>,
    /// The shards, in order.
    pub shards: Vec<S3Shard>,
}

impl S3Storage {
    /// The member, if any, of which no address can be made that is read as the same.
    fn nameless(&self) -> Option<&'static str> {
        if self.bucket.is_empty() || self.bucket.contains('/') {
            return Some("bucket");
        }
        self.shards.iter().any(|shard| shard.key.is_empty()).then_some("key")
    }
}

/// A shard in a bucket.
///
/// ```
/// let shard = atdata_atmosphere::records::S3Shard { key: "k/a.tar".into(), checksum: None };
/// assert_eq!(shard.key, "k/a.tar");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct S3Shard {
    /// The key.
    pub key: String,
    /// The checksum, where known.
    pub checksum: Option<Checksum>,
}

/// A shard in a blob. Its SHA-256 is in the CID.
///
/// ```
/// use atdata_atmosphere::records::{BlobRef, BlobShard};
/// use atdata_core::cid::blob_cid;
///
/// let blob = BlobRef { cid: blob_cid(b"hello"), mime_type: "application/x-tar".into(), size: Some(5) };
/// assert!(BlobShard::from(blob).checksum.is_none());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlobShard {
    /// The blob.
    pub blob: BlobRef,
    /// A checksum other than the SHA-256 that the CID holds.
    pub checksum: Option<Checksum>,
}

impl From<BlobRef> for BlobShard {
    fn from(blob: BlobRef) -> Self {
        Self { blob, checksum: None }
    }
}

impl Storage {
    /// The storage of shards that are known by their addresses: [`Storage::S3`] if all of them are in one bucket.
    pub fn from_urls(shards: Vec<UrlShard>) -> Self {
        Self::in_bucket(&shards, None, None).unwrap_or(Storage::Urls(shards))
    }

    fn in_bucket(shards: &[UrlShard], region: Option<&str>, endpoint: Option<&str>) -> Option<Self> {
        let (bucket, _) = bucket_and_key(&shards.first()?.url)?;
        let in_bucket = |shard: &UrlShard| {
            let (_, key) = bucket_and_key(&shard.url).filter(|(found, _)| *found == bucket)?;
            Some(S3Shard { key: key.to_owned(), checksum: shard.checksum.clone() })
        };
        Some(Storage::S3(S3Storage {
            bucket: bucket.to_owned(),
            region: region.map(str::to_owned),
            endpoint: endpoint.map(str::to_owned),
            shards: shards.iter().map(in_bucket).collect::<Option<_>>()?,
        }))
    }

    /// The number of shards; a brace pattern counts once.
    pub fn len(&self) -> usize {
        match self {
            Storage::Urls(shards) => shards.len(),
            Storage::S3(storage) => storage.shards.len(),
            Storage::Blobs(shards) => shards.len(),
        }
    }

    /// Whether there are no shards.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The addresses of the shards; `did` is that of the repository, where blobs are. An S3 shard is
    /// `s3://{bucket}/{key}`, whatever its endpoint.
    pub fn data_urls(&self, did: &str) -> Vec<String> {
        match self {
            Storage::Urls(shards) => shards.iter().map(|shard| shard.url.clone()).collect(),
            Storage::S3(S3Storage { bucket, shards, .. }) => {
                shards.iter().map(|shard| format!("s3://{bucket}/{}", shard.key)).collect()
            }
            Storage::Blobs(shards) => shards.iter().map(|shard| shard.blob.url(did)).collect(),
        }
    }

    /// The SHA-256 of each shard, where it is known.
    pub fn sha256(&self) -> Vec<Option<String>> {
        let stated = |checksum: &Option<Checksum>| checksum.as_ref()?.as_sha256().map(str::to_owned);
        match self {
            Storage::Urls(shards) => shards.iter().map(|shard| stated(&shard.checksum)).collect(),
            Storage::S3(storage) => storage.shards.iter().map(|shard| stated(&shard.checksum)).collect(),
            Storage::Blobs(shards) => {
                shards.iter().map(|shard| shard.blob.sha256().or_else(|| stated(&shard.checksum))).collect()
            }
        }
    }

    /// Sets the checksums of shards that have none; those of blobs are in their CIDs.
    pub(super) fn set_sha256(&mut self, digests: Vec<Option<String>>) {
        let places: Vec<&mut Option<Checksum>> = match self {
            Storage::Urls(shards) => shards.iter_mut().map(|shard| &mut shard.checksum).collect(),
            Storage::S3(storage) => storage.shards.iter_mut().map(|shard| &mut shard.checksum).collect(),
            Storage::Blobs(_) => return,
        };
        for (place, digest) in places.into_iter().zip(digests) {
            if place.is_none() {
                *place = digest.map(Checksum::sha256);
            }
        }
    }

    /// Reads the storage of a record of any generation.
    ///
    /// # Errors
    /// `Unsupported` for a type that is not known, `Corrupt` for members that are missing or of the wrong type.
    pub fn from_json(json: &Json) -> Result<Self> {
        let members = Members::of(json, "the storage of a dataset")?;
        let full = members.text("$type")?.unwrap_or_default();
        let kind = full.rsplit(['.', '#']).next().unwrap_or_default();
        match kind {
            "storageExternal" => read_external(members),
            "storageHttp" => {
                let shards: Vec<UrlShard> = read_shards(members, "shards", |shard| {
                    Ok(UrlShard { url: shard.required("url")?, checksum: read_checksum(shard)? })
                })?;
                Ok(Self::from_urls(shards))
            }
            "storageS3" => {
                let storage = S3Storage {
                    bucket: members.required("bucket")?,
                    region: members.owned("region")?,
                    endpoint: members.owned("endpoint")?,
                    shards: read_shards(members, "shards", |shard| {
                        Ok(S3Shard { key: shard.required("key")?, checksum: read_checksum(shard)? })
                    })?,
                };
                if storage.shards.is_empty() {
                    return Ok(Storage::Urls(Vec::new()));
                }
                if let Some(member) = storage.nameless() {
                    let message = "an S3 bucket or key is empty, or the bucket has a slash";
                    return Err(Error::corrupt(message).with("member", member));
                }
                Ok(Storage::S3(storage))
            }
            "storageBlobs" => read_blobs(members),
            _ => Err(Error::unsupported(format!("Unknown storage type: {full}"))),
        }
    }

    /// Writes the storage: for [`Profile::Seed`] as `storageExternal` or `storageBlobs`, for [`Profile::Latest`] as
    /// `storageHttp`, `storageS3` or `storageBlobs`.
    ///
    /// # Errors
    /// `Invalid`, naming the member: one that is beyond a limit of the lexicon, a bucket or key that names nothing.
    pub fn to_json(&self, profile: Profile) -> Result<Json> {
        if let Storage::S3(storage) = self
            && let Some(member) = storage.nameless()
        {
            let message = "an S3 bucket or key is empty, or the bucket has a slash";
            return Err(Error::invalid(message).with("member", member));
        }
        let object = |kind: &str| Writing::typed(format!("{}.{kind}", namespace(profile)));
        let latest = profile != Profile::Seed;
        let mut object = match self {
            // A list of shards has at least one; for none at all there is only the old form.
            Storage::Urls(shards) if latest && !shards.is_empty() => {
                let mut object = object("storageHttp");
                write_shards(&mut object, shards, |shard, object| {
                    object.text("url", &shard.url, limits::URL)?;
                    object.insert("checksum", or_placeholder(shard.checksum.as_ref())?);
                    Ok(())
                })?;
                object
            }
            Storage::S3(storage) if latest && !storage.shards.is_empty() => {
                let mut object = object("storageS3");
                object.text("bucket", &storage.bucket, limits::BUCKET)?;
                write_shards(&mut object, &storage.shards, |shard, object| {
                    object.text("key", &shard.key, limits::KEY)?;
                    object.insert("checksum", or_placeholder(shard.checksum.as_ref())?);
                    Ok(())
                })?;
                object
            }
            Storage::Urls(shards) => {
                let mut object = object("storageExternal");
                object.insert("urls", self.data_urls(""));
                write_checksums(&mut object, shards.iter().map(|shard| shard.checksum.as_ref()))?;
                object
            }
            Storage::S3(storage) => {
                let mut object = object("storageExternal");
                object.insert("urls", self.data_urls(""));
                write_checksums(&mut object, storage.shards.iter().map(|shard| shard.checksum.as_ref()))?;
                object
            }
            Storage::Blobs(shards) => {
                let mut object = object("storageBlobs");
                let blob = |shard: &BlobShard| {
                    let blob = shard.blob.to_json()?;
                    if !latest {
                        return Ok(blob);
                    }
                    let mut object = Writing::default();
                    object.insert("blob", blob);
                    let own = shard.blob.sha256().map(Checksum::sha256);
                    if let Some(checksum) = shard.checksum.as_ref().or(own.as_ref()) {
                        object.insert("checksum", checksum.to_json()?);
                    }
                    Ok(object.finish())
                };
                let blobs: Result<Vec<Json>> = shards.iter().map(blob).collect();
                object.insert("blobs", blobs?);
                if !latest {
                    write_checksums(&mut object, shards.iter().map(|shard| shard.checksum.as_ref()))?;
                }
                object
            }
        };
        if let Storage::S3(storage) = self
            && !storage.shards.is_empty()
        {
            object.optional("region", storage.region.as_deref(), limits::REGION)?;
            object.optional("endpoint", storage.endpoint.as_deref(), limits::ENDPOINT)?;
        }
        Ok(object.finish())
    }
}

/// `s3://{bucket}/{key}`, neither of them empty.
fn bucket_and_key(url: &str) -> Option<(&str, &str)> {
    let (bucket, key) = url.strip_prefix("s3://")?.split_once('/')?;
    (!bucket.is_empty() && !key.is_empty()).then_some((bucket, key))
}

fn read_checksum(members: Members<'_>) -> Result<Option<Checksum>> {
    Ok(members.read("checksum", Checksum::from_json)?.flatten())
}

fn read_shards<T>(
    members: Members<'_>,
    key: &'static str,
    read: impl Fn(Members<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let read = |(i, shard)| Members::of(shard, "a shard").and_then(&read).context("shard", i);
    members.list(key)?.iter().enumerate().map(read).collect()
}

/// `urls`, in planning documents one `url`; beside them our own `checksums`, `region` and `endpoint`.
fn read_external(members: Members<'_>) -> Result<Storage> {
    let urls = match (members.get("urls"), members.owned("url")?) {
        (Some(_), _) => members.texts("urls")?,
        (None, Some(url)) => vec![url],
        (None, None) => return Err(missing("urls")),
    };
    let checksums = read_checksums(members, urls.len())?;
    let shards: Vec<_> =
        urls.into_iter().zip(checksums).map(|(url, checksum)| UrlShard { url, checksum }).collect();
    let (region, endpoint) = (members.text("region")?, members.text("endpoint")?);
    Ok(Storage::in_bucket(&shards, region, endpoint).unwrap_or(Storage::Urls(shards)))
}

fn read_blobs(members: Members<'_>) -> Result<Storage> {
    if members.get("blobs").is_none() {
        return Err(missing("blobs"));
    }
    let mut shards = read_shards(members, "blobs", |item| {
        let blob = match item.get("blob") {
            Some(blob) => BlobRef::from_json(blob)?,
            None => BlobRef::from_members(item)?,
        };
        Ok(BlobShard { blob, checksum: read_checksum(item)? })
    })?;
    let beside = read_checksums(members, shards.len())?;
    for (shard, beside) in shards.iter_mut().zip(beside) {
        shard.checksum = shard.checksum.take().or(beside);
        // The CID says it.
        shard
            .checksum
            .take_if(|checksum| checksum.as_sha256().is_some() && shard.blob.cid.sha256().is_some());
    }
    Ok(Storage::Blobs(shards))
}

/// An extension: the checksums of all shards beside their list, one for each. Lists of another length are not ours.
fn read_checksums(members: Members<'_>, count: usize) -> Result<Vec<Option<Checksum>>> {
    let list = members.get("checksums").and_then(Json::as_array).filter(|list| list.len() == count);
    match list {
        Some(list) => {
            list.iter().map(Checksum::from_json).collect::<Result<_>>().context("member", "checksums")
        }
        None => Ok(vec![None; count]),
    }
}

fn write_shards<T>(
    object: &mut Writing,
    shards: &[T],
    write: impl Fn(&T, &mut Writing) -> Result<()>,
) -> Result<()> {
    let write = |(i, shard)| {
        let mut object = Writing::default();
        write(shard, &mut object).context("shard", i)?;
        Ok(object.finish())
    };
    let shards: Result<Vec<Json>> = shards.iter().enumerate().map(write).collect();
    object.insert("shards", shards?);
    Ok(())
}

fn write_checksums<'a>(
    object: &mut Writing,
    checksums: impl Iterator<Item = Option<&'a Checksum>> + Clone,
) -> Result<()> {
    if checksums.clone().any(|checksum| checksum.is_some()) {
        let checksums: Result<Vec<Json>> = checksums.map(or_placeholder).collect();
        object.insert("checksums", checksums?);
    }
    Ok(())
}
