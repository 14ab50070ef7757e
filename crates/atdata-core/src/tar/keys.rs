//! Keys of samples that are to be written.

use std::iter::FusedIterator;

use super::MAX_NAME;
use crate::{Error, Result};

/// Checks that a sample of this key is read back under the same key, by us and by Python.
///
/// A key may have directories. It is refused if it is empty or very long, begins or ends with a slash, has an empty
/// component, `.` or `..`, a control character, a dot after the last slash (the suffix would begin there), or a first
/// component in double underscores (such members are metadata and are skipped).
///
/// ```
/// use atdata_core::tar::validate_key;
///
/// assert!(validate_key("train/000017").is_ok());
/// assert!(validate_key("photo.v2").is_err());
/// ```
///
/// # Errors
/// [`Invalid`](crate::ErrorKind::Invalid) with the `key`.
pub fn validate_key(key: &str) -> Result<()> {
    // Most keys are made of these, of which none is special but at the beginning.
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if (1..=64).contains(&key.len()) && !key.starts_with('_') && key.as_bytes().iter().all(plain) {
        return Ok(());
    }
    let base = key.rsplit('/').next().unwrap_or_default();
    let first = key.split('/').next().unwrap_or_default();
    let fault = if key.is_empty() {
        "a sample key may not be empty"
    } else if key.len() > MAX_NAME / 2 {
        "a sample key may not be longer than 2048 bytes"
    } else if key.chars().any(char::is_control) {
        "a sample key may not contain control characters"
    } else if key.starts_with('/') {
        "a sample key may not begin with a slash"
    } else if base.is_empty() {
        "a sample key may not end in a slash"
    } else if key.split('/').any(|component| matches!(component, "" | "." | "..")) {
        "a sample key may not have an empty component, `.` or `..`"
    } else if base.contains('.') {
        "a sample key may not contain a dot after the last slash: the member's suffix begins there"
    } else if first.starts_with("__") && first.ends_with("__") {
        "a sample key may not begin with a name in double underscores: such members are skipped"
    } else {
        return Ok(());
    };
    Err(Error::invalid(fault).with("key", key))
}

/// The member name `"{key}.{suffix}"`, after checking that it is read back as this key and suffix.
///
/// ```
/// use atdata_core::tar::member_name;
///
/// assert_eq!(member_name("000017", "msgpack")?, "000017.msgpack");
/// # Ok::<(), atdata_core::Error>(())
/// ```
///
/// # Errors
/// [`Invalid`](crate::ErrorKind::Invalid) for a bad key (see [`validate_key`]) and for a suffix that is empty or very
/// long or contains slashes, control characters or upper case.
pub fn member_name(key: &str, suffix: &str) -> Result<String> {
    validate_key(key)?;
    let bad = |c: char| c == '/' || c.is_control();
    if suffix.is_empty()
        || suffix.len() >= MAX_NAME / 2
        || suffix.contains(bad)
        || suffix != suffix.to_lowercase()
    {
        let fault = "a suffix must be short lower-case text without slashes and control characters";
        return Err(Error::invalid(fault).with("member", format!("{key}.{suffix}")).with("key", key));
    }
    Ok([key, ".", suffix].concat())
}

/// Keys for samples that have none of their own: `000000000000`, `000000000001` and so on. They sort as they count.
///
/// ```
/// use atdata_core::tar::SequentialKeys;
///
/// let keys = SequentialKeys::starting_at(41).take(2).collect::<Vec<_>>();
/// assert_eq!(keys, ["000000000041", "000000000042"]);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SequentialKeys {
    next: u64,
}

impl SequentialKeys {
    /// How many keys there are: as many as twelve digits can name.
    pub const COUNT: u64 = 1_000_000_000_000;

    /// Makes keys that begin with this number, to go on where other keys ended. There are none from
    /// [`SequentialKeys::COUNT`] on.
    pub fn starting_at(next: u64) -> Self {
        Self { next }
    }
}

impl Iterator for SequentialKeys {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let key = self.next;
        if key >= Self::COUNT {
            return None;
        }
        self.next = key + 1;
        let (mut text, mut number, digits) = (String::with_capacity(12), itoa::Buffer::new(), 12);
        let number = number.format(key);
        text.extend(std::iter::repeat_n('0', digits - number.len().min(digits)));
        text.push_str(number);
        Some(text)
    }
}

impl FusedIterator for SequentialKeys {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tar::split_name;

    #[test]
    fn a_valid_key_is_read_back() {
        for key in
            ["a", "train/000017", "v1.0/x", "été/1", "_x_", "a/__x__", "68ffa25c-e649-11f1-8000-000000000000"]
        {
            let name = member_name(key, "seg.png").unwrap();
            assert_eq!(split_name(&name), Some((key, "seg.png")));
        }
    }

    #[test]
    fn a_bad_key_is_invalid_and_named() {
        let bad = [
            "", "a.b", "d/a.b", "/a", "a/", "a//b", "./a", "../a", "a/..", ".", "..", "a\nb", "a\0", "__a__",
            "__",
        ];
        for key in bad.into_iter().chain(["__a__/b", ".a", &"k".repeat(2049)]) {
            let error = validate_key(key).unwrap_err();
            assert_eq!(error.kind(), crate::ErrorKind::Invalid);
            assert_eq!(error.context_value("key"), Some(key));
        }
    }

    #[test]
    fn a_bad_suffix_is_invalid() {
        for suffix in ["", "a/b", "MSGPACK", "a\n", &"s".repeat(2048)] {
            assert!(member_name("a", suffix).is_err(), "{suffix}");
        }
    }

    #[test]
    fn sequential_keys_end_before_they_stop_sorting() {
        let mut keys = SequentialKeys::starting_at(SequentialKeys::COUNT - 1);
        assert_eq!(keys.next().as_deref(), Some("999999999999"));
        assert_eq!(keys.next(), None);
        assert_eq!(SequentialKeys::starting_at(u64::MAX).next(), None);
    }
}
