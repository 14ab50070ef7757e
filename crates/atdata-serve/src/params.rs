//! What stands behind the question mark of an address.

use std::str::FromStr;

use atdata_core::{Error, Result};

/// The most parameters of an address.
const MAX: usize = 64;

/// The parameters of a request.
#[derive(Debug)]
pub(crate) struct Params(Vec<(String, String)>);

impl Params {
    /// Takes a query string apart.
    ///
    /// # Errors
    /// `Invalid` for a name that is not among `known`, and for one that stands there twice, unless it is `project`.
    pub(crate) fn parse(query: Option<&str>, known: &[&str]) -> Result<Self> {
        let mut params: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            if !known.contains(&&*name) {
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                return Err(Error::invalid(format!("no such parameter; known are {known}"))
                    .with("parameter", short(&name)));
            }
            if name != "project" && params.iter().any(|(other, _)| *other == name) {
                return Err(Error::invalid("the parameter stands there twice").with("parameter", name));
            }
            if params.len() == MAX {
                return Err(Error::invalid(format!("there are more than {MAX} parameters")));
            }
            params.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(params))
    }

    /// A text, if it is there and not empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.all(name).next().filter(|value| !value.is_empty())
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// `Invalid` if it is not.
    pub(crate) fn required(&self, name: &str) -> Result<&str> {
        self.text(name).ok_or_else(|| Error::invalid("a parameter is missing").with("parameter", name))
    }

    /// A number, if it is there.
    ///
    /// # Errors
    /// `Invalid` if it is no number.
    pub(crate) fn number<T: FromStr>(&self, name: &'static str) -> Result<Option<T>> {
        let parse = |text: &str| {
            text.parse().map_err(|_| {
                Error::invalid("this is not a number, or one too large")
                    .with("parameter", name)
                    .with("value", short(text))
            })
        };
        self.text(name).map(parse).transpose()
    }

    /// A switch: `true` or `false`; off if it is not there.
    ///
    /// # Errors
    /// `Invalid` if it is something else.
    pub(crate) fn switch(&self, name: &'static str) -> Result<bool> {
        match self.text(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(Error::invalid("this is true or false")
                .with("parameter", name)
                .with("value", short(other))),
        }
    }

    /// All values of a name.
    pub(crate) fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(other, _)| other == name).map(|(_, value)| value.as_str())
    }
}

/// The beginning of a text, for errors.
pub(crate) fn short(text: &str) -> String {
    let end = text.char_indices().nth(200).map_or(text.len(), |(end, _)| end);
    text.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded_and_checked() {
        let params = Params::parse(Some("name=a%2Fb+c&n=7&project=x&project=y"), &["name", "n", "project"]);
        let params = params.unwrap();
        assert_eq!(params.required("name").unwrap(), "a/b c");
        assert_eq!(params.number::<u64>("n").unwrap(), Some(7));
        assert_eq!(params.all("project").collect::<Vec<_>>(), ["x", "y"]);
        assert!(params.number::<u64>("name").is_err() && params.required("m").is_err());
        for bad in ["nome=a", "name=a&name=b", "n=1&n=1"] {
            assert!(Params::parse(Some(bad), &["name", "n"]).is_err(), "{bad}");
        }
        assert!(Params::parse(Some(&"project=x&".repeat(100)), &["project"]).is_err());
    }
}
