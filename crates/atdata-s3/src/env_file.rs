//! Reading `.env` files as Python's `dotenv_values` reads them.
//!
//! One binding a line, `KEY=value`, with an optional `export` before it. A value is bare (a blank and `#` begin a
//! comment), in single quotes (`\\` and `\'` are escapes) or in double quotes (also `\n` and its like); quoted ones may
//! span lines. `${NAME}` and `${NAME:-default}` stand for earlier bindings, or else for variables of the environment.
//! A line that is none of this is left out.

use std::collections::BTreeMap;

/// All bindings; of those with the same name, the last. One without `=` has no value.
pub(crate) fn parse(
    text: &str,
    environment: impl Fn(&str) -> Option<String>,
) -> BTreeMap<String, Option<String>> {
    let mut bindings: BTreeMap<String, Option<String>> = BTreeMap::new();
    let mut reader = Reader { rest: text.strip_prefix('\u{feff}').unwrap_or(text) };
    loop {
        reader.skip(char::is_whitespace);
        if reader.rest.is_empty() {
            return bindings;
        }
        match reader.binding() {
            Some(Some((key, value))) => {
                let value = value.map(|value| {
                    interpolate(&value, |name| match bindings.get(name) {
                        Some(bound) => Some(bound.clone().unwrap_or_default()),
                        None => environment(name),
                    })
                });
                bindings.insert(key, value);
            }
            // A comment.
            Some(None) => {}
            // Not a binding: the rest of the line is left out.
            None => {
                reader.skip(|c| !is_newline(c));
            }
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
}

type Binding = (String, Option<String>);

impl Reader<'_> {
    /// The binding or comment at the beginning of the rest; nothing if there is none.
    fn binding(&mut self) -> Option<Option<Binding>> {
        if let Some(after) = self.rest.strip_prefix("export").filter(|after| after.starts_with(is_blank)) {
            self.rest = after;
            self.skip(is_blank);
        }
        let key = match self.peek() {
            Some('#') => None,
            Some('\'') => Some(self.quoted_key()?),
            _ => Some(self.take(|c| !matches!(c, '=' | '#') && !c.is_whitespace())?),
        };
        self.skip(is_blank);
        let value = match self.rest.strip_prefix('=') {
            Some(after) => {
                self.rest = after;
                let blanks = self.skip(is_blank);
                // After `= #` there is only a comment, after `=#` a value.
                if blanks > 0 && self.peek() == Some('#') { Some(String::new()) } else { Some(self.value()?) }
            }
            None => None,
        };
        self.skip(is_blank);
        if self.peek() == Some('#') {
            self.skip(|c| !is_newline(c));
        }
        self.peek().is_none_or(is_newline).then(|| key.map(|key| (key, value)))
    }

    fn quoted_key(&mut self) -> Option<String> {
        let (key, rest) = self.rest.strip_prefix('\'')?.split_once('\'')?;
        self.rest = rest;
        (!key.is_empty()).then(|| key.to_owned())
    }

    fn value(&mut self) -> Option<String> {
        match self.peek() {
            Some(quote @ ('\'' | '"')) => self.quoted(quote),
            None => Some(String::new()),
            Some(_) => {
                let line = self.take(|c| !is_newline(c)).unwrap_or_default();
                let comment = line
                    .char_indices()
                    .zip(line.char_indices().skip(1))
                    .find(|((_, before), (_, c))| before.is_whitespace() && *c == '#');
                let end = comment.map_or(line.len(), |((at, _), _)| at);
                Some(line.get(..end).unwrap_or_default().trim_end().to_owned())
            }
        }
    }

    fn quoted(&mut self, quote: char) -> Option<String> {
        let mut value = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '\\' => match (quote, chars.next()?.1) {
                    (_, escaped @ ('\\' | '\'')) | ('"', escaped @ '"') => value.push(escaped),
                    ('"', 'a') => value.push('\u{7}'),
                    ('"', 'b') => value.push('\u{8}'),
                    ('"', 'f') => value.push('\u{c}'),
                    ('"', 'n') => value.push('\n'),
                    ('"', 'r') => value.push('\r'),
                    ('"', 't') => value.push('\t'),
                    ('"', 'v') => value.push('\u{b}'),
                    (_, other) => value.extend(['\\', other]),
                },
                _ if c == quote => {
                    self.rest = self.rest.get(at + 1..).unwrap_or_default();
                    return Some(value);
                }
                _ => value.push(c),
            }
        }
        None
    }

    fn peek(&self) -> Option<char> {
        self.rest.chars().next()
    }

    /// Passes over characters, and says over how many bytes.
    fn skip(&mut self, what: impl Fn(char) -> bool) -> usize {
        let before = self.rest.len();
        self.rest = self.rest.trim_start_matches(what);
        before - self.rest.len()
    }

    /// Takes characters, at least one.
    fn take(&mut self, what: impl Fn(char) -> bool) -> Option<String> {
        let whole = self.rest;
        let length = self.skip(what);
        (length > 0).then(|| whole.get(..length).unwrap_or_default().to_owned())
    }
}

