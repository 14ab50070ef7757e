//! Times as Python writes them into records.

use time::format_description::well_known::{Iso8601, Rfc3339};
use time::{Date, OffsetDateTime, PrimitiveDateTime, UtcOffset};

/// Writes a time in ISO 8601, in UTC, as Python's `isoformat` prints it: microseconds only if there are any. `None`
/// outside of the years that Python knows.
///
/// ```
/// use atdata_core::schema::{format_time, parse_time};
///
/// let time = parse_time("2026-11-22T07:06:38.5Z").unwrap();
/// assert_eq!(format_time(time).unwrap(), "2026-11-22T07:06:38.500000+00:00");
/// ```
pub fn format_time(time: OffsetDateTime) -> Option<String> {
    let time = in_python_years(time)?;
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second) = time.to_hms();
    let mut text = format!("{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}", u8::from(month));
    if time.microsecond() != 0 {
        text.push_str(&format!(".{:06}", time.microsecond()));
    }
    text.push_str("+00:00");
    Some(text)
}

/// The time in UTC, if it is in a year that Python knows.
fn in_python_years(time: OffsetDateTime) -> Option<OffsetDateTime> {
    time.checked_to_offset(UtcOffset::UTC).filter(|time| (1..=9999).contains(&time.year()))
}

/// Reads what Python's `fromisoformat` reads, of the forms in use, to the microsecond as there; a time without an
/// offset is taken as UTC.
///
/// ```
/// use atdata_core::schema::parse_time;
///
/// assert_eq!(parse_time("2026-11-22T09:06:38+02:00"), parse_time("2026-11-22T07:06:38Z"));
/// assert_eq!(parse_time("yesterday"), None);
/// ```
pub fn parse_time(text: &str) -> Option<OffsetDateTime> {
    // Python also allows a space between date and time.
    let text = match text.split_once(' ') {
        Some((date, time)) => format!("{date}T{time}"),
        None => text.to_owned(),
    };
    OffsetDateTime::parse(&text, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&text, &Iso8601::DEFAULT))
        .or_else(|_| PrimitiveDateTime::parse(&text, &Iso8601::DEFAULT).map(PrimitiveDateTime::assume_utc))
        .or_else(|_| Date::parse(&text, &Iso8601::DEFAULT).map(|date| date.midnight().assume_utc()))
        .ok()
        .and_then(in_python_years)
        .and_then(|time| time.replace_nanosecond(time.microsecond() * 1000).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_python_writes_them() {
        for (read, written) in [
            ("2026-11-22T07:06:38.789579+00:00", Some("2026-11-22T07:06:38.789579+00:00")),
            ("2026-11-22T07:06:38+00:00", Some("2026-11-22T07:06:38+00:00")),
            ("2026-11-22T07:06:38Z", Some("2026-11-22T07:06:38+00:00")),
            ("2026-11-22T07:06:38.5Z", Some("2026-11-22T07:06:38.500000+00:00")),
            ("2026-11-22 07:06:38+02:00", Some("2026-11-22T05:06:38+00:00")),
            ("2026-11-22T07:06:38", Some("2026-11-22T07:06:38+00:00")),
            ("2026-11-22", Some("2026-11-22T00:00:00+00:00")),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(parse_time(read).and_then(format_time).as_deref(), written, "{read}");
        }
    }
}
