//! Groups members to samples, as WebDataset does.

use std::borrow::Cow;

use bytes::Bytes;
use smol_str::SmolStr;

use super::framer::{Found, Member, TarFramer, TarOptions};
use super::header::{MemberKind, padded};
use super::headers::Head;
use super::name::Name;
use super::{SUFFIX, Step};
use crate::{Error, Result};

/// The most members of a sample: what is read before a sample comes out must be bounded, also for an archive that
/// gives all members one key.
const MAX_MEMBERS: usize = 1024;

/// Splits a member's name into key and suffix, or says `None` if the member belongs to no sample.
///
/// The key ends before the first dot of the base name, directories included; the suffix follows the dot. Members
/// without suffix are skipped, and so are members and directories of metadata, whose name begins and ends with two
/// underscores. The rule is WebDataset's regular expression `^((?:.*/|)[^.]+)[.]([^/]*)$` to the letter, which also
/// takes `dir/.a` for the suffix `a` of the key `dir/`.
///
/// ```
/// use atdata_core::tar::split_name;
///
/// assert_eq!(split_name("train/0001.msgpack"), Some(("train/0001", "msgpack")));
/// assert_eq!(split_name("v1.0/0001.seg.png"), Some(("v1.0/0001", "seg.png")));
/// assert_eq!(split_name("README"), None);
/// assert_eq!(split_name("__meta__/info.json"), None);
/// ```
pub fn split_name(name: &str) -> Option<(&str, &str)> {
    split_plain_name(name).or_else(|| split_any_name(name))
}

/// Splits a name as most are: a key without directories and dots, and the suffix of a payload.
fn split_plain_name(name: &str) -> Option<(&str, &str)> {
    let (key, suffix) = name.split_at_checked(name.len().checked_sub(SUFFIX.len())?)?;
    let key = key.strip_suffix('.').filter(|key| !key.is_empty() && suffix == SUFFIX)?;
    // Without an end in the middle the bytes are compared side by side.
    let special = key.bytes().fold(false, |any, byte| any | matches!(byte, b'/' | b'.' | b'\n'));
    (!special && !key.starts_with("__")).then_some((key, suffix))
}

fn split_any_name(name: &str) -> Option<(&str, &str)> {
    if is_metadata(name) {
        return None;
    }
    let base = memchr::memrchr(b'/', name.as_bytes()).map_or(0, |slash| slash + 1);
    let dot = base + memchr::memchr(b'.', name.as_bytes().get(base..)?)?;
    if dot > base && memchr::memchr(b'\n', name.as_bytes()).is_none() {
        return Some((name.get(..dot)?, name.get(dot + 1..)?));
    }
    // What stands before the dot must end in something that holds no dot and begins after a slash. In that
    // expression `.` does not match a newline, so that only slashes before the first one count.
    let directories = name.get(..dot.checked_sub(1)?).unwrap_or_default();
    let directories = directories.split('\n').next().unwrap_or_default();
    let stem = directories.rfind('/').map_or(0, |slash| slash + 1);
    if name.get(stem..dot)?.contains('.') {
        return None;
    }
    Some((name.get(..dot)?, name.get(dot + 1..)?))
}

fn is_metadata(name: &str) -> bool {
    if !name.starts_with("__") {
        return false;
    }
    match name.split_once('/') {
        Some((first, _)) => first.len() >= 4 && first.ends_with("__"),
        // A final newline does not count for an expression that ends in `$`.
        None => name.ends_with("__") || name.strip_suffix("__\n").is_some_and(|rest| rest.len() >= 2),
    }
}

/// One member of a [`RawSample`].
///
/// ```
/// use atdata_core::tar::{RawMember, RawSample};
///
/// let member = RawMember { suffix: "msgpack".into(), data_offset: 512, data: b"\x80".as_slice().into() };
/// assert_eq!(RawSample::new("a".to_owned(), 0, member).members().count(), 1);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawMember {
    /// What follows the first dot of the base name, in lower case.
    pub suffix: Cow<'static, str>,
    /// Where the data begins, in bytes of the (decompressed) archive.
    pub data_offset: u64,
    /// The data.
    pub data: Bytes,
}

