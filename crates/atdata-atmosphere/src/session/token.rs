//! What a token says of itself. It is the server's: nothing is decided by it but when to ask for another.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Claims {
    exp: Option<u64>,
    iat: Option<u64>,
}

fn claims(token: &str) -> Option<Claims> {
    let payload = token.split('.').nth(1)?;
    let payload = BASE64URL_NOPAD.decode(payload.trim_end_matches('=').as_bytes()).ok()?;
    serde_json::from_slice(&payload).ok()
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Whether a token's time is over, as far as it says that and this machine's clock is right.
pub(super) fn is_over(token: &str) -> bool {
    claims(token).and_then(|claims| claims.exp).is_some_and(|exp| Duration::from_secs(exp) <= now())
}

/// Whether more than half of a token's life has passed.
pub(super) fn is_old(token: &str) -> bool {
    let Some(Claims { exp: Some(exp), iat: Some(iat) }) = claims(token) else { return false };
    let half = Duration::from_secs(iat) + Duration::from_secs(exp.saturating_sub(iat)) / 2;
    half <= now()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", BASE64URL_NOPAD.encode(claims.as_bytes()))
    }

    #[test]
    fn the_end_and_the_middle_of_a_life_are_noticed() {
        let now = now().as_secs();
        let of = |iat: u64, exp: u64| token(&format!(r#"{{"iat":{iat},"exp":{exp}}}"#));
        assert!(is_over(&of(now - 10, now - 1)) && is_old(&of(now - 10, now - 1)));
        assert!(!is_over(&of(now - 10, now + 5)) && is_old(&of(now - 10, now + 5)));
        assert!(!is_over(&of(now, now + 7200)) && !is_old(&of(now, now + 7200)));
    }

    #[test]
    fn what_is_no_token_says_nothing() {
        for text in ["", "a", "a.b.c", "a.!!.c", &token("[]"), &token("{}"), &token(r#"{"exp":"x"}"#)] {
            assert!(!is_over(text) && !is_old(text), "{text}");
        }
    }
}
