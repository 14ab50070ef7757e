//! The names of a queue's keys, all on one node of a cluster.

use atdata_core::{Error, Result};
use bytes::Bytes;

/// The longest name, in bytes.
const LONGEST: usize = 256;

/// The keys of a queue, `atdata:queue:{NAME}:…`, in the order in which scripts take them. Their number does not grow with that
/// of the shards.
///
/// | Key | Type | Content |
/// |---|---|---|
/// | `meta` | hash | `fingerprint` and `total` of the shards, how many are `filled` in, the last `token` |
/// | `jobs` | stream | `shard`s that have not ended; consumer group `workers` |
/// | `leases` | hash | job to token and milliseconds; `?` and who asked to what he was answered last |
/// | `tries` | hash | shard to the number of attempts |
/// | `results` | hash | shard to result |
/// | `dead` | stream | `shard`s that failed for good, with `message` and `attempts` |
#[derive(Clone, Debug)]
pub(super) struct Keys {
    meta: Bytes,
    jobs: Bytes,
    leases: Bytes,
    tries: Bytes,
    pub(super) results: Bytes,
    pub(super) dead: Bytes,
}

impl Keys {
    /// # Errors
    /// `Invalid` if no key can have such a name.
    pub(super) fn new(name: &str) -> Result<Self> {
        // Braces say which part of a key decides on its node.
        if name.is_empty()
            || name.len() > LONGEST
            || name.contains(|c: char| c.is_control() || "{}".contains(c))
        {
            let message = "the name of a queue has 1 to 256 bytes, without braces and control characters";
            return Err(Error::invalid(message).with("queue", name.escape_debug()));
        }
        let key = |part: &str| Bytes::from(format!("atdata:queue:{{{name}}}:{part}"));
        Ok(Self {
            meta: key("meta"),
            jobs: key("jobs"),
            leases: key("leases"),
            tries: key("tries"),
            results: key("results"),
            dead: key("dead"),
        })
    }

    /// All of them.
    pub(super) fn all(&self) -> Vec<Bytes> {
        let Self { meta, jobs, leases, tries, results, dead } = self;
        [meta, jobs, leases, tries, results, dead].map(Clone::clone).into()
    }
}

#[cfg(test)]
mod tests {
    use atdata_core::ErrorKind;

    use super::*;

    #[test]
    fn keys_have_one_hash_tag() {
        let keys = Keys::new("a b").unwrap().all();
        assert!(keys.iter().all(|key| key.starts_with(b"atdata:queue:{a b}:")), "{keys:?}");
    }

    #[test]
    fn names_that_would_break_keys_are_refused() {
        for name in ["", "a}b", "{", "a\nb", &"a".repeat(257)] {
            assert_eq!(Keys::new(name).unwrap_err().kind(), ErrorKind::Invalid, "{name}");
        }
    }
}
