//! Brace notation: one text for many shards, `data-{000..099}.tar`.
//!
//! The rules are those of Python's `braceexpand` with its escape character on, its oddities included: letters are
//! ordered `A`–`Z`, `a`–`z`; a step of zero means one; a group that is neither a list nor a range stays literal; escapes
//! are taken away once per level of nesting.
//!
//! An expansion is a formula, not a list: its size is known at once and any item can be computed alone.

use std::fmt::Write as _;
use std::iter::FusedIterator;

use crate::{Error, Result};

/// How deep groups may be nested.
const MAX_DEPTH: usize = 64;

/// The most bytes of a whole list.
const MAX_BYTES: usize = 256 << 20;

/// Expands brace notation lazily.
///
/// ```
/// let names: Vec<_> = atdata_core::url::expand("{train,test}-{0..1}.tar")?.collect();
/// assert_eq!(names, ["train-0.tar", "train-1.tar", "test-0.tar", "test-1.tar"]);
///
/// assert_eq!(atdata_core::url::expand("{0..999999999}")?.len(), 1_000_000_000);
/// # Ok::<(), atdata_core::Error>(())
/// ```
///
/// # Errors
/// `Invalid` for an unbalanced brace, for groups nested deeper than 64 levels and for an expansion with more items than
/// a `usize` can count.
pub fn expand(pattern: &str) -> Result<BraceExpansion> {
    let parsed = Pattern::parse(pattern, 0).map_err(|error| error.with("url", super::redact(pattern)))?;
    Ok(BraceExpansion { next: 0, pattern: parsed })
}

/// Expands brace notation to a list of at most `limit` items.
///
/// # Errors
/// As [`expand`], and `Invalid` if there are more than `limit` items, in which case nothing has been expanded, or if they
/// have more than 256 MiB together.
///
/// ```
/// assert_eq!(atdata_core::url::expand_all("{a,b}", 10)?, ["a", "b"]);
/// assert!(atdata_core::url::expand_all("{0..999999999}", 10).is_err());
/// # Ok::<(), atdata_core::Error>(())
/// ```
pub fn expand_all(pattern: &str, limit: usize) -> Result<Vec<String>> {
    let expansion = expand(pattern)?;
    if expansion.len() > limit {
        let message = format!("the braces stand for {} addresses, the limit is {limit}", expansion.len());
        return Err(Error::invalid(message).with("url", super::redact(pattern)));
    }
    let mut bytes = 0;
    let mut items = Vec::new();
    for item in expansion {
        bytes += item.len();
        if bytes > MAX_BYTES {
            let message = format!("the addresses that the braces stand for have more than {MAX_BYTES} bytes");
            return Err(Error::invalid(message).with("url", super::redact(pattern)));
        }
        items.push(item);
    }
    Ok(items)
}

/// The items that a text in brace notation stands for, in order; see [`expand`].
///
/// ```
/// let expansion = atdata_core::url::expand("{a..z}")?;
/// assert_eq!(expansion.get(25).as_deref(), Some("z"));
/// assert_eq!(expansion.skip(2).next().as_deref(), Some("c"));
/// # Ok::<(), atdata_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct BraceExpansion {
    pattern: Pattern,
    next: usize,
}

impl BraceExpansion {
    /// The item at an index, counted from the first whatever has been taken from the iterator. Costs as much as one
    /// step of the iteration.
    pub fn get(&self, index: usize) -> Option<String> {
        (index < self.pattern.len).then(|| self.pattern.item(index))
    }
}

