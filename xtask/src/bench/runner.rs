//! One run: a pinned process, watched from outside.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::{
    cases::{Case, Finds},
    peers::LIBRARIES,
    results::Run,
    setup::{self, Setup},
};
use crate::process;

/// How often the memory of a process is looked at.
pub(super) const INTERVAL: Duration = Duration::from_millis(2);
/// A process that takes longer is ended.
const PATIENCE: Duration = Duration::from_secs(600);
/// Where measured programs write if nothing is said: memory, so that no disk is measured.
const MEMORY: &str = "/dev/shm";

pub(super) struct Runner<'a> {
    setup: &'a Setup,
    /// Where programs write. Of this run only.
    out: PathBuf,
    /// The cores that we may use.
    cores: Vec<usize>,
    /// What a right run sees.
    expected: HashMap<(&'static str, u64, bool, String), Value>,
}

impl<'a> Runner<'a> {
    pub(super) fn new(setup: &'a Setup, out: Option<&Path>) -> Result<Self> {
        ensure!(
            process::works(Command::new("taskset").arg("--version")),
            "`taskset` of util-linux is needed to pin programs to cores"
        );
        let memory = Path::new(MEMORY);
        let parent = out.unwrap_or(if memory.is_dir() { memory } else { &setup.data });
        let out = parent.join(format!("atdata-bench-{}", std::process::id()));
        Ok(Self { setup, out, cores: allowed_cores()?, expected: HashMap::new() })
    }

    /// Runs a case once and checks what it has seen.
    pub(super) fn run(&mut self, case: &Case) -> Result<Run> {
        setup::warm(&self.setup.directory(case.workload, case.data))?;
        let mut command = self.command(case)?;
        command.args(["--workload", case.workload.name(), "--way", &case.way]);
        command.args(["--origin", case.data, "--samples", &case.samples.to_string()]);
        if case.writes {
            fs::create_dir_all(&self.out).with_context(|| self.out.display().to_string())?;
            command.arg("--out").arg(&self.out);
        }
        let run = self.watch(pinned(&command, self.cores_for(case)?));
        if case.writes {
            fs::remove_dir_all(&self.out).with_context(|| self.out.display().to_string())?;
        }
        let (line, peak_anonymous) = run?;
        self.check(case, line.get("digest").context("no digest")?)?;
        let number =
            |key: &str| line.get(key).and_then(Value::as_f64).with_context(|| format!("a run without {key}"));
        Ok(Run {
            seconds: number("seconds")?,
            processor: number("processor")?,
            opening: number("opening")?,
            configured: number("configured")?,
            peak_resident: number("peak_rss")?,
            peak_anonymous,
        })
    }

    fn command(&self, case: &Case) -> Result<Command> {
        if case.is_ours() {
            let mut command = self.setup.own_command();
            command.arg("run");
            return Ok(command);
        }
        let library = LIBRARIES.iter().find(|library| library.name == case.program);
        self.setup.script(library.context("no such library")?)
    }

    /// The last cores: the first one has more to do with interrupts.
    fn cores_for(&self, case: &Case) -> Result<&[usize]> {
        let first = self.cores.len().checked_sub(case.cores);
        let cores = first.and_then(|first| self.cores.get(first..));
        cores.with_context(|| format!("this machine has fewer than {} cores", case.cores))
    }

