//! A page and what is in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

pub(crate) struct Page {
    name: &'static str,
    text: &'static str,
    home: TempDir,
    replacements: Vec<(String, String)>,
    variables: Vec<(String, String)>,
}

/// Commands, and what they print if the page says so.
struct Step {
    line: usize,
    commands: String,
    output: Option<String>,
}

impl Page {
    pub(crate) fn new(name: &'static str, text: &'static str) -> Self {
        let home = tempfile::tempdir().unwrap();
        Self { name, text, home, replacements: Vec::new(), variables: Vec::new() }
    }

    /// Something that the page names, and what it is here.
    pub(crate) fn with(mut self, shown: &str, here: &str) -> Self {
        self.replacements.push((shown.to_owned(), here.to_owned()));
        self
    }

    pub(crate) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs every command, and compares what it prints.
    pub(crate) fn follow(&self) {
        let steps = steps(self.text);
        assert!(!steps.is_empty(), "{} has no commands", self.name);
        let mut exports = String::new();
        for Step { line, commands, output } in steps {
            let commands = self.here(&commands);
            let printed = self.run(&format!("{exports}{commands}"));
            if let Some(expected) = output {
                let expected = self.here(&expected);
                let place = format!("{}, line {line}", self.name);
                assert!(
                    is_like(&expected, &printed),
                    "{place}:\n{commands}\nprints\n{printed}\nand not\n{expected}"
                );
            }
            for line in
                commands.lines().filter(|line| line.starts_with("export ") || line.starts_with("unset "))
            {
                exports.push_str(line);
                exports.push('\n');
            }
        }
    }

    /// Runs a script that has to succeed.
    pub(crate) fn run(&self, script: &str) -> String {
        let programs = Path::new(env!("CARGO_BIN_EXE_atdata")).parent().unwrap();
        let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
        let mut bash = Command::new("bash");
        bash.args(["-euo", "pipefail", "-c", script]).current_dir(self.home.path()).env_clear();
        bash.env("PATH", path).env("HOME", self.home.path());
        bash.envs(self.variables.iter().map(|(name, value)| (name, value)));
        let output = bash.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{}:\n{script}\nfails: {}", self.name, text(&output.stderr));
        text(&output.stdout)
    }

    /// The files of a dataset.
    #[cfg_attr(not(feature = "http"), allow(dead_code))]
    pub(crate) fn shards(&self, name: &str) -> Vec<PathBuf> {
        let shown: serde_json::Value =
            serde_json::from_str(&self.run(&format!("atdata show {name} --json"))).unwrap();
        let path = |url: &serde_json::Value| {
            let url = url.as_str().unwrap();
            PathBuf::from(url.strip_prefix("file://").unwrap_or(url))
        };
        shown["entry"]["data_urls"].as_array().unwrap().iter().map(path).collect()
    }

    fn here(&self, text: &str) -> String {
        self.replacements.iter().fold(text.to_owned(), |text, (shown, here)| text.replace(shown, here))
    }
}

fn steps(page: &str) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut lines = page.lines().enumerate();
    let mut follows = false;
    while let Some((number, line)) = lines.next() {
        let Some(kind) = line.strip_prefix("```") else {
            follows &= line.is_empty();
            continue;
        };
        let block: Vec<&str> =
            lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
        let block = block.join("\n") + "\n";
        match (kind, steps.last_mut()) {
            ("sh", _) => steps.push(Step { line: number + 1, commands: block, output: None }),
            ("text", Some(last)) if follows => last.output = Some(block),
            _ => {}
        }
        follows = kind == "sh";
    }
    steps
}

/// Whether a text is as a pattern says, in which `…` stands for anything.
fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.trim_end(), text.trim_end());
    let mut parts = pattern.split('…');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[test]
fn patterns_stand_for_anything() {
    for (pattern, text) in [("a\n", "a"), ("…", ""), ("…b…", "abc"), ("a…c", "abc"), ("…\n4\n", "x\n3\n4\n")]
    {
        assert!(is_like(pattern, text), "{pattern:?} {text:?}");
    }
    for (pattern, text) in [("a", "b"), ("a…", "ba"), ("…x…", "abc"), ("a…c", "abd"), ("", "x")] {
        assert!(!is_like(pattern, text), "{pattern:?} {text:?}");
    }
}
