//! A sample as the members that it has in a shard.

use bytes::Bytes;
use smallvec::{SmallVec, smallvec};

use super::PackedSample;
use crate::tar::{RawSample, SUFFIX, framed_len, member_name};
use crate::{Error, Result, ResultExt};

/// A sample that is ready to be framed.
pub(super) struct Members {
    pub(super) key: String,
    /// Nearly always one.
    pub(super) members: SmallVec<[Member; 1]>,
    /// What all of it takes in the file.
    pub(super) size: u64,
}

pub(super) struct Member {
    pub(super) name: String,
    pub(super) data: Bytes,
    /// Whether it is the `msgpack` member.
    pub(super) is_payload: bool,
}

impl Members {
    pub(super) fn packed(PackedSample { key, payload }: PackedSample) -> Result<Self> {
        let name = member_name(&key, SUFFIX)?;
        let size = framed_len(&name, payload.len() as u64)?;
        Ok(Self { key, members: smallvec![Member { name, data: payload, is_payload: true }], size })
    }

    /// Under the names by which they were found.
    pub(super) fn raw(sample: &RawSample) -> Result<Self> {
        let (key, mut members, mut size) = (sample.key().to_owned(), SmallVec::new(), 0_u64);
        for member in sample.members() {
            let name = format!("{key}.{}", member.suffix);
            let length = framed_len(&name, member.data.len() as u64).context("key", &key)?;
            size = size
                .checked_add(length)
                .ok_or_else(|| Error::invalid("the sample is longer than 64 bits can count"))?;
            let is_payload = member.suffix == SUFFIX;
            members.push(Member { name, data: member.data.clone(), is_payload });
        }
        Ok(Self { key, members, size })
    }
}