/// The members of one sample, not decoded. It has at least one.
///
/// A sample of one member, as nearly all are, costs no allocation if the member's name is no longer than a UUID with its
/// suffix, and one if not.
///
/// ```
/// use atdata_core::tar::{RawMember, RawSample};
///
/// let member = RawMember { suffix: "msgpack".into(), data_offset: 512, data: b"\x80".as_slice().into() };
/// let sample = RawSample::new("a".to_owned(), 0, member);
/// assert_eq!(sample.get("msgpack").unwrap(), b"\x80".as_slice());
/// assert_eq!(sample.get("png"), None);
/// ```
#[derive(Clone, Debug)]
pub struct RawSample {
    /// The name of the first member, which begins with the key.
    name: Name,
    key_length: usize,
    /// Where the first header of the first member begins, in bytes of the (decompressed) archive.
    pub header_offset: u64,
    // Nearly every sample has one member, which then needs no allocation of its own.
    first: RawMember,
    rest: Vec<RawMember>,
}

impl RawSample {
    /// Makes a sample of one member.
    pub fn new(key: impl Into<SmolStr>, header_offset: u64, member: RawMember) -> Self {
        let key: SmolStr = key.into();
        Self {
            key_length: key.len(),
            name: Name::from(&*key),
            header_offset,
            first: member,
            rest: Vec::new(),
        }
    }

    /// The key: the members' common name up to the first dot, directories included.
    pub fn key(&self) -> &str {
        self.name.as_str().get(..self.key_length).unwrap_or_default()
    }

    fn has_key(&self, key: &[u8]) -> bool {
        self.key_length == key.len() && self.name.as_bytes().starts_with(key)
    }

    /// Adds a member.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) with `key` and `offset` if the sample has a member of this suffix;
    /// [`Unsupported`](crate::ErrorKind::Unsupported) beyond 1024 members.
    pub fn push(&mut self, member: RawMember) -> Result<()> {
        if self.rest.len() + 1 >= MAX_MEMBERS {
            return Err(Error::unsupported(format!("a sample has more than {MAX_MEMBERS} members"))
                .with("key", self.key())
                .with("offset", member.data_offset));
        }
        if self.get(&member.suffix).is_some() {
            return Err(Error::corrupt(format!(
                "a sample has two members with the suffix {}",
                member.suffix
            ))
            .with("key", self.key())
            .with("offset", member.data_offset));
        }
        self.rest.push(member);
        Ok(())
    }

    /// The data of the member with this suffix (in lower case).
    pub fn get(&self, suffix: &str) -> Option<&Bytes> {
        self.members().find(|member| member.suffix == suffix).map(|member| &member.data)
    }

    /// Copies members of at most so many bytes out of the chunk that they are slices of.
    pub(crate) fn detach(&mut self, longest: usize) {
        let members = std::iter::once(&mut self.first).chain(&mut self.rest);
        for member in members.filter(|member| member.data.len() <= longest) {
            member.data = Bytes::copy_from_slice(&member.data);
        }
    }

    /// The data, if it is that of one member.
    pub(crate) fn only_data(&mut self) -> Option<&mut Bytes> {
        self.rest.is_empty().then_some(&mut self.first.data)
    }

    /// The bytes between its first header and the end of its last member's padding.
    pub fn stored_length(&self) -> u64 {
        let last = self.rest.last().unwrap_or(&self.first);
        let end = last.data_offset.saturating_add(last.data.len() as u64);
        padded(end).unwrap_or(u64::MAX).saturating_sub(self.header_offset)
    }

    /// The members in the archive's order.
    pub fn members(&self) -> impl Iterator<Item = &RawMember> {
        std::iter::once(&self.first).chain(&self.rest)
    }
}

impl PartialEq for RawSample {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
            && self.header_offset == other.header_offset
            && self.members().eq(other.members())
    }
}

impl Eq for RawSample {}

