//! The secret that a client must know.

use std::fmt;

use atdata_core::shard::hex;
use atdata_core::{Error, Result};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use uuid::Uuid;

/// The least characters of a token: shorter ones can be guessed.
const SHORTEST: usize = 16;
/// The most characters of a token, so that it fits a header.
const LONGEST: usize = 512;

/// The secret that a client must know. It is in no `Debug` output.
///
/// ```
/// use atdata_serve::Token;
///
/// let token = Token::generate();
/// assert_eq!(token.as_str().len(), 64);
/// assert_eq!(format!("{token:?}"), "Token(***)");
/// assert!(Token::new("hunter2").is_err());
/// ```
#[derive(Clone)]
pub struct Token(String);

impl Token {
    /// A random token of 244 bits, in hexadecimal digits.
    pub fn generate() -> Self {
        Self(format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()))
    }

    /// A token of one's own; spaces and line ends around it do not count.
    ///
    /// # Errors
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) unless it is 16 to 512 letters, digits and `. - _ ~ + / =`.
    pub fn new(text: &str) -> Result<Self> {
        let text = text.trim();
        let allowed = |c: char| c.is_ascii_alphanumeric() || ".-_~+/=".contains(c);
        if !(SHORTEST..=LONGEST).contains(&text.len()) || !text.chars().all(allowed) {
            return Err(Error::invalid(format!(
                "a token is {SHORTEST} to {LONGEST} letters, digits and . - _ ~ + / ="
            )));
        }
        Ok(Self(text.to_owned()))
    }

    /// The secret itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether somebody knows the token. How long that takes does not tell how much of it was right.
    pub(crate) fn is(&self, offered: &str) -> bool {
        same(&self.0, offered)
    }

    /// What the browser keeps in its place: a cookie goes to every port of a host, and another server there must not
    /// learn the token.
    pub(crate) fn cookie(&self) -> String {
        hex(&Sha256::new().chain_update("atdata serve cookie\0").chain_update(&self.0).finalize())
    }

    /// Whether a cookie was made of this token.
    pub(crate) fn is_cookie(&self, offered: &str) -> bool {
        same(&self.cookie(), offered)
    }
}

fn same(expected: &str, offered: &str) -> bool {
    expected.as_bytes().ct_eq(offered.as_bytes()).into()
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_compared_as_a_whole() {
        let (a, b) = (Token::generate(), Token::generate());
        assert!(a.is(a.as_str()) && !a.is(b.as_str()) && !a.is(""));
        assert!(!a.is(&a.as_str()[..63]));
        assert!(a.is_cookie(&a.cookie()) && !a.is_cookie(a.as_str()) && !b.is_cookie(&a.cookie()));
        assert!(!a.cookie().contains(a.as_str()));
    }

    #[test]
    fn tokens_of_files_are_trimmed_and_checked() {
        assert_eq!(Token::new(" abcdefghijklmnop\n").unwrap().as_str(), "abcdefghijklmnop");
        for bad in ["", "short", "abcdefghijklmno p", "abcdefghijklmnopé", &"a".repeat(513)] {
            let error = Token::new(bad).unwrap_err().to_string();
            assert!(bad.is_empty() || !error.contains(bad), "{error}");
        }
    }
}
