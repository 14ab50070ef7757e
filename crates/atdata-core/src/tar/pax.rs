//! PAX extended header records.

use smol_str::SmolStr;

use crate::{Error, Result};

/// The records of one PAX header that matter to a reader of data.
///
/// For each key: `None` where the header does not speak of it, `Some(None)` where it has an empty value, which
/// takes back what a global header said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PaxRecords {
    pub(super) path: Option<Option<SmolStr>>,
    pub(super) size: Option<Option<u64>>,
    pub(super) sparse: bool,
}

impl PaxRecords {
    /// Parses the body of a header that begins at `offset`. Unknown keys are ignored; of a repeated key the last
    /// record counts.
    pub(super) fn parse(body: &[u8], offset: u64) -> Result<Self> {
        let mut records = Self::default();
        let mut rest = body;
        // Some writers fill the body up with NULs.
        while rest.iter().any(|byte| *byte != 0) {
            let at = offset + (body.len() - rest.len()) as u64;
            let (record, tail) =
                split_record(rest).ok_or_else(|| corrupt("a PAX record is malformed", at))?;
            records.add(record, at)?;
            rest = tail;
        }
        Ok(records)
    }

    /// Takes over what `later` says, for global headers that follow each other.
    pub(super) fn update(&mut self, later: PaxRecords) {
        self.path = later.path.or(self.path.take());
        self.size = later.size.or(self.size.take());
        self.sparse |= later.sparse;
    }

    fn add(&mut self, Record { key, value }: Record<'_>, at: u64) -> Result<()> {
        match key {
            b"path" if value.is_empty() => self.path = Some(None),
            b"path" if value.contains(&0) => return Err(corrupt("a PAX path contains a NUL", at)),
            b"path" => self.path = Some(Some(super::headers::utf8_name(value.into(), at)?.into())),
            b"size" if value.is_empty() => self.size = Some(None),
            b"size" => {
                let size = decimal(value).ok_or_else(|| corrupt("a PAX size is not a number", at))?;
                self.size = Some(Some(size));
            }
            _ if key.starts_with(b"GNU.sparse.") => self.sparse = true,
            _ => {}
        }
        Ok(())
    }
}

struct Record<'a> {
    key: &'a [u8],
    value: &'a [u8],
}

/// Splits off `"{length} {key}={value}\n"`, where the length counts the whole record: a value may hold newlines.
fn split_record(bytes: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let digits = bytes.iter().position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(bytes.get(..digits)?)?).ok()?;
    let (record, rest) = bytes.split_at_checked(length)?;
    let pair = record.get(digits + 1..)?.strip_suffix(b"\n")?;
    let equals = pair.iter().position(|byte| *byte == b'=')?;
    let key = pair.get(..equals).filter(|key| !key.is_empty())?;
    Some((Record { key, value: pair.get(equals + 1..)? }, rest))
}

fn decimal(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, byte| match byte {
        b'0'..=b'9' => value.checked_mul(10)?.checked_add(u64::from(byte - b'0')),
        _ => None,
    })
}

fn corrupt(message: &'static str, offset: u64) -> Error {
    Error::corrupt(message).with("offset", offset)
}

/// Appends one record to the body of a PAX header.
pub(super) fn push_record(body: &mut Vec<u8>, key: &str, value: &str) {
    // The length counts its own digits.
    let bare = key.len() + value.len() + 3;
    let mut length = bare + 1;
    while bare + length.to_string().len() != length {
        length = bare + length.to_string().len();
    }
    body.extend_from_slice(format!("{length} {key}={value}\n").as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &[u8]) -> Result<PaxRecords> {
        PaxRecords::parse(body, 512)
    }

    #[test]
    fn records_are_read_by_their_length() {
        let mut body = Vec::new();
        push_record(&mut body, "comment", "30 path=not this\none");
        push_record(&mut body, "path", "a\nb=c.msgpack");
        push_record(&mut body, "size", "8589934592");
        let records = parse(&body).unwrap();
        assert_eq!(records.path, Some(Some("a\nb=c.msgpack".into())));
        assert_eq!(records.size, Some(Some(8 << 30)));
        assert!(!records.sparse);
    }

    #[test]
    fn a_length_counts_its_own_digits() {
        for size in [1, 90, 91, 92, 93, 988, 989, 990, 991, 992] {
            let value = "v".repeat(size);
            let mut body = Vec::new();
            push_record(&mut body, "path", &value);
            assert_eq!(parse(&body).unwrap().path, Some(Some(value.into())));
        }
    }

    #[test]
    fn an_empty_value_takes_a_global_one_back() {
        assert_eq!(parse(b"8 path=\n8 size=\n").unwrap().path, Some(None));
        assert_eq!(parse(b"8 path=\n8 size=\n").unwrap().size, Some(None));
    }

    #[test]
    fn other_keys_and_trailing_nuls_are_ignored() {
        assert_eq!(parse(b"28 mtime=1795333839.4914765\n\0\0").unwrap(), PaxRecords::default());
    }

    #[test]
    fn sparse_keys_are_noticed() {
        assert!(parse(b"22 GNU.sparse.major=1\n").unwrap().sparse);
    }

    #[test]
    fn malformed_records_are_corrupt_with_offset() {
        for body in [
            b"x path=a\n".as_slice(),
            b"11 path=a\n",
            b"9 path=ab\n",
            b"0 path=a\n",
            b"99999999999999999999999 path=a\n",
            b"10 path:a\n",
            b"5 =a\n",
            b"11 size=-1\n",
            b"11 size=1x\n",
            b"12 path=a\0b\n",
            b"path",
        ] {
            let error = parse(body).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Corrupt, "{body:?}");
            assert_eq!(error.context_value("offset"), Some("512"), "{body:?}");
        }
    }
}
