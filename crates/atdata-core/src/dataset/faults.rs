//! What can be wrong with data, and what is done about it.

use std::fmt;

/// A class of damage.
///
/// ```
/// use atdata_core::{Error, Fault};
///
/// // Errors of a stream know theirs; others have none.
/// assert_eq!(Error::invalid("something").fault(), None);
/// assert_eq!(Fault::Truncated.to_string(), "truncated");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Fault {
    /// There is no such shard.
    MissingShard,
    /// A shard cannot be opened or read, for another reason than being absent: permission, network, an address that
    /// nothing opens.
    Source,
    /// A shard ends too early.
    Truncated,
    /// A shard's compression or tar framing is damaged, or exceeds a limit.
    Tar,
    /// A shard's SHA-256 is not the one of its entry.
    Checksum,
    /// A sample's payload is damaged: no msgpack, no array where one is stored, no payload at all.
    Payload,
    /// A sample's fields are not those of the type.
    Schema,
    /// A filter or map failed, or panicked.
    Function,
}

impl Fault {
    const ALL: [Self; 8] = [
        Self::MissingShard,
        Self::Source,
        Self::Truncated,
        Self::Tar,
        Self::Checksum,
        Self::Payload,
        Self::Schema,
        Self::Function,
    ];

    /// The name in words.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::MissingShard => "missing shard",
            Self::Source => "source",
            Self::Truncated => "truncated",
            Self::Tar => "tar",
            Self::Checksum => "checksum",
            Self::Payload => "payload",
            Self::Schema => "schema",
            Self::Function => "function",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

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

/// An [`ErrorPolicy`] for each class of damage, and how much may be skipped.
///
/// ```
/// use atdata_core::{ErrorPolicies, ErrorPolicy, Fault};
///
/// // Samples that cannot be decoded are left out, up to a thousand; everything else is an error.
/// let policies = ErrorPolicies::default().with(Fault::Payload, ErrorPolicy::SkipSample).with_limit(1000);
/// assert_eq!(policies.of(Fault::Payload), ErrorPolicy::SkipSample);
/// assert_eq!(policies.of(Fault::Truncated), ErrorPolicy::Fail);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorPolicies {
    by_fault: [ErrorPolicy; Fault::ALL.len()],
    limit: u64,
}

impl Default for ErrorPolicies {
    fn default() -> Self {
        ErrorPolicy::default().into()
    }
}

/// The same policy for everything, without a limit.
impl From<ErrorPolicy> for ErrorPolicies {
    fn from(policy: ErrorPolicy) -> Self {
        Self { by_fault: [policy; Fault::ALL.len()], limit: u64::MAX }
    }
}

impl ErrorPolicies {
    /// Sets what happens to one class of damage.
    #[must_use]
    pub fn with(mut self, fault: Fault, policy: ErrorPolicy) -> Self {
        if let Some(place) = self.by_fault.get_mut(fault as usize) {
            *place = policy;
        }
        self
    }

    /// Sets how many samples and shards may be skipped, together, by one stream. One more is an error, which names it.
    /// A stream that goes on from a state counts from zero.
    #[must_use]
    pub fn with_limit(mut self, limit: u64) -> Self {
        self.limit = limit;
        self
    }

    /// What happens to a class of damage.
    pub fn of(&self, fault: Fault) -> ErrorPolicy {
        self.by_fault.get(fault as usize).copied().unwrap_or_default()
    }

    /// Whether nothing is ever skipped.
    pub(super) fn always_fail(&self) -> bool {
        self.by_fault.iter().all(|policy| *policy == ErrorPolicy::Fail)
    }

    /// How many samples and shards may be skipped together.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// The same where samples are read one by one and cannot spoil each other.
    pub(super) fn by_sample(mut self) -> Self {
        for policy in &mut self.by_fault {
            if *policy == ErrorPolicy::SkipShard {
                *policy = ErrorPolicy::SkipSample;
            }
        }
        self
    }

    /// Whether a sample that cannot be decoded decides what becomes of its shard.
    pub(super) fn decoding_skips_shards(&self) -> bool {
        [Fault::Payload, Fault::Schema, Fault::Function]
            .map(|fault| self.of(fault))
            .contains(&ErrorPolicy::SkipShard)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_class_has_a_place_of_its_own() {
        for (place, fault) in Fault::ALL.into_iter().enumerate() {
            assert_eq!(fault as usize, place);
            let one = ErrorPolicies::default().with(fault, ErrorPolicy::SkipShard);
            let skipped = Fault::ALL.into_iter().filter(|other| one.of(*other) == ErrorPolicy::SkipShard);
            assert_eq!(skipped.collect::<Vec<_>>(), [fault]);
        }
    }
}