/// Groups members that follow each other and have the same key to samples.
///
/// A sample is known to be complete when the next one begins, so it comes out one member late. The same key again
/// after another one is another sample. Use one grouper for each shard: samples never span shards.
///
/// ```
/// use atdata_core::tar::{Grouper, Step, TarEncoder, TarFramer};
///
/// let (mut encoder, mut framer, mut grouper) = (TarEncoder::default(), TarFramer::default(), Grouper::default());
/// for name in ["a.jpg", "a.json", "b.jpg"] {
///     encoder.append(name, b"..".as_slice().into())?.into_iter().for_each(|chunk| framer.push(chunk));
/// }
/// let mut keys = Vec::new();
/// while let Step::Item(member) = framer.next_member()? {
///     keys.extend(grouper.push(member)?.map(|sample| sample.key().to_owned()));
/// }
/// keys.extend(grouper.finish().map(|sample| sample.key().to_owned()));
/// assert_eq!(keys, ["a", "b"]);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Grouper {
    max_sample: u64,
    open: Option<RawSample>,
    size: u64,
}

impl Default for Grouper {
    fn default() -> Self {
        Self::new(TarOptions::default().max_member)
    }
}

impl Grouper {
    /// Makes a grouper for samples whose members have at most `max_sample` bytes together. The default one takes the
    /// limit that [`TarOptions`] has for one member.
    pub fn new(max_sample: u64) -> Self {
        Self { max_sample, open: None, size: 0 }
    }

    /// Adds the next member and gives the sample that it completes, if any. Members that belong to no sample
    /// (see [`split_name`]) are dropped.
    ///
    /// # Errors
    /// [`Corrupt`](crate::ErrorKind::Corrupt) with `key`, `member` and `offset` if a suffix repeats within a sample;
    /// [`Unsupported`](crate::ErrorKind::Unsupported) if a sample has too many members or bytes.
    pub fn push(&mut self, member: Member) -> Result<Option<RawSample>> {
        match split_name(&member.name).filter(|_| member.kind == MemberKind::File) {
            Some((key, _)) => {
                let key_length = key.len();
                self.push_named(member.into(), key_length)
            }
            None => Ok(None),
        }
    }

    /// Adds a member whose key has this length.
    fn push_named(&mut self, found: Found, key_length: usize) -> Result<Option<RawSample>> {
        let Found { head: Head { name, header_offset, data_offset, size, .. }, data } = found;
        let Some((key, suffix)) =
            name.as_bytes().get(..key_length).zip(name.as_bytes().get(key_length + 1..))
        else {
            return Ok(None);
        };
        let suffix = if suffix == SUFFIX.as_bytes() {
            Cow::Borrowed(SUFFIX)
        } else {
            name.as_str().get(key_length + 1..).unwrap_or_default().to_lowercase().into()
        };
        let member = RawMember { suffix, data_offset, data };
        if let Some(open) = self.open.as_mut().filter(|open| open.has_key(key)) {
            self.size += size;
            if self.size > self.max_sample {
                let limit = self.max_sample;
                return Err(Error::unsupported(format!("a sample exceeds the limit of {limit} bytes"))
                    .with("key", open.key())
                    .with("offset", data_offset));
            }
            open.push(member).map_err(|error| error.with("member", name.as_str()))?;
            return Ok(None);
        }
        self.size = size;
        Ok(self.open.replace(RawSample { name, key_length, header_offset, first: member, rest: Vec::new() }))
    }

    /// Gives the last sample. To be called at the end of the shard, and only if it was read without error: otherwise
    /// the sample may lack members.
    pub fn finish(&mut self) -> Option<RawSample> {
        self.open.take()
    }
}

/// Finds the samples of a shard in chunks of it: a [`TarFramer`] and a [`Grouper`] in one.
///
/// Members that belong to no sample are skipped without being buffered.
///
/// ```
/// use atdata_core::tar::{SampleFramer, Step, TarEncoder};
///
/// let (mut encoder, mut framer) = (TarEncoder::default(), SampleFramer::default());
/// encoder.append("a.msgpack", b"\x80".as_slice().into())?.into_iter().for_each(|chunk| framer.push(chunk));
/// framer.push(encoder.finish());
/// framer.finish();
///
/// let Step::Item(sample) = framer.next_sample()? else { unreachable!() };
/// assert_eq!((sample.key(), sample.get("msgpack").unwrap().len()), ("a", 1));
/// assert_eq!(framer.next_sample()?, Step::End);
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct SampleFramer {
    framer: TarFramer,
    grouper: Grouper,
    /// The length of the key of the member whose data comes next.
    key_length: usize,
}

