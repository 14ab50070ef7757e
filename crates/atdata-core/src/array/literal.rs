//! The subset of Python literals that a `.npy` header is written in.

use std::fmt::{self, Write as _};

use crate::{Error, Result};

/// How deep literals may nest: two levels for each of the structured dtypes that [`super::structured`] allows, and
/// those of the header itself.
const MAX_DEPTH: usize = 80;

/// A parsed literal.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Str(String),
    Int(i128),
    Bool(bool),
    Tuple(Vec<Literal>),
    List(Vec<Literal>),
    /// A dictionary with text keys; a key that is given twice keeps its last value, as in Python.
    Dict(Vec<(String, Literal)>),
}

/// Parses one literal with nothing but white space and comments around it.
pub(super) fn parse(text: &str) -> Result<Literal> {
    let mut parser = Parser { rest: text, len: text.len() };
    let literal = parser.literal(0)?;
    parser.skip_space();
    if parser.rest.is_empty() { Ok(literal) } else { Err(parser.error("unexpected text after the literal")) }
}

struct Parser<'a> {
    rest: &'a str,
    len: usize,
}

impl Parser<'_> {
    fn error(&self, what: &str) -> Error {
        Error::invalid(format!("{what} at byte {} of the header", self.len - self.rest.len()))
    }

    fn skip_space(&mut self) {
        loop {
            self.rest = self.rest.trim_start_matches([' ', '\t', '\r', '\n', '\x0c', '\0']);
            if !self.rest.starts_with('#') {
                return;
            }
            self.rest = self.rest.find('\n').and_then(|end| self.rest.get(end..)).unwrap_or("");
        }
    }

    /// Takes `token` if it comes next.
    fn take(&mut self, token: char) -> bool {
        self.skip_space();
        let after = self.rest.strip_prefix(token);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn expect(&mut self, token: char) -> Result<()> {
        if self.take(token) { Ok(()) } else { Err(self.error(&format!("expected `{token}`"))) }
    }

    fn literal(&mut self, depth: usize) -> Result<Literal> {
        if depth > MAX_DEPTH {
            return Err(self.error("literals nest too deep"));
        }
        self.skip_space();
        match self.rest.chars().next() {
            Some('\'' | '"' | 'u') => Ok(Literal::Str(self.string()?)),
            Some('0'..='9' | '-' | '+') => self.integer(),
            Some('T' | 'F') => self.boolean(),
            Some('[') => {
                self.expect('[')?;
                Ok(Literal::List(self.items(']', depth)?.0))
            }
            Some('(') => {
                self.expect('(')?;
                let (mut items, comma) = self.items(')', depth)?;
                // Parentheses around one item without a comma only group.
                match items.pop() {
                    Some(only) if items.is_empty() && !comma => Ok(only),
                    Some(last) => {
                        items.push(last);
                        Ok(Literal::Tuple(items))
                    }
                    None => Ok(Literal::Tuple(items)),
                }
            }
            Some('{') => self.dict(depth),
            Some(_) => Err(self.error("not a literal")),
            None => Err(self.error("the header ends in the middle of a literal")),
        }
    }

    /// The items up to the closing bracket, and whether the last one was followed by a comma.
    fn items(&mut self, close: char, depth: usize) -> Result<(Vec<Literal>, bool)> {
        let mut items = Vec::new();
        let mut comma = false;
        while !self.take(close) {
            if !items.is_empty() && !comma {
                return Err(self.error(&format!("expected `,` or `{close}`")));
            }
            items.push(self.literal(depth + 1)?);
            comma = self.take(',');
        }
        Ok((items, comma))
    }

    fn dict(&mut self, depth: usize) -> Result<Literal> {
        self.expect('{')?;
        let mut entries: Vec<(String, Literal)> = Vec::new();
        while !self.take('}') {
            let key = self.string()?;
            self.expect(':')?;
            let value = self.literal(depth + 1)?;
            entries.retain(|(known, _)| *known != key);
            // Only three keys mean anything, so a longer dictionary is refused before look-ups in it cost.
            if entries.len() >= 16 {
                return Err(self.error("too many keys"));
            }
            entries.push((key, value));
            if !self.take(',') {
                self.expect('}')?;
                break;
            }
        }
        Ok(Literal::Dict(entries))
    }

    fn boolean(&mut self) -> Result<Literal> {
        let (word, value) = if self.rest.starts_with('T') { ("True", true) } else { ("False", false) };
        match self.rest.strip_prefix(word) {
            Some(rest) => {
                self.rest = rest;
                Ok(Literal::Bool(value))
            }
            None => Err(self.error("not a literal")),
        }
    }

    /// A decimal integer, with the `L` that Python 2 wrote after a long one.
    fn integer(&mut self) -> Result<Literal> {
        let sign = usize::from(self.rest.starts_with(['-', '+']));
        let digits = self.rest.bytes().skip(sign).take_while(u8::is_ascii_digit).count();
        let (number, rest) = self.rest.split_at_checked(sign + digits).unwrap_or((self.rest, ""));
        let value = number.parse().map_err(|_| self.error("not an integer in range"))?;
        self.rest = rest.strip_prefix('L').unwrap_or(rest);
        Ok(Literal::Int(value))
    }

    fn string(&mut self) -> Result<String> {
        self.skip_space();
        self.rest = self.rest.strip_prefix('u').unwrap_or(self.rest);
        let mut chars = self.rest.chars();
        let quote = match chars.next() {
            Some(quote @ ('\'' | '"')) => quote,
            _ => return Err(self.error("expected a quoted text")),
        };
        let mut out = String::new();
        loop {
            let c = match chars.next() {
                Some('\\') => match chars.next() {
                    Some(c @ ('\\' | '\'' | '"')) => Some(c),
                    Some('n') => Some('\n'),
                    Some('r') => Some('\r'),
                    Some('t') => Some('\t'),
                    Some('x') => hex(&mut chars, 2),
                    Some('u') => hex(&mut chars, 4),
                    Some('U') => hex(&mut chars, 8),
                    _ => None,
                },
                Some(c) if c == quote => {
                    self.rest = chars.as_str();
                    return Ok(out);
                }
                Some('\n') | None => return Err(self.error("a quoted text is not closed")),
                Some(c) => Some(c),
            };
            out.push(c.ok_or_else(|| self.error("a quoted text has an unknown escape"))?);
        }
    }
}

