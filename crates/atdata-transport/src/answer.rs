//! What the headers of an answer say.

use std::time::Duration;

use atdata_core::remote::{ObjectInfo, Validator};
use atdata_core::{Error, Result};
use reqwest::header::{
    AsHeaderName, CONTENT_LENGTH, CONTENT_RANGE, DATE, ETAG, HeaderMap, LAST_MODIFIED, RETRY_AFTER,
};
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

/// How long ago a change has to be for its time to be a strong validator: clocks have seconds (RFC 9110, 8.8.2.2).
const STRONG_AGE: Duration = Duration::from_secs(60);

/// The form of dates in headers (RFC 9110, 5.6.7) that everybody has to write.
const HTTP_DATE: &[BorrowedFormatItem<'static>] =
    format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");

fn text(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

fn date(headers: &HeaderMap, name: impl AsHeaderName) -> Option<OffsetDateTime> {
    let date = time::PrimitiveDateTime::parse(text(headers, name)?, HTTP_DATE).ok()?;
    Some(date.assume_utc())
}

/// The version, where there is a strong validator.
pub(crate) fn validator(headers: &HeaderMap) -> Option<Validator> {
    if let Some(etag) = text(headers, ETAG).filter(|etag| is_strong(etag)) {
        return Some(Validator::ETag(etag.to_owned()));
    }
    let (changed, now) = (date(headers, LAST_MODIFIED)?, date(headers, DATE)?);
    let strong = now - changed >= STRONG_AGE;
    text(headers, LAST_MODIFIED).filter(|_| strong).map(|changed| Validator::LastModified(changed.to_owned()))
}

fn is_strong(etag: &str) -> bool {
    etag.len() > 2 && etag.starts_with('"') && etag.ends_with('"')
}

/// What an answer with the whole object says.
pub(crate) fn whole(headers: &HeaderMap) -> ObjectInfo {
    let size = text(headers, CONTENT_LENGTH).and_then(|length| length.parse().ok());
    ObjectInfo { size, validator: validator(headers) }
}

/// What an answer with a part says, and where the part begins. `asked` is the version that was asked for by `If-Range`:
/// such an answer need not repeat a time.
///
/// # Errors
/// [`Unavailable`](atdata_core::ErrorKind::Unavailable) if it does not say which part it is.
pub(crate) fn part(headers: &HeaderMap, asked: Option<&Validator>) -> Result<(ObjectInfo, u64)> {
    let (start, size) = text(headers, CONTENT_RANGE).and_then(content_range).ok_or_else(|| {
        Error::unavailable("the server says that it sends a part of the object, but not which")
    })?;
    let mut validator = validator(headers);
    if validator.is_none() && !headers.contains_key(LAST_MODIFIED) {
        validator = asked.filter(|asked| matches!(asked, Validator::LastModified(_))).cloned();
    }
    Ok((ObjectInfo { size, validator }, start))
}

/// `bytes FIRST-LAST/LENGTH`, as first byte and length.
fn content_range(text: &str) -> Option<(u64, Option<u64>)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.trim().split_once('-')?;
    let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
    let size = match size.trim() {
        "*" => None,
        size => Some(size.parse().ok()?),
    };
    (first <= last && size.is_none_or(|size| last < size)).then_some((first, size))
}

/// Whether an answer that there is no such part says that there are no bytes at all.
pub(crate) fn is_empty_object(headers: &HeaderMap) -> bool {
    text(headers, CONTENT_RANGE)
        .is_some_and(|range| range.strip_prefix("bytes */").map(str::trim) == Some("0"))
}

/// How long the server asks to wait: seconds, or a date, which is compared with the server's own.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    if let Ok(seconds) = text(headers, RETRY_AFTER)?.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = date(headers, RETRY_AFTER)?;
    let now = date(headers, DATE).unwrap_or_else(OffsetDateTime::now_utc);
    Some((until - now).try_into().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use reqwest::header::{HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    const CHANGED: &str = "Wed, 21 Oct 2015 07:28:00 GMT";

    #[test]
    fn only_strong_validators_count() {
        let etag = |etag: &str| validator(&headers(&[("etag", etag)]));
        assert_eq!(etag("\"x-1\""), Some(Validator::ETag("\"x-1\"".to_owned())));
        for weak in ["W/\"x\"", "\"\"", "\"", "x", ""] {
            assert_eq!(etag(weak), None, "{weak}");
        }
        let changed = |now: &str| validator(&headers(&[("last-modified", CHANGED), ("date", now)]));
        assert_eq!(
            changed("Wed, 21 Oct 2015 07:29:00 GMT"),
            Some(Validator::LastModified(CHANGED.to_owned()))
        );
        for now in ["Wed, 21 Oct 2015 07:28:59 GMT", "Tue, 20 Oct 2015 07:28:59 GMT", "yesterday"] {
            assert_eq!(changed(now), None, "{now}");
        }
    }

    #[test]
    fn parts_say_where_they_are() {
        let of = |range: &str| part(&headers(&[("content-range", range)]), None).ok();
        let info = |size| ObjectInfo { size, validator: None };
        assert_eq!(of("bytes 5-9/10"), Some((info(Some(10)), 5)));
        assert_eq!(of("bytes 5-9/*"), Some((info(None), 5)));
        for wrong in
            ["", "bytes */10", "bytes 9-5/10", "bytes 5-10/10", "items 5-9/10", "bytes 5-9", "bytes -5-9/10"]
        {
            assert_eq!(of(wrong), None, "{wrong}");
        }
        assert!(part(&headers(&[]), None).unwrap_err().is_retryable());
        assert!(is_empty_object(&headers(&[("content-range", "bytes */0")])));
        assert!(!is_empty_object(&headers(&[("content-range", "bytes */10")])));
    }

    #[test]
    fn a_part_of_the_version_that_was_asked_for_need_not_say_it_again() {
        let range = ("content-range", "bytes 5-9/10");
        let asked = Validator::LastModified(CHANGED.to_owned());
        let found = |headers| part(&headers, Some(&asked)).unwrap().0.validator;
        assert_eq!(found(headers(&[range])), Some(asked.clone()));
        let other = ("last-modified", "Thu, 22 Oct 2015 07:28:00 GMT");
        assert_ne!(found(headers(&[range, other])), Some(asked.clone()));
        let tag = Validator::ETag("\"x\"".to_owned());
        assert_eq!(part(&headers(&[range]), Some(&tag)).unwrap().0.validator, None);
    }

    #[test]
    fn servers_ask_to_wait_in_seconds_and_until_a_date() {
        let now = ("date", CHANGED);
        let wait = |value| retry_after(&headers(&[("retry-after", value), now]));
        assert_eq!(wait("120"), Some(Duration::from_secs(120)));
        assert_eq!(wait("Wed, 21 Oct 2015 07:28:30 GMT"), Some(Duration::from_secs(30)));
        assert_eq!(wait("Tue, 20 Oct 2015 07:28:30 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("soon"), None);
    }
}
