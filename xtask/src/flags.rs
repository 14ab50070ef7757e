//! Command-line options: `--name`, `--name VALUE` and `--name=VALUE`.

use anyhow::{Context, Result, bail};

/// The options that are not yet read.
#[derive(Debug)]
pub(crate) struct Flags(Vec<String>);

impl Flags {
    pub(crate) fn new(arguments: Vec<String>) -> Self {
        Self(arguments)
    }

    pub(crate) fn asks_for_help(&self) -> bool {
        self.0.iter().any(|argument| matches!(argument.as_str(), "-h" | "--help" | "help"))
    }

    /// Takes an option without a value.
    pub(crate) fn switch(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|argument| argument != name);
        self.0.len() != before
    }

    /// Takes all values of an option, which may be repeated or have several values with commas between them.
    pub(crate) fn list(&mut self, name: &str) -> Result<Vec<String>> {
        let mut values = Vec::new();
        let mut rest = Vec::new();
        let mut arguments = std::mem::take(&mut self.0).into_iter();
        while let Some(argument) = arguments.next() {
            let value = if argument == name {
                arguments.next()
            } else if let Some(value) = argument.strip_prefix(name).and_then(|tail| tail.strip_prefix('=')) {
                Some(value.to_owned())
            } else {
                rest.push(argument);
                continue;
            };
            match value {
                Some(value) => {
                    values.extend(value.split(',').filter(|part| !part.is_empty()).map(str::to_owned))
                }
                None => bail!("{name} needs a value"),
            }
        }
        self.0 = rest;
        Ok(values)
    }

    /// Takes the value of an option; of several the last.
    pub(crate) fn value(&mut self, name: &str) -> Result<Option<String>> {
        Ok(self.list(name)?.pop())
    }

    /// Takes a whole number.
    pub(crate) fn number(&mut self, name: &str) -> Result<Option<usize>> {
        self.value(name)?
            .map(|value| value.parse().with_context(|| format!("{name} {value}: not a whole number")))
            .transpose()
    }

    /// Refuses what no option took.
    pub(crate) fn finish(self) -> Result<()> {
        match self.0.first() {
            None => Ok(()),
            Some(argument) => bail!("unknown argument {argument:?}; --help lists the options"),
        }
    }
}

/// Refuses a value that is not one of the known names.
pub(crate) fn check_names<'a>(
    option: &str,
    values: &[String],
    known: impl Iterator<Item = &'a str> + Clone,
) -> Result<()> {
    for value in values {
        if !known.clone().any(|name| name == value) {
            bail!("{option} {value}: not one of {}", known.collect::<Vec<_>>().join(", "));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flags(words: &str) -> Flags {
        Flags::new(words.split(' ').map(str::to_owned).collect())
    }

    #[test]
    fn values_may_be_repeated_joined_and_assigned() {
        let mut flags = flags("--only a,b --list --only=c");
        assert_eq!(flags.list("--only").unwrap(), ["a", "b", "c"]);
        assert!(flags.switch("--list"));
        flags.finish().unwrap();
    }

    #[test]
    fn missing_values_and_unknown_arguments_are_refused() {
        assert!(flags("--only").list("--only").is_err());
        assert!(flags("--onlyx a").finish().is_err());
    }
}