    /// Runs a command to its end. Gives what it printed, and the most anonymous memory that was seen.
    fn watch(&self, mut command: Command) -> Result<(Value, f64)> {
        let shown = process::shown(&command);
        let errors = self.setup.data.join("stderr.txt");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&errors)?)
            .spawn()
            .with_context(|| format!("cannot start {shown}"))?;
        let status_file = PathBuf::from(format!("/proc/{}/status", child.id()));
        let (begun, mut peak) = (Instant::now(), 0.0_f64);
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            peak = peak.max(anonymous(&status_file).unwrap_or(0.0));
            if begun.elapsed() > PATIENCE {
                child.kill()?;
                child.wait()?;
                bail!("{shown} had not ended after {} s", PATIENCE.as_secs());
            }
            thread::sleep(INTERVAL);
        };
        let mut printed = String::new();
        child.stdout.take().context("no output")?.read_to_string(&mut printed)?;
        if !status.success() {
            let said = fs::read_to_string(&errors).unwrap_or_default();
            bail!("{shown} ended with {status}: {}", said.trim().lines().last().unwrap_or_default());
        }
        let line = printed.lines().rev().find(|line| line.starts_with('{')).context("no line of JSON")?;
        Ok((serde_json::from_str(line).with_context(|| line.to_owned())?, peak))
    }

    fn check(&mut self, case: &Case, found: &Value) -> Result<()> {
        if case.finds == Finds::Bytes {
            return Ok(());
        }
        let expected = self.expected(case)?;
        for part in ["samples", "numbers", "fields", "words"] {
            ensure!(
                expected.get(part) == found.get(part),
                "it has seen something else: {part} {:?} in place of {:?}",
                found.get(part),
                expected.get(part)
            );
        }
        let same_order = expected.get("order") == found.get("order");
        match case.finds {
            Finds::Shuffled => ensure!(!same_order, "the samples were not shuffled"),
            _ => ensure!(same_order, "the samples came in another order"),
        }
        Ok(())
    }

    fn expected(&mut self, case: &Case) -> Result<Value> {
        let scattered = case.finds == Finds::Scattered;
        let key = (case.workload.name(), case.samples, scattered, case.touch.clone());
        if let Some(value) = self.expected.get(&key) {
            return Ok(value.clone());
        }
        let samples = case.samples.to_string();
        let mut arguments =
            vec!["expect", "--workload", case.workload.name(), "--samples", &samples, "--touch", &case.touch];
        if scattered {
            arguments.push("--scattered");
        }
        let value: Value = serde_json::from_str(&self.setup.own(&arguments)?)?;
        self.expected.insert(key, value.clone());
        Ok(value)
    }
}

/// The same command under `taskset`.
fn pinned(command: &Command, cores: &[usize]) -> Command {
    let list: Vec<String> = cores.iter().map(usize::to_string).collect();
    let mut pinned = Command::new("taskset");
    pinned.args(["--cpu-list", &list.join(",")]).arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => pinned.env(name, value),
            None => pinned.env_remove(name),
        };
    }
    if let Some(directory) = command.get_current_dir() {
        pinned.current_dir(directory);
    }
    pinned
}

/// The cores that this process may use.
fn allowed_cores() -> Result<Vec<usize>> {
    let status = fs::read_to_string("/proc/self/status").context("this system has no /proc")?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    parse_cores(list.context("no list of cores")?.trim())
}

/// A list such as `0-3,8`.
fn parse_cores(list: &str) -> Result<Vec<usize>> {
    let mut cores = Vec::new();
    for part in list.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        cores.extend(first.parse::<usize>()?..=last.parse::<usize>()?);
    }
    Ok(cores)
}

/// The anonymous resident memory of a process, in bytes: what it has allocated, without the pages of mapped files,
/// which are the page cache's.
fn anonymous(status: &Path) -> Option<f64> {
    let status = fs::read_to_string(status).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cores_have_ranges() {
        assert_eq!(parse_cores("0").unwrap(), [0]);
        assert_eq!(parse_cores("0-2,5,7-8").unwrap(), [0, 1, 2, 5, 7, 8]);
        assert!(parse_cores("").is_err());
    }

    #[test]
    fn a_pinned_command_keeps_arguments_and_environment() {
        let mut command = Command::new("program");
        command.arg("--way").env("A", "1").env_remove("B");
        let pinned = pinned(&command, &[0, 1]);
        assert_eq!(process::shown(&pinned), "taskset --cpu-list 0,1 program --way");
        assert_eq!(pinned.get_envs().count(), 2);
    }
}