fn is_newline(c: char) -> bool {
    matches!(c, '\r' | '\n')
}

/// White space within a line.
fn is_blank(c: char) -> bool {
    c.is_whitespace() && !is_newline(c)
}

/// Replaces `${NAME}` and `${NAME:-default}`.
fn interpolate(value: &str, resolve: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let reference = after.split_once('}').and_then(|(inside, behind)| match inside.split_once(':') {
            None => Some((inside, "", behind)),
            Some((name, default)) => default.strip_prefix('-').map(|default| (name, default, behind)),
        });
        match reference {
            Some((name, default, behind)) => {
                out.push_str(&resolve(name).unwrap_or_else(|| default.to_owned()));
                rest = behind;
            }
            None => {
                out.push_str("${");
                rest = after;
            }
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(line: &str) -> Option<Option<String>> {
        let environment = |name: &str| (name == "HOST").then(|| "env.test".to_owned());
        parse(line, environment).remove("K")
    }

    /// What `dotenv_values` gives, as observed.
    #[test]
    fn lines_are_read_as_python_reads_them() {
        for (line, value) in [
            ("K=v", "v"),
            ("  export K = v  # comment", "v"),
            ("K=a#b", "a#b"),
            ("K=a #b", "a"),
            ("K= # comment", ""),
            ("K=#novalue", "#novalue"),
            ("K=", ""),
            ("'K'=v", "v"),
            ("K='a # b' # c", "a # b"),
            (r"K='it\'s \n'", r"it's \n"),
            ("K=\"two\nlines\\n\\\"x\\\"\"", "two\nlines\n\"x\""),
            ("\u{feff}K=v\r\n", "v"),
            ("K=first\nK=second", "second"),
            ("A=b\nK=${A}-${A:-x}-${NONE:-d}-${NONE}", "b-b-d-"),
            ("K=${HOST}", "env.test"),
            ("HOST=file\nK=${HOST}", "file"),
            ("A\nK=<${A:-x}>", "<>"),
            ("K=${A:b}$X ${", "${A:b}$X ${"),
            ("not a binding\nK=v", "v"),
            ("K=été ✓", "été ✓"),
            ("K=a=b==", "a=b=="),
        ] {
            assert_eq!(one(line), Some(Some(value.to_owned())), "{line:?}");
        }
    }

    #[test]
    fn what_is_no_binding_is_left_out() {
        assert_eq!(one("K"), Some(None));
        for line in ["# K=v", "K='unfinished", "K=\"a\" b", "=K", "exportK=v"] {
            assert_eq!(one(line), None, "{line:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_ends(text in "[=#'\"\\\\ \nKé${}:a-]{0,40}") {
            parse(&text, |_| None);
        }
    }
}
