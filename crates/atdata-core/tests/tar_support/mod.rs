//! What the tar tests share.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]

use std::path::{Path, PathBuf};

use atdata_core::Result;
use atdata_core::tar::{Member, RawSample, SampleFramer, Step, TarEncoder, TarFramer, TarOptions};
use bytes::Bytes;

pub fn fixtures() -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../atdata-testkit/fixtures")).to_owned()
}

/// A shard that Python wrote: a PAX header for each of its 59 members.
pub fn python_shard() -> Vec<u8> {
    std::fs::read(fixtures().join("python-0.7/scalars.tar")).unwrap()
}

/// What both framers have in common.
trait Framer {
    type Item;
    fn push(&mut self, chunk: Bytes);
    fn finish(&mut self);
    fn next(&mut self) -> Result<Step<Self::Item>>;
}

impl Framer for TarFramer {
    type Item = Member;
    fn push(&mut self, chunk: Bytes) {
        self.push(chunk);
    }
    fn finish(&mut self) {
        self.finish();
    }
    fn next(&mut self) -> Result<Step<Member>> {
        self.next_member_where(|_, _| true)
    }
}

impl Framer for SampleFramer {
    type Item = RawSample;
    fn push(&mut self, chunk: Bytes) {
        self.push(chunk);
    }
    fn finish(&mut self) {
        self.finish();
    }
    fn next(&mut self) -> Result<Step<RawSample>> {
        self.next_sample()
    }
}

/// Everything that comes out of an archive pushed in these chunks: members of all kinds, and the error if there was
/// one.
pub fn members(
    options: &TarOptions,
    chunks: impl IntoIterator<Item = Bytes>,
) -> (Vec<Member>, Option<String>) {
    drain(TarFramer::new(options.clone()), chunks)
}

/// The same for samples.
pub fn samples(chunks: impl IntoIterator<Item = Bytes>) -> (Vec<RawSample>, Option<String>) {
    drain(SampleFramer::default(), chunks)
}

fn drain<F: Framer>(
    mut framer: F,
    chunks: impl IntoIterator<Item = Bytes>,
) -> (Vec<F::Item>, Option<String>) {
    let mut chunks = chunks.into_iter();
    let mut items = Vec::new();
    loop {
        match framer.next() {
            Ok(Step::Item(item)) => items.push(item),
            Ok(Step::NeedInput) => match chunks.next() {
                Some(chunk) => framer.push(chunk),
                None => framer.finish(),
            },
            Ok(Step::End) => return (items, None),
            Err(error) => return (items, Some(error.to_string())),
        }
    }
}

/// Cuts an archive into chunks of these lengths, repeated.
pub fn cut(archive: &[u8], lengths: &[usize]) -> Vec<Bytes> {
    let mut rest = Bytes::copy_from_slice(archive);
    let mut chunks = Vec::new();
    for length in lengths.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        chunks.push(rest.split_to((*length).clamp(1, rest.len())));
    }
    chunks
}

/// An archive of these members, ended.
pub fn archive<'a>(members: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Vec<u8> {
    let mut encoder = TarEncoder::default();
    let mut archive = Vec::new();
    for (name, data) in members {
        archive.extend(encoder.append(name, Bytes::copy_from_slice(data)).unwrap().concat());
    }
    archive.extend_from_slice(&encoder.finish());
    archive
}

/// One header as any writer might make it, with a right checksum.
pub fn header(kind: u8, name: &[u8], size: u64) -> [u8; 512] {
    let mut header = async_tar::Header::new_ustar();
    header.as_old_mut().name[..name.len()].copy_from_slice(name);
    header.as_old_mut().linkflag = [kind];
    header.set_size(size);
    header.set_cksum();
    *header.as_bytes()
}

/// A header, its body and the padding.
pub fn block(kind: u8, name: &[u8], body: &[u8]) -> Vec<u8> {
    let mut block = header(kind, name, body.len() as u64).to_vec();
    block.extend_from_slice(body);
    block.resize(block.len().next_multiple_of(512), 0);
    block
}

/// A body of PAX records.
pub fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let mut body = Vec::new();
    for (key, value) in records {
        let length = (1..).find(|n: &usize| n.to_string().len() + key.len() + value.len() + 3 == *n).unwrap();
        body.extend_from_slice(format!("{length} {key}={value}\n").as_bytes());
    }
    body
}
