//! Decides where a dataset is cut into shards.

use super::writer::END_LEN;
use crate::{Error, Result};

/// How large a shard may become.
///
/// ```
/// use atdata_core::tar::ShardLimits;
///
/// let limits = ShardLimits { max_size: Some(50_000_000), ..ShardLimits::default() };
/// assert_eq!(limits.max_count, Some(10_000));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShardLimits {
    /// The most samples in a shard. Default: 10 000.
    pub max_count: Option<u64>,
    /// The most bytes of a shard's file: headers, padding and end-of-archive marker included. Default: 3 000 000 000.
    pub max_size: Option<u64>,
    /// Whether a sample that exceeds `max_size` all alone is refused. Otherwise, which is the default, it gets a shard
    /// to itself.
    pub refuse_oversize: bool,
    /// The most bytes that what keeps the shards can take at all. A sample that exceeds it alone is refused. Default: no
    /// limit.
    pub hard_size: Option<u64>,
}

impl Default for ShardLimits {
    fn default() -> Self {
        Self {
            max_count: Some(10_000),
            max_size: Some(3_000_000_000),
            refuse_oversize: false,
            hard_size: None,
        }
    }
}

/// Where a sample goes.
///
/// ```
/// use atdata_core::tar::{ShardLimits, ShardSplitter};
///
/// let mut splitter = ShardSplitter::new(ShardLimits::default())?;
/// assert!(splitter.place(1024)?.new_shard);
/// assert!(!splitter.place(1024)?.new_shard);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Whether the sample begins a shard. It does so for the very first sample too, so that no shard need be opened
    /// before there is a sample for it.
    pub new_shard: bool,
    /// Whether the sample exceeds `max_size` all alone: its shard will be larger than was asked for.
    pub oversize: bool,
}

/// Cuts a sequence of samples into shards, none of which exceeds the [`ShardLimits`] (but for a sample that does so
/// alone).
///
/// ```
/// use atdata_core::tar::{ShardLimits, ShardSplitter, framed_len};
///
/// let limits = ShardLimits { max_size: Some(4096), ..ShardLimits::default() };
/// let mut splitter = ShardSplitter::new(limits)?;
/// let mut shards = 0;
/// for _ in 0..4 {
///     // 1024 bytes each and 1024 for the end: three to a shard.
///     shards += usize::from(splitter.place(framed_len("a.msgpack", 100)?)?.new_shard);
/// }
/// assert_eq!(shards, 2);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Debug)]
pub struct ShardSplitter {
    limits: ShardLimits,
    count: u64,
    size: u64,
}

impl ShardSplitter {
    /// Makes a splitter that has seen no sample.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) for a limit of zero.
    pub fn new(limits: ShardLimits) -> Result<Self> {
        if limits.max_count == Some(0) || limits.max_size == Some(0) {
            return Err(Error::invalid("a shard must have room for a sample: the limits may not be zero"));
        }
        Ok(Self { limits, count: 0, size: END_LEN })
    }

    /// Makes shards no longer than `bytes`, whatever was asked for: see [`ShardLimits::hard_size`].
    pub fn limit(&mut self, bytes: u64) {
        let limits = &mut self.limits;
        limits.max_size = Some(limits.max_size.unwrap_or(u64::MAX).min(bytes));
        limits.hard_size = Some(limits.hard_size.unwrap_or(u64::MAX).min(bytes));
    }

    /// Says where the next sample goes, whose members together take `size` bytes of the file
    /// (see [`framed_len`](super::framed_len)), and counts it there.
    ///
    /// # Errors
    /// [`Invalid`](crate::ErrorKind::Invalid) if the sample alone exceeds `max_size` and that is to be refused. The
    /// sample is then not counted.
    pub fn place(&mut self, size: u64) -> Result<Placement> {
        let max_size = self.limits.max_size.unwrap_or(u64::MAX);
        let alone = END_LEN.saturating_add(size);
        let oversize = alone > max_size;
        if oversize && self.limits.refuse_oversize {
            return Err(Error::invalid(format!(
                "a sample alone makes a shard of {alone} bytes, which exceeds the limit of {max_size}"
            )));
        }
        if let Some(hard) = self.limits.hard_size.filter(|hard| alone > *hard) {
            return Err(Error::invalid(format!(
                "a sample alone makes a shard of {alone} bytes, which is more than the {hard} that can be kept here"
            )));
        }
        let full = self.limits.max_count.is_some_and(|max| self.count >= max)
            || self.size.saturating_add(size) > max_size;
        let new_shard = self.count == 0 || full;
        if new_shard {
            (self.count, self.size) = (1, alone);
        } else {
            self.count += 1;
            self.size = self.size.saturating_add(size);
        }
        Ok(Placement { new_shard, oversize })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shards(limits: ShardLimits, sizes: &[u64]) -> Vec<Vec<u64>> {
        let mut splitter = ShardSplitter::new(limits).unwrap();
        let mut shards: Vec<Vec<u64>> = Vec::new();
        for size in sizes {
            if splitter.place(*size).unwrap().new_shard {
                shards.push(Vec::new());
            }
            shards.last_mut().unwrap().push(*size);
        }
        shards
    }

    fn by_size(max_size: u64) -> ShardLimits {
        ShardLimits { max_count: None, max_size: Some(max_size), ..ShardLimits::default() }
    }

    #[test]
    fn shards_are_cut_by_count() {
        let limits = ShardLimits { max_count: Some(2), max_size: None, ..ShardLimits::default() };
        assert_eq!(shards(limits, &[1024; 5]), [vec![1024; 2], vec![1024; 2], vec![1024; 1]]);
    }

    #[test]
    fn a_shard_may_be_exactly_full() {
        assert_eq!(shards(by_size(END_LEN + 2048), &[1024; 3]), [vec![1024; 2], vec![1024; 1]]);
        assert_eq!(shards(by_size(END_LEN + 2047), &[1024; 2]), [vec![1024; 1], vec![1024; 1]]);
    }

    #[test]
    fn an_oversize_sample_is_alone_in_its_shard() {
        let expected = [vec![1024], vec![9216], vec![1024, 1024]];
        assert_eq!(shards(by_size(4096), &[1024, 9216, 1024, 1024]), expected);
        let mut splitter = ShardSplitter::new(by_size(4096)).unwrap();
        assert_eq!(splitter.place(9216).unwrap(), Placement { new_shard: true, oversize: true });
        assert_eq!(splitter.place(u64::MAX).unwrap(), Placement { new_shard: true, oversize: true });
    }

    #[test]
    fn an_oversize_sample_can_be_refused() {
        let limits = ShardLimits { refuse_oversize: true, ..by_size(4096) };
        let mut splitter = ShardSplitter::new(limits).unwrap();
        assert_eq!(splitter.place(9216).unwrap_err().kind(), crate::ErrorKind::Invalid);
        assert!(splitter.place(1024).unwrap().new_shard);
    }

    #[test]
    fn what_keeps_the_shards_has_the_last_word() {
        let mut splitter = ShardSplitter::new(by_size(8192)).unwrap();
        splitter.limit(4096);
        splitter.limit(1 << 20);
        assert!(splitter.place(2048).unwrap().new_shard);
        assert!(splitter.place(2048).unwrap().new_shard);
        let error = splitter.place(4096).unwrap_err();
        assert!(error.message().contains("4096"), "{error}");
    }

    #[test]
    fn limits_of_zero_are_invalid() {
        assert!(ShardSplitter::new(by_size(0)).is_err());
        assert!(ShardSplitter::new(ShardLimits { max_count: Some(0), ..ShardLimits::default() }).is_err());
    }
}