fn hex(chars: &mut std::str::Chars<'_>, digits: u32) -> Option<char> {
    let value = (0..digits).try_fold(0u32, |value, _| Some(value * 16 + chars.next()?.to_digit(16)?))?;
    char::from_u32(value)
}

/// Prints the literal as Python's `repr` does.
impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Str(text) => write_str(f, text),
            Literal::Int(value) => write!(f, "{value}"),
            Literal::Bool(true) => f.write_str("True"),
            Literal::Bool(false) => f.write_str("False"),
            Literal::Tuple(items) => {
                write_items(f, '(', items)?;
                f.write_str(if items.len() == 1 { ",)" } else { ")" })
            }
            Literal::List(items) => {
                write_items(f, '[', items)?;
                f.write_str("]")
            }
            Literal::Dict(entries) => {
                f.write_str("{")?;
                for (i, (key, value)) in entries.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { ", " })?;
                    write_str(f, key)?;
                    write!(f, ": {value}")?;
                }
                f.write_str("}")
            }
        }
    }
}

fn write_items(f: &mut fmt::Formatter<'_>, open: char, items: &[Literal]) -> fmt::Result {
    f.write_char(open)?;
    for (i, item) in items.iter().enumerate() {
        write!(f, "{}{item}", if i == 0 { "" } else { ", " })?;
    }
    Ok(())
}

fn write_str(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    f.write_char(quote)?;
    for c in text.chars() {
        match c {
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if c == quote => write!(f, "\\{c}")?,
            c if unprintable(c) => match u32::from(c) {
                code @ ..=0xff => write!(f, "\\x{code:02x}")?,
                code @ ..=0xffff => write!(f, "\\u{code:04x}")?,
                code => write!(f, "\\U{code:08x}")?,
            },
            c => f.write_char(c)?,
        }
    }
    f.write_char(quote)
}

/// Controls, separators and invisible marks: what Python escapes, as far as names of fields go.
fn unprintable(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_every_writer_parse() {
        let expected = Literal::Dict(vec![
            ("descr".into(), Literal::Str("<f4".into())),
            ("shape".into(), Literal::Tuple(vec![Literal::Int(3)])),
        ]);
        for text in [
            "{'descr': '<f4', 'shape': (3,), }   \n",
            "{\"descr\":\"<f4\",\"shape\":(3,)}",
            " { u'descr' : '<f4' , 'shape' : ( 3L , ) } # made by hand\n",
            "{'shape': (1,), 'descr': '<f4', 'shape': (3,)}",
        ] {
            let Literal::Dict(mut entries) = parse(text).unwrap() else { panic!("{text}") };
            entries.sort_by(|a, b| a.0.cmp(&b.0));
            assert_eq!(Literal::Dict(entries), expected, "{text}");
        }
    }

    #[test]
    fn parentheses_group_or_make_a_tuple() {
        assert_eq!(parse("(3)").unwrap(), Literal::Int(3));
        assert_eq!(parse("()").unwrap(), Literal::Tuple(vec![]));
        assert_eq!(parse("(3,)").unwrap(), Literal::Tuple(vec![Literal::Int(3)]));
        assert_eq!(parse("(1, 2)").unwrap(), Literal::Tuple(vec![Literal::Int(1), Literal::Int(2)]));
    }

    #[test]
    fn repr_is_pythons_and_parses_back() {
        for (text, repr) in [
            ("abc", "'abc'"),
            ("tit'le", r#""tit'le""#),
            ("n\u{e4}\"m'e\n\u{1}", r#"'nä"m\'e\n\x01'"#),
            ("\u{85}\u{a0}\u{ad}\u{200b}\u{4e16}", r"'\x85\xa0\xad\u200b世'"),
        ] {
            let literal = Literal::Str(text.into());
            assert_eq!(literal.to_string(), repr);
            assert_eq!(parse(repr).unwrap(), literal);
        }
    }

    #[test]
    fn malformed_text_is_an_error() {
        for text in [
            "",
            "{",
            "{'a'",
            "{'a':",
            "{'a':1",
            "{1:2}",
            "{'a':1 'b':2}",
            "[1 2]",
            "[,]",
            "(,)",
            "'abc",
            "'\\q'",
            "'\\ud800'",
            "'\\x4'",
            "-",
            "1.5",
            "99999999999999999999999999999999999999999999",
            "None",
            "Tru",
            "b'a'",
            "1 2",
            "'a\nb'",
        ] {
            assert!(parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn deep_nesting_is_an_error_not_a_stack_overflow() {
        assert!(parse(&"[".repeat(100_000)).is_err());
        assert!(parse(&format!("{}1{}", "(".repeat(500), ")".repeat(500))).is_err());
        assert!(parse(&format!("{}1{}", "[".repeat(60), "]".repeat(60))).is_ok());
    }
}
