//! The limits of the lexicons. Lengths are in bytes of UTF-8.

/// Name of a dataset or label.
pub(super) const NAME: usize = 200;
/// Name of a lens.
pub(super) const LENS_NAME: usize = 100;
/// Address of a record.
pub(super) const AT_URI: usize = 500;
/// Description of a dataset or label.
pub(super) const DESCRIPTION: usize = 5000;
/// Description of a lens or verification.
pub(super) const LENS_DESCRIPTION: usize = 1000;
/// Number of tags.
pub(super) const TAGS: usize = 30;
/// One tag.
pub(super) const TAG: usize = 150;
/// Licence: an SPDX identifier or a URL.
pub(super) const LICENSE: usize = 200;
/// Metadata of a dataset, as msgpack.
pub(super) const METADATA: usize = 100_000;
/// Number of manifests.
pub(super) const MANIFESTS: usize = 10_000;
/// URL of a shard.
pub(super) const URL: usize = 2000;
/// S3 bucket.
pub(super) const BUCKET: usize = 255;
/// S3 key.
pub(super) const KEY: usize = 1024;
/// S3 region.
pub(super) const REGION: usize = 50;
/// S3 endpoint.
pub(super) const ENDPOINT: usize = 500;
/// Name of a checksum's algorithm.
pub(super) const ALGORITHM: usize = 20;
/// Checksum in hex.
pub(super) const DIGEST: usize = 128;
/// Version that a label gives.
pub(super) const LABEL_VERSION: usize = 50;
/// Programming language.
pub(super) const LANGUAGE: usize = 50;
/// Range of versions that a lens works with.
pub(super) const VERSION_RANGE: usize = 100;
/// Address of a code repository.
pub(super) const REPOSITORY: usize = 500;
/// Commit in a code repository.
pub(super) const COMMIT: usize = 40;
/// Path in a code repository.
pub(super) const PATH: usize = 500;
/// Branch of a code repository.
pub(super) const BRANCH: usize = 100;
/// CID in a member of its own.
pub(super) const CID: usize = 128;
/// The largest integer, in either direction, that every JSON reader keeps.
pub(super) const INTEGER: u64 = (1 << 53) - 1;
