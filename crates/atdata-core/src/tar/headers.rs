//! What headers say, one after the other: the state of an archive between its members.

use std::borrow::Cow;

use super::framer::{State, TarOptions};
use super::header::{BLOCK, HeaderBlock, HeaderKind, MemberKind, Verdict, padded, until_nul};
use super::name::Name;
use super::pax::PaxRecords;
use crate::{Error, Result};

/// A member whose data has not been read.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) name: Name,
    pub(super) kind: MemberKind,
    pub(super) header_offset: u64,
    pub(super) data_offset: u64,
    pub(super) size: u64,
}

/// What extension headers said of the next member.
#[derive(Debug, Default)]
struct Extensions {
    /// Where the first of them begins.
    offset: Option<u64>,
    pax: Option<PaxRecords>,
    long_name: Option<Box<[u8]>>,
    long_link: bool,
}

/// Reads headers.
#[derive(Debug, Default)]
pub(super) struct Headers {
    options: TarOptions,
    global: PaxRecords,
    pending: Extensions,
}

impl Headers {
    pub(super) fn new(options: TarOptions) -> Self {
        Self { options, ..Self::default() }
    }

    pub(super) fn options(&self) -> &TarOptions {
        &self.options
    }

    /// Where the extension headers begin whose member has not come yet.
    pub(super) fn extended_from(&self) -> Option<u64> {
        self.pending.offset
    }

    /// What follows a header block at this offset. `wanted` says whether a member's data is.
    pub(super) fn read(
        &mut self,
        block: &HeaderBlock<'_>,
        offset: u64,
        wanted: &mut impl FnMut(MemberKind, &str) -> bool,
    ) -> Result<State> {
        match block.verify() {
            Verdict::Valid => {}
            Verdict::Zero => {
                return match self.pending.offset {
                    Some(extension) => {
                        Err(corrupt("an extension header is not followed by a member", extension))
                    }
                    None => Ok(State::Tail { marker: offset }),
                };
            }
            Verdict::Mismatch if offset == 0 => {
                return Err(corrupt("not a tar archive: the first header's checksum is wrong", offset));
            }
            Verdict::Mismatch => return Err(corrupt("a header's checksum is wrong", offset)),
        }
        let stated =
            block.size().ok_or_else(|| corrupt("a header's size field is not a valid size", offset))?;
        let header_offset = self.pending.offset.unwrap_or(offset);
        match block.kind() {
            HeaderKind::Member(kind) => {
                let extensions = std::mem::take(&mut self.pending);
                self.member(block, kind, stated, offset, (header_offset, extensions), wanted)
            }
            HeaderKind::Sparse => Err(sparse(&block.path(), header_offset)),
            // The records of an `x` header speak of the member, never of another extension header: its size is
            // the one in its own block, whatever they say.
            kind => self.extension_header(kind, stated, offset),
        }
    }

    fn member(
        &self,
        block: &HeaderBlock<'_>,
        kind: MemberKind,
        stated: u64,
        offset: u64,
        (header_offset, extensions): (u64, Extensions),
        wanted: &mut impl FnMut(MemberKind, &str) -> bool,
    ) -> Result<State> {
        let Extensions { pax, long_name, .. } = extensions;
        let pax = pax.unwrap_or_default();
        let pax_size = pax.size.or(self.global.size).flatten();
        let is_sparse = (pax.sparse || self.global.sparse) && kind == MemberKind::File;
        let check = |path: &[u8]| match self.options.max_name {
            _ if is_sparse => Err(sparse(path, header_offset)),
            limit if path.len() > limit => {
                let fault = format!("a member name is longer than the limit of {limit} bytes");
                Err(Error::unsupported(fault).with("offset", header_offset))
            }
            _ => Ok(()),
        };
        let pax_path = pax.path.or_else(|| self.global.path.clone()).flatten();
        let name = match (&long_name, &pax_path) {
            (None, Some(path)) => {
                check(path.as_bytes())?;
                Cow::Borrowed(path.as_str())
            }
            (long, _) => {
                let path = long.as_ref().map_or_else(|| block.path(), |long| Cow::Borrowed(&long[..]));
                check(&path)?;
                utf8_name(path, header_offset)?
            }
        };
        let size = if kind.has_body() { pax_size.unwrap_or(stated) } else { 0 };
        let left = padded(size).ok_or_else(|| {
            corrupt("a member's size does not fit in 64 bits", header_offset).with("member", &name)
        })?;
        if !wanted(kind, &name) {
            return Ok(State::Skip { left, header_offset });
        }
        if size > self.options.max_member || usize::try_from(size).is_err() {
            let limit = self.options.max_member;
            return Err(Error::unsupported(format!("a member of {size} bytes exceeds the limit of {limit}"))
                .with("offset", header_offset)
                .with("member", name));
        }
        let data_offset = offset + BLOCK as u64;
        Ok(State::Body(Head { name: Name::from(&*name), kind, header_offset, data_offset, size }))
    }

    fn extension_header(&mut self, kind: HeaderKind, size: u64, header_offset: u64) -> Result<State> {
        let twice = match kind {
            HeaderKind::PaxLocal => self.pending.pax.is_some(),
            HeaderKind::LongName => self.pending.long_name.is_some(),
            HeaderKind::LongLink => std::mem::replace(&mut self.pending.long_link, true),
            _ => false,
        };
        if twice {
            return Err(corrupt("a member has two extension headers of one kind", header_offset));
        }
        if size > self.options.max_extension {
            let limit = self.options.max_extension;
            return Err(Error::unsupported(format!(
                "an extension header of {size} bytes exceeds the limit of {limit}"
            ))
            .with("offset", header_offset));
        }
        // A global header belongs to no member.
        if kind != HeaderKind::PaxGlobal {
            self.pending.offset.get_or_insert(header_offset);
        }
        Ok(State::Extension { kind, header_offset, size })
    }

    /// Takes in the body of an extension header, which began at this offset.
    pub(super) fn extend(&mut self, kind: HeaderKind, body: &[u8], offset: u64) -> Result<()> {
        match kind {
            HeaderKind::PaxLocal => self.pending.pax = Some(PaxRecords::parse(body, offset)?),
            HeaderKind::PaxGlobal => self.global.update(PaxRecords::parse(body, offset)?),
            HeaderKind::LongName => self.pending.long_name = Some(until_nul(body).into()),
            // Where a link points does not matter to a reader of data.
            HeaderKind::LongLink | HeaderKind::Member(_) | HeaderKind::Sparse => {}
        }
        Ok(())
    }
}

/// The text of a member name.
pub(super) fn utf8_name(name: Cow<'_, [u8]>, offset: u64) -> Result<Cow<'_, str>> {
    let refuse = |name: &[u8]| {
        Error::unsupported("a member name is not UTF-8")
            .with("member", String::from_utf8_lossy(name))
            .with("offset", offset)
    };
    match name {
        Cow::Borrowed(name) => std::str::from_utf8(name).map(Cow::Borrowed).map_err(|_| refuse(name)),
        Cow::Owned(name) => String::from_utf8(name).map(Cow::Owned).map_err(|error| refuse(error.as_bytes())),
    }
}

pub(super) fn corrupt(message: &'static str, offset: u64) -> Error {
    Error::corrupt(message).with("offset", offset)
}

fn sparse(name: &[u8], offset: u64) -> Error {
    Error::unsupported("the archive holds a sparse file; pack it again without holes")
        .with("member", String::from_utf8_lossy(name))
        .with("offset", offset)
}
