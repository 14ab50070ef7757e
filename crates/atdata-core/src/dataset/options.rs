//! How a dataset is read.

use std::num::NonZeroUsize;

use super::faults::ErrorPolicies;
use super::stats::Stats;
use crate::msgpack::UnpackPolicy;
use crate::tar::TarOptions;

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
    pub errors: ErrorPolicies,
    /// How many chunks of samples are decoded at the same time. The order of samples does not depend on it.
    pub parallelism: NonZeroUsize,
    /// How many bytes of samples, as stored, are read ahead of the consumer at most. A sample that is larger is read
    /// alone. What is not in it: one chunk that is being framed, of at most 4 MiB or one sample, the buffer of a shuffled
    /// order, and what decoding adds. Default: 64 MiB.
    pub read_ahead: u64,
    /// Whether shards are held against the checksums of their entry, where it has some. A shard that differs is an
    /// error at its end. Costs a SHA-256 of all bytes.
    pub verify_checksums: bool,
    /// The limits of tar framing.
    pub tar: TarOptions,
    /// Where it is counted what streams do, if anywhere.
    pub stats: Option<Stats>,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self {
            unpack: UnpackPolicy::default(),
            errors: ErrorPolicies::default(),
            parallelism: std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN),
            read_ahead: 64 << 20,
            verify_checksums: false,
            tar: TarOptions::default(),
            stats: None,
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

    /// Sets what to do about damage: one [`ErrorPolicy`](super::ErrorPolicy) for everything, or
    /// [`ErrorPolicies`].
    #[must_use]
    pub fn with_error_policy(mut self, policy: impl Into<ErrorPolicies>) -> Self {
        self.errors = policy.into();
        self
    }

    /// Sets how many chunks are decoded at the same time; zero counts as one.
    #[must_use]
    pub fn with_parallelism(mut self, parallelism: usize) -> Self {
        self.parallelism = NonZeroUsize::new(parallelism).unwrap_or(NonZeroUsize::MIN);
        self
    }

    /// Sets how many bytes of samples are read ahead of the consumer.
    #[must_use]
    pub fn with_read_ahead(mut self, bytes: u64) -> Self {
        self.read_ahead = bytes;
        self
    }

    /// Sets whether shards are held against their checksums.
    #[must_use]
    pub fn with_verify_checksums(mut self, verify: bool) -> Self {
        self.verify_checksums = verify;
        self
    }

    /// Counts what streams do.
    #[must_use]
    pub fn with_stats(mut self, stats: Stats) -> Self {
        self.stats = Some(stats);
        self
    }

    /// Sets the limits of tar framing.
    #[must_use]
    pub fn with_tar_options(mut self, tar: TarOptions) -> Self {
        self.tar = tar;
        self
    }
}
