//! The name of a member on its way through the framer.

use std::fmt;
use std::sync::Arc;

/// Names of at most so many bytes need no memory of their own: keys like UUIDs with the suffix of a payload.
const SHORT: usize = 46;

/// Text of which there is one for each sample, and which is looked at rarely.
#[derive(Clone)]
pub(super) enum Name {
    Short { length: u8, bytes: [u8; SHORT] },
    Long(Arc<str>),
}

impl Name {
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Short { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Self::Long(text) => text.as_bytes(),
        }
    }

    /// The text. It takes a look at every byte.
    pub(super) fn as_str(&self) -> &str {
        match self {
            // It was text when it came here.
            Self::Short { .. } => std::str::from_utf8(self.as_bytes()).unwrap_or_default(),
            Self::Long(text) => text,
        }
    }
}

impl From<&str> for Name {
    fn from(text: &str) -> Self {
        let mut bytes = [0; SHORT];
        match (u8::try_from(text.len()), bytes.get_mut(..text.len())) {
            (Ok(length), Some(place)) => {
                place.copy_from_slice(text.as_bytes());
                Self::Short { length, bytes }
            }
            _ => Self::Long(text.into()),
        }
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_its_text_whatever_the_length() {
        for length in 0..200 {
            for text in ["a".repeat(length), "é".repeat(length)] {
                let name = Name::from(text.as_str());
                assert_eq!((name.as_str(), name.as_bytes()), (text.as_str(), text.as_bytes()));
                assert_eq!(matches!(name, Name::Short { .. }), text.len() <= SHORT);
            }
        }
        assert_eq!(size_of::<Name>(), 48);
    }
}
