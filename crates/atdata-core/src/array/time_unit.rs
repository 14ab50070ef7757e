//! The units of `datetime64` and `timedelta64`.

use std::fmt;

/// One tick of a `datetime64` or `timedelta64`: a multiple of a base, `ns` or `25s`.
///
/// ```
/// use atdata_core::array::{DType, DTypeKind, TimeBase, TimeUnit};
///
/// let dtype: DType = "<M8[25s]".parse()?;
/// assert_eq!(dtype.kind(), &DTypeKind::DateTime(TimeUnit::new(25, TimeBase::Second)));
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimeUnit {
    multiple: u32,
    base: TimeBase,
}

impl TimeUnit {
    /// The unit that numpy gives to times without a unit.
    pub const GENERIC: Self = Self { multiple: 1, base: TimeBase::Generic };
    /// Nanoseconds, the unit of pandas.
    pub const NANOSECOND: Self = Self { multiple: 1, base: TimeBase::Nanosecond };

    /// A multiple of a base. A multiple of zero is taken as one, and the generic base has no multiples.
    pub const fn new(multiple: u32, base: TimeBase) -> Self {
        match (multiple, base) {
            (0, _) | (_, TimeBase::Generic) => Self { multiple: 1, base },
            _ => Self { multiple, base },
        }
    }

    /// How many of the base one tick is; at least one.
    pub const fn multiple(self) -> u32 {
        self.multiple
    }

    /// The base.
    pub const fn base(self) -> TimeBase {
        self.base
    }

    /// Parses what follows `M8` in a dtype: nothing, or the unit in brackets.
    pub(super) fn parse_suffix(suffix: &str) -> Option<Self> {
        if suffix.is_empty() {
            return Some(Self::GENERIC);
        }
        let inner = suffix.strip_prefix('[')?.strip_suffix(']')?;
        let digits = inner.bytes().take_while(u8::is_ascii_digit).count();
        let (multiple, base) = inner.split_at_checked(digits)?;
        let base = TimeBase::ALL.into_iter().find(|candidate| candidate.as_str() == base)?;
        match multiple {
            "" => Some(Self::new(1, base)),
            _ if base == TimeBase::Generic => None,
            // numpy holds the multiple in a C int.
            _ => multiple
                .parse::<i32>()
                .ok()
                .and_then(|m| u32::try_from(m).ok())
                .filter(|m| *m > 0)
                .map(|m| Self::new(m, base)),
        }
    }

    /// Nanoseconds in one tick; `None` for the generic unit, for calendar units and for those below a nanosecond.
    pub(super) fn nanoseconds(self) -> Option<i128> {
        const SECOND: i128 = 1_000_000_000;
        let base = match self.base {
            TimeBase::Week => 7 * 86_400 * SECOND,
            TimeBase::Day => 86_400 * SECOND,
            TimeBase::Hour => 3_600 * SECOND,
            TimeBase::Minute => 60 * SECOND,
            TimeBase::Second => SECOND,
            TimeBase::Millisecond => 1_000_000,
            TimeBase::Microsecond => 1_000,
            TimeBase::Nanosecond => 1,
            _ => return None,
        };
        Some(base * i128::from(self.multiple))
    }
}

/// The suffix of a dtype: empty for the generic unit, else in brackets.
impl fmt::Display for TimeUnit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.base, self.multiple) {
            (TimeBase::Generic, _) => Ok(()),
            (base, 1) => write!(f, "[{}]", base.as_str()),
            (base, multiple) => write!(f, "[{multiple}{}]", base.as_str()),
        }
    }
}

/// What a [`TimeUnit`] is a multiple of.
///
/// ```
/// use atdata_core::array::TimeBase;
///
/// assert_eq!(TimeBase::Minute.as_str(), "m");
/// assert_eq!(TimeBase::Month.as_str(), "M");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TimeBase {
    /// Years, `Y`.
    Year,
    /// Months, `M`.
    Month,
    /// Weeks, `W`.
    Week,
    /// Days, `D`.
    Day,
    /// Hours, `h`.
    Hour,
    /// Minutes, `m`.
    Minute,
    /// Seconds, `s`.
    Second,
    /// Milliseconds, `ms`.
    Millisecond,
    /// Microseconds, `us`.
    Microsecond,
    /// Nanoseconds, `ns`.
    Nanosecond,
    /// Picoseconds, `ps`.
    Picosecond,
    /// Femtoseconds, `fs`.
    Femtosecond,
    /// Attoseconds, `as`.
    Attosecond,
    /// No unit.
    Generic,
}

impl TimeBase {
    const ALL: [Self; 14] = [
        Self::Year,
        Self::Month,
        Self::Week,
        Self::Day,
        Self::Hour,
        Self::Minute,
        Self::Second,
        Self::Millisecond,
        Self::Microsecond,
        Self::Nanosecond,
        Self::Picosecond,
        Self::Femtosecond,
        Self::Attosecond,
        Self::Generic,
    ];

    /// numpy's symbol.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Year => "Y",
            Self::Month => "M",
            Self::Week => "W",
            Self::Day => "D",
            Self::Hour => "h",
            Self::Minute => "m",
            Self::Second => "s",
            Self::Millisecond => "ms",
            Self::Microsecond => "us",
            Self::Nanosecond => "ns",
            Self::Picosecond => "ps",
            Self::Femtosecond => "fs",
            Self::Attosecond => "as",
            Self::Generic => "generic",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suffixes_parse_and_print() {
        for suffix in ["", "[ns]", "[25s]", "[M]", "[m]", "[2Y]", "[as]"] {
            assert_eq!(TimeUnit::parse_suffix(suffix).unwrap().to_string(), suffix);
        }
        assert_eq!(TimeUnit::parse_suffix("[1ns]"), Some(TimeUnit::NANOSECOND));
        assert_eq!(TimeUnit::parse_suffix("[generic]"), Some(TimeUnit::GENERIC));
        for bad in ["[", "[]", "ns", "[x]", "[0s]", "[-1s]", "[99999999999s]", "[s]x", "[2generic]"] {
            assert_eq!(TimeUnit::parse_suffix(bad), None, "{bad}");
        }
    }
}