impl SampleFramer {
    /// Makes a framer at the beginning of a shard.
    pub fn new(options: TarOptions) -> Self {
        Self::starting_at(options, 0)
    }

    /// Makes a framer that begins at this offset of a shard, where the first header of a sample stands.
    pub fn starting_at(options: TarOptions, offset: u64) -> Self {
        let grouper = Grouper::new(options.max_member);
        Self { grouper, framer: TarFramer::starting_at(options, offset), key_length: 0 }
    }

    /// Adds the next chunk of the shard.
    pub fn push(&mut self, chunk: Bytes) {
        self.framer.push(chunk);
    }

    /// Says that the last chunk was pushed.
    pub fn finish(&mut self) {
        self.framer.finish();
    }

    /// As [`TarFramer::wanted`].
    pub(crate) fn wanted(&self) -> (u64, u64) {
        self.framer.wanted()
    }

    /// As [`TarFramer::replace`].
    pub(crate) fn replace(&mut self, piece: Bytes) {
        self.framer.replace(piece);
    }

    /// Finds the next sample.
    ///
    /// # Errors
    /// As [`TarFramer::next_member_where`] and [`Grouper::push`]. A sample that was open when the shard turned out to
    /// be damaged is not given: it may lack members. After an error the rest of the shard cannot be read.
    pub fn next_sample(&mut self) -> Result<Step<RawSample>> {
        let Self { framer, grouper, key_length } = self;
        loop {
            // Names are split once, when the header is read.
            let mut wanted = |kind, name: &str| {
                let split = split_name(name).filter(|_| kind == MemberKind::File);
                split.inspect(|(key, _)| *key_length = key.len()).is_some()
            };
            match framer.find_where(&mut wanted)? {
                Step::Item(found) => {
                    // Reading on would give what is left of a bad sample.
                    let sample = grouper.push_named(found, *key_length).inspect_err(|_| framer.fail())?;
                    if let Some(sample) = sample {
                        return Ok(Step::Item(sample));
                    }
                }
                Step::NeedInput => return Ok(Step::NeedInput),
                Step::End => return Ok(grouper.finish().map_or(Step::End, Step::Item)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn member(name: &str) -> Member {
        Member {
            name: name.into(),
            kind: MemberKind::File,
            header_offset: 0,
            data_offset: 512,
            data: Bytes::new(),
        }
    }

    /// The groups of `names`, each as its key and its suffixes.
    fn groups(names: &[&str]) -> Result<Vec<(String, Vec<String>)>> {
        let mut grouper = Grouper::default();
        let mut samples = Vec::new();
        for name in names {
            samples.extend(grouper.push(member(name))?);
        }
        samples.extend(grouper.finish());
        let suffixes =
            |sample: &RawSample| sample.members().map(|member| member.suffix.to_string()).collect();
        Ok(samples.iter().map(|sample| (sample.key().to_owned(), suffixes(sample))).collect())
    }

    #[test]
    fn names_split_as_the_regular_expression_does() {
        // Evaluated with Python's `re`.
        for (name, split) in [
            ("a.x", Some(("a", "x"))),
            ("a.X.y", Some(("a", "X.y"))),
            ("a", None),
            ("", None),
            (".", None),
            (".a", None),
            ("..a", None),
            ("a.", Some(("a", ""))),
            ("a..b", Some(("a", ".b"))),
            ("/a.b", Some(("/a", "b"))),
            ("./a.x", Some(("./a", "x"))),
            ("a.d/b.x", Some(("a.d/b", "x"))),
            ("a.x/", None),
            ("a.x/b", None),
            ("dir/.hidden", Some(("dir/", "hidden"))),
            ("b/..x", Some(("b/", ".x"))),
            ("a/b/.x", Some(("a/b/", "x"))),
            ("a.d/b/.x", Some(("a.d/b/", "x"))),
            ("/.x", Some(("/", "x"))),
            ("a//.x", Some(("a//", "x"))),
            ("a.b/.x", None),
            ("c/a.b/.x", None),
            ("./.DS_Store", None),
            ("a\nb/c.x", Some(("a\nb/c", "x"))),
            ("a.\nb/c.x", None),
            ("a.x\n", Some(("a", "x\n"))),
            ("x/\n/.y", Some(("x/\n/", "y"))),
            ("x.y/\n/.z", Some(("x.y/\n/", "z"))),
            ("\n.z", Some(("\n", "z"))),
            ("été/è.msgpack", Some(("été/è", "msgpack"))),
        ] {
            assert_eq!(split_any_name(name), split, "{name:?}");
            assert_eq!(split_name(name), split, "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn a_plain_name_splits_as_any(key in "[_a-zé./\n]{0,40}", suffix in "(\\.msgpack|[._a-z/\n]{0,4}msgpack)") {
            let name = key + &suffix;
            if let Some(split) = split_plain_name(&name) {
                prop_assert_eq!(Some(split), split_any_name(&name));
            }
        }
    }

    #[test]
    fn plain_names_are_noticed() {
        assert_eq!(split_plain_name("000017.msgpack"), Some(("000017", "msgpack")));
        assert_eq!(split_plain_name("train/000017.msgpack"), None);
    }

    #[test]
    fn metadata_is_skipped() {
        for name in ["__a__", "__", "___", "__a.b__", "__a__/b.x", "__a.b__/c.x", "____/b.x", "__a__\n"] {
            assert!(is_metadata(name), "{name:?}");
        }
        for name in ["__a__.x", "a/__b__", "___/b.x", "__a/b__.x", "_a_", "__a__\n/b.x", "__\n"] {
            assert!(!is_metadata(name), "{name:?}");
        }
    }

    #[test]
    fn consecutive_members_of_a_key_are_one_sample() {
        let found = groups(&["a.x", "README", "__m__", "a.Y.Z", "b.x", "a.x"]).unwrap();
        let found = found.iter().map(|(key, suffixes)| format!("{key}: {}", suffixes.join(" ")));
        assert_eq!(found.collect::<Vec<_>>(), ["a: x y.z", "b: x", "a: x"]);
    }

    #[test]
    fn a_repeated_suffix_is_corrupt_and_names_key_and_suffix() {
        let error = groups(&["a.x", "a.X"]).unwrap_err();
        assert_eq!(error.kind(), crate::ErrorKind::Corrupt);
        assert_eq!(error.context_value("key"), Some("a"));
        assert_eq!(error.context_value("member"), Some("a.X"));
        assert!(error.message().ends_with("the suffix x"), "{error}");
    }

    #[test]
    fn a_sample_is_bounded_in_members_and_bytes() {
        let names = (0..=MAX_MEMBERS).map(|i| format!("a.{i}")).collect::<Vec<_>>();
        let names = names.iter().map(String::as_str).collect::<Vec<_>>();
        assert_eq!(groups(&names[..MAX_MEMBERS]).unwrap()[0].1.len(), MAX_MEMBERS);
        assert_eq!(groups(&names).unwrap_err().kind(), crate::ErrorKind::Unsupported);

        let mut grouper = Grouper::new(7);
        let of_four = |name| Member { data: Bytes::from_static(b"four"), ..member(name) };
        grouper.push(of_four("a.x")).unwrap();
        assert_eq!(grouper.push(of_four("b.x")).unwrap().unwrap().key(), "a");
        assert_eq!(grouper.push(of_four("b.y")).unwrap_err().kind(), crate::ErrorKind::Unsupported);
    }

    #[test]
    fn no_samples_come_from_no_members() {
        assert!(groups(&[]).unwrap().is_empty());
        assert!(groups(&["README", ".hidden"]).unwrap().is_empty());
    }
}
