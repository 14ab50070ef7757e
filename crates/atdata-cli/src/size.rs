//! Sizes in bytes, as people write and read them.

/// Reads `500`, `64MB`, `1.5 GiB`: decimal units without, binary units with an `i`.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is not a size; write 500, 64MB or 1GiB");
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits).ok_or_else(wrong)?;
    let number: f64 = number.parse().map_err(|_| wrong())?;
    let factor: f64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "k" | "kb" => 1e3,
        "m" | "mb" => 1e6,
        "g" | "gb" => 1e9,
        "t" | "tb" => 1e12,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return Err(wrong()),
    };
    let bytes = number * factor;
    if !(1.0..9e18).contains(&bytes) {
        return Err(format!("a size must be at least one byte and fit the machine, not {text}"));
    }
    // In range, and the fraction of a byte means nothing.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    Ok(bytes as u64)
}

/// Writes a size with one decimal: `1.5 MB`.
#[allow(clippy::cast_precision_loss)]
pub(crate) fn format(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in UNITS {
        if value < 999.95 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_both_kinds_of_units() {
        for (text, bytes) in
            [("500", 500), ("64MB", 64_000_000), ("1 KiB", 1024), ("1.5gb", 1_500_000_000), ("2k", 2000)]
        {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in ["", "MB", "12 parsecs", "-1", "0", "1e3", "99999999TB", "é"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_are_written_with_one_decimal() {
        assert_eq!(
            [0, 999, 1000, 999_950, 1_500_000_000].map(format),
            ["0 B", "999 B", "1.0 kB", "1.0 MB", "1.5 GB"]
        );
    }
}