impl Iterator for BraceExpansion {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        self.nth(0)
    }

    fn nth(&mut self, n: usize) -> Option<String> {
        let item = self.next.checked_add(n).and_then(|index| self.get(index));
        self.next = if item.is_some() { self.next + n + 1 } else { self.pattern.len };
        item
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.pattern.len - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for BraceExpansion {}
impl FusedIterator for BraceExpansion {}

/// Parts in a row; every combination of their items is an item, the last part varying fastest.
#[derive(Clone, Debug)]
struct Pattern {
    parts: Vec<Part>,
    len: usize,
}

#[derive(Clone, Debug)]
enum Part {
    Literal(String),
    Integers {
        start: i64,
        step: i128,
        len: usize,
        width: usize,
    },
    Letters {
        start: usize,
        step: isize,
        len: usize,
    },
    List {
        items: Vec<Pattern>,
        len: usize,
    },
    /// Braces that are no group, with what is between them.
    Braced(Pattern),
}

fn too_many() -> Error {
    Error::invalid("the braces stand for more addresses than can be counted")
}

impl Pattern {
    fn parse(text: &str, depth: usize) -> Result<Self> {
        if depth > MAX_DEPTH {
            return Err(Error::invalid(format!("braces are nested deeper than {MAX_DEPTH} levels")));
        }
        let mut parts = Vec::new();
        // Where the text that is not in `parts` yet begins, and how many braces are open.
        let (mut start, mut open) = (0, 0i64);
        for (at, c) in unescaped(text) {
            match c {
                '{' => {
                    if open == 0 && at > start {
                        parts.push(Part::Literal(slice(text, start, at)));
                        start = at;
                    }
                    open += 1;
                }
                '}' => {
                    open -= 1;
                    if open == 0 {
                        parts.push(Part::parse(text.get(start + 1..at).unwrap_or_default(), depth)?);
                        start = at + 1;
                    }
                }
                _ => {}
            }
        }
        if open != 0 {
            return Err(Error::invalid(format!("Unbalanced braces: '{}'", super::redact(text))));
        }
        if start < text.len() {
            parts.push(Part::Literal(slice(text, start, text.len())));
        }
        let len =
            parts.iter().try_fold(1usize, |len, part| len.checked_mul(part.len())).ok_or_else(too_many)?;
        Ok(Self { parts, len })
    }

    fn item(&self, mut index: usize) -> String {
        let mut pieces: Vec<(&Part, usize)> = Vec::with_capacity(self.parts.len());
        for part in self.parts.iter().rev() {
            pieces.push((part, index % part.len()));
            index /= part.len();
        }
        let mut item = String::new();
        for (part, index) in pieces.into_iter().rev() {
            part.write_item(index, &mut item);
        }
        unescape(item)
    }
}

impl Part {
    /// Parses what is between two braces.
    fn parse(text: &str, depth: usize) -> Result<Self> {
        if let Some(range) = parse_range(text)? {
            return Ok(range);
        }
        let (mut start, mut open) = (0, 0i64);
        let mut items = Vec::new();
        for (at, c) in unescaped(text) {
            match c {
                '{' => open += 1,
                '}' => open -= 1,
                ',' if open == 0 => {
                    items.push(Pattern::parse(text.get(start..at).unwrap_or_default(), depth + 1)?);
                    start = at + 1;
                }
                _ => {}
            }
        }
        if open != 0 || items.is_empty() {
            return Ok(Part::Braced(Pattern::parse(text, depth + 1)?));
        }
        items.push(Pattern::parse(text.get(start..).unwrap_or_default(), depth + 1)?);
        let len =
            items.iter().try_fold(0usize, |len, item| len.checked_add(item.len)).ok_or_else(too_many)?;
        Ok(Part::List { items, len })
    }

    /// At least one.
    fn len(&self) -> usize {
        match self {
            Part::Literal(_) => 1,
            Part::Integers { len, .. } | Part::Letters { len, .. } | Part::List { len, .. } => *len,
            Part::Braced(pattern) => pattern.len,
        }
    }

    fn write_item(&self, mut index: usize, out: &mut String) {
        match self {
            Part::Literal(text) => out.push_str(text),
            Part::Integers { start, step, width, .. } => {
                write_padded(i128::from(*start) + step * index as i128, *width, out);
            }
            Part::Letters { start, step, .. } => {
                let at = start.saturating_add_signed(step.saturating_mul(index as isize));
                out.extend(alphabet().nth(at));
            }
            Part::List { items, .. } => {
                for item in items {
                    if index < item.len {
                        return out.push_str(&item.item(index));
                    }
                    index -= item.len;
                }
            }
            Part::Braced(pattern) => {
                out.push('{');
                out.push_str(&pattern.item(index));
                out.push('}');
            }
        }
    }
}

/// `start..end` or `start..end..step`, of integers or of letters.
fn parse_range(text: &str) -> Result<Option<Part>> {
    // The end of Python's pattern also matches before a last newline.
    let mut ends = text.strip_suffix('\n').unwrap_or(text).splitn(3, "..");
    let (Some(start), Some(end)) = (ends.next(), ends.next()) else { return Ok(None) };
    let step = match ends.next() {
        None => 1,
        Some(step) => {
            let digits = step.strip_prefix('-').unwrap_or(step);
            if !is_digits(digits) {
                return Ok(None);
            }
            // The sign of a step means nothing, and one that is too large to parse leaves the first item only.
            digits.parse::<u64>().unwrap_or(u64::MAX).max(1)
        }
    };
    if is_integer(start) && is_integer(end) {
        let padded = |t: &str| t.trim_start_matches('-').starts_with('0') && t != "0" && t != "-0";
        let width = if padded(start) || padded(end) { start.len().max(end.len()) } else { 0 };
        let parse = |t: &str| {
            t.parse::<i64>().map_err(|_| Error::invalid("an end of the brace range does not fit 64 bits"))
        };
        let (start, end) = (parse(start)?, parse(end)?);
        let len = start.abs_diff(end) / step;
        let len = usize::try_from(len).ok().and_then(|len| len.checked_add(1)).ok_or_else(too_many)?;
        let step = if start < end { i128::from(step) } else { -i128::from(step) };
        return Ok(Some(Part::Integers { start, step, len, width }));
    }
    if let (Some(start), Some(end)) = (letter(start), letter(end)) {
        // Steps beyond the alphabet are all alike.
        let step = step.min(52) as usize;
        let len = start.abs_diff(end) / step + 1;
        let step = if start < end { step as isize } else { -(step as isize) };
        return Ok(Some(Part::Letters { start, step, len }));
    }
    Ok(None)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn is_integer(text: &str) -> bool {
    is_digits(text.strip_prefix('-').unwrap_or(text))
}

fn alphabet() -> impl Iterator<Item = char> {
    ('A'..='Z').chain('a'..='z')
}

/// The place of a single letter in the alphabet.
fn letter(text: &str) -> Option<usize> {
    let mut chars = text.chars();
    let (first, rest) = (chars.next()?, chars.next());
    if rest.is_some() { None } else { alphabet().position(|c| c == first) }
}

/// Not `{:0width$}`, which refuses widths above 65,535.
fn write_padded(value: i128, width: usize, out: &mut String) {
    let digits = value.unsigned_abs().to_string();
    let sign = usize::from(value < 0);
    if value < 0 {
        out.push('-');
    }
    out.extend(std::iter::repeat_n('0', width.saturating_sub(sign + digits.len())));
    // Writing to a `String` does not fail.
    let _ = out.write_str(&digits);
}

/// The characters of a text that no backslash escapes, with their byte positions.
fn unescaped(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut chars = text.char_indices();
    std::iter::from_fn(move || {
        loop {
            let (at, c) = chars.next()?;
            if c != '\\' {
                return Some((at, c));
            }
            chars.next()?;
        }
    })
}

/// Takes away the backslash before each escaped character. One before a newline or at the end stays.
fn unescape(text: String) -> String {
    if !text.contains('\\') {
        return text;
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next_if(|next| *next != '\n') {
            Some(escaped) => out.push(escaped),
            None => out.push(c),
        }
    }
    out
}

fn slice(text: &str, start: usize, end: usize) -> String {
    text.get(start..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_at_the_edge_of_the_integers_do_not_overflow() {
        let expansion = expand("{-9223372036854775808..9223372036854775806}").unwrap();
        assert_eq!(expansion.len(), usize::MAX);
        assert_eq!(expansion.get(usize::MAX - 1).unwrap(), "9223372036854775806");
        assert!(expand("{-9223372036854775808..9223372036854775807}").is_err());
        assert!(expand("{0..9223372036854775808}").is_err());
        assert_eq!(expand("{1..3..99999999999999999999999}").unwrap().collect::<Vec<_>>(), ["1"]);
    }

    #[test]
    fn an_uncountable_product_is_refused() {
        assert!(expand(&"{0..9999999}".repeat(3)).is_err());
    }

    #[test]
    fn deep_nesting_is_refused_before_the_stack_ends() {
        let deep = format!("{}a,b{}", "{".repeat(100_000), "}".repeat(100_000));
        assert!(expand(&deep).unwrap_err().to_string().contains("nested"));
    }

    #[test]
    fn padding_may_be_wider_than_the_formatter_allows() {
        let wide = format!("{{{}1..2}}", "0".repeat(70_000));
        assert_eq!(expand(&wide).unwrap().next().unwrap().len(), 70_001);
    }

    #[test]
    fn nth_and_len_agree_with_stepping() {
        let mut expansion = expand("{0..9}").unwrap();
        assert_eq!((expansion.nth(3).as_deref(), expansion.len()), (Some("3"), 6));
        assert_eq!((expansion.nth(usize::MAX), expansion.len()), (None, 0));
        assert_eq!(expansion.next(), None);
    }
}
