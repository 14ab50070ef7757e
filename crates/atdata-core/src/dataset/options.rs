//! How a dataset is read.

use std::num::NonZeroUsize;

use crate::msgpack::UnpackPolicy;
use crate::tar::TarOptions;

/// What happens when a sample or a shard is damaged. Whatever is skipped is counted: see
/// [`Samples::report`](super::Samples::report). A source that cannot list its shards is an error whatever the policy.
///
/// ```
/// assert_eq!(atdata_core::ErrorPolicy::default(), atdata_core::ErrorPolicy::Fail);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ErrorPolicy {
    /// The error is the stream's last item.
    #[default]
    Fail,
    /// A sample that cannot be decoded is left out. Of a shard whose framing is damaged, the rest is.
    SkipSample,
    /// The rest of a shard is left out after its first error.
    SkipShard,
}

/// How a dataset is read.
///
/// ```
/// use atdata_core::{ErrorPolicy, ReadOptions};
///
/// let options = ReadOptions::default().with_error_policy(ErrorPolicy::SkipSample).with_parallelism(4);
/// assert_eq!(options.parallelism.get(), 4);
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReadOptions {
    /// What to do where a sample's fields are not exactly those of the type.
    pub unpack: UnpackPolicy,
    /// What to do about damage.
    pub errors: ErrorPolicy,
    /// How many chunks of samples are decoded at the same time. The order of samples does not depend on it.
    pub parallelism: NonZeroUsize,
    /// Whether shards are held against the checksums of their entry, where it has some. A shard that differs is an
    /// error at its end. Costs a SHA-256 of all bytes.
    pub verify_checksums: bool,
    /// The limits of tar framing.
    pub tar: TarOptions,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            unpack: UnpackPolicy::default(),
            errors: ErrorPolicy::default(),
            parallelism: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            verify_checksums: false,
            tar: TarOptions::default(),
        }
    }
}

impl ReadOptions {
    /// Sets what to do where fields differ.
    #[must_use]
    pub fn with_unpack_policy(mut self, policy: UnpackPolicy) -> Self {
        self.unpack = policy;
        self
    }

    /// Sets what to do about damage.
    #[must_use]
    pub fn with_error_policy(mut self, policy: ErrorPolicy) -> Self {
        self.errors = policy;
        self
    }

    /// Sets how many chunks are decoded at the same time; zero counts as one.
    #[must_use]
    pub fn with_parallelism(mut self, parallelism: usize) -> Self {
        self.parallelism = NonZeroUsize::new(parallelism).unwrap_or(NonZeroUsize::MIN);
        self
    }

    /// Sets whether shards are held against their checksums.
    #[must_use]
    pub fn with_verify_checksums(mut self, verify: bool) -> Self {
        self.verify_checksums = verify;
        self
    }

    /// Sets the limits of tar framing.
    #[must_use]
    pub fn with_tar_options(mut self, tar: TarOptions) -> Self {
        self.tar = tar;
        self
    }
}
