//! Reading and writing by network, beside the tools that people use for it: real servers on the loopback interface,
//! every run a process of its own, all programs in turns.

use std::{
    fmt::Write as _,
    fs::{self, File},
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};

use super::{
    document::{self, MIB, one_line, short},
    machine,
    results::Spread,
    runner::INTERVAL,
};
use crate::{process, report::Tally, services, workspace};

/// The bytes of what is transferred.
const SIZE: u64 = 1 << 30;
/// The objects that they are divided into, where there are several.
const OBJECTS: u64 = 4;
/// The bucket that the server has from its beginning.
const BUCKET: &str = "s3://ready";
/// How many times as fast as a tool we are to be.
const TARGET: f64 = 0.85;
/// A process that takes longer is ended.
const PATIENCE: Duration = Duration::from_secs(600);

const OURS: &str = "**atdata**";
const OURS_PARALLEL: &str = "**atdata**, 4 at once";
const CURL: &str = "curl";
const CURL_PARALLEL: &str = "curl, 4 at once";
const AWS: &str = "AWS CLI";

/// Tables, and the tools that we are held against: those that do several things at once, as we do.
const GROUPS: [(&str, &[&str]); 4] = [
    ("Web server, one object of 1 GiB", &[CURL, CURL_PARALLEL]),
    ("Web server, four objects of 256 MiB", &[CURL_PARALLEL]),
    ("S3, downloading 1 GiB", &[AWS]),
    ("S3, uploading 1 GiB", &[AWS]),
];

/// A program that moves [`SIZE`] bytes.
struct Transfer {
    group: &'static str,
    program: &'static str,
    /// Which of ours does the same.
    ours: &'static str,
    command: Command,
    runs: Vec<Run>,
    failure: Option<String>,
}

/// What one run took.
#[derive(Debug, Clone, Copy)]
struct Run {
    seconds: f64,
    /// Seconds of processor time of the program; the server's are not in it.
    processor: f64,
    /// The most resident memory, in bytes.
    peak: f64,
}

/// The servers, what lies on them, and the programs.
struct Place {
    /// They end, and their files go, when this is dropped.
    servers: services::Running,
    download: PathBuf,
    transfer: PathBuf,
    aws: Option<PathBuf>,
}

/// Measures and writes it down.
pub(super) fn main(rounds: usize) -> Result<Tally> {
    let machine = machine::describe();
    let place = Place::prepare()?;
    let mut transfers = place.transfers()?;
    for round in 0..rounds {
        println!("=== round {} of {rounds}", round + 1);
        let turn = round % transfers.len();
        transfers.rotate_left(turn);
        transfers.iter_mut().for_each(|transfer| transfer.run(&place));
        transfers.rotate_right(turn);
    }
    let path = document::replace("network", &text(&place, &transfers, &machine, rounds)?)?;
    println!("{}", path.display());
    let mut tally = Tally::default();
    for transfer in &transfers {
        tally += match (&transfer.failure, transfer.is_ours()) {
            (None, _) => Tally::PASSED,
            (Some(_), true) => Tally::FAILED,
            (Some(_), false) => Tally::SKIPPED,
        };
    }
    println!("{tally}");
    Ok(tally)
}

impl Place {
    fn prepare() -> Result<Self> {
        if !process::works(Command::new(CURL).arg("--version")) {
            bail!("curl is not installed");
        }
        for (package, example) in [("atdata-http", "download"), ("atdata-s3", "transfer")] {
            let arguments = ["build", "--release", "--quiet", "--package", package, "--example", example];
            process::run(&mut process::cargo(&arguments))?;
        }
        let examples = workspace::metadata()?.target.join("release").join("examples");
        let place = Self {
            servers: services::for_bench()?,
            download: examples.join("download"),
            transfer: examples.join("transfer"),
            aws: aws(),
        };
        let root = place.root()?;
        write_noise(&root.join("object"), SIZE)?;
        for number in 0..OBJECTS {
            write_noise(&root.join(format!("part-{number}")), SIZE / OBJECTS)?;
        }
        Ok(place)
    }

    fn variable(&self, name: &str) -> Result<&str> {
        let value = self.servers.variables.get(name);
        value.map(String::as_str).with_context(|| format!("the servers did not say {name}"))
    }

    /// The directory that the web server serves.
    fn root(&self) -> Result<PathBuf> {
        self.variable("TEST_NGINX_ROOT").map(PathBuf::from)
    }

    fn transfers(&self) -> Result<Vec<Transfer>> {
        let [(one, _), (several, _), (down, _), (up, _)] = GROUPS;
        let web = self.variable("TEST_NGINX_URL")?;
        let object = format!("{web}object");
        let parts: Vec<String> = (0..OBJECTS).map(|number| format!("{web}part-{number}")).collect();
        let whole = |urls: &[String]| -> Vec<(String, String)> {
            urls.iter().map(|url| (url.clone(), "0-".to_owned())).collect()
        };
        let quarter = SIZE / OBJECTS;
        let quarters: Vec<_> = (0..OBJECTS)
            .map(|number| (object.clone(), format!("{}-{}", number * quarter, (number + 1) * quarter - 1)))
            .collect();
        let download = |urls: &[String]| with(Command::new(&self.download), urls);

        let mebibytes = (SIZE >> 20).to_string();
        let s3 = |arguments: &[&str]| Ok::<_, anyhow::Error>(with(self.s3(&self.transfer)?, arguments));
        let read = format!("{BUCKET}/read");
        let shard = written(&process::output(&mut s3(&["put", &read, &mebibytes])?)?)?;
        let signed = process::output(&mut s3(&["sign", &shard])?)?.trim().to_owned();
        let mut all = vec![
            Transfer::new(one, OURS, download(std::slice::from_ref(&object))),
            Transfer::new(one, CURL, curl(&whole(std::slice::from_ref(&object)), false)),
            Transfer::new(one, CURL_PARALLEL, curl(&quarters, true)),
            Transfer::new(several, OURS, download(&parts)),
            Transfer::new(several, CURL, curl(&whole(&parts), false)),
            Transfer::new(
                several,
                OURS_PARALLEL,
                with(with(Command::new(&self.download), &["--at-once", "4"]), &parts),
            ),
            Transfer::new(several, CURL_PARALLEL, curl(&whole(&parts), true)).beside(OURS_PARALLEL),
            Transfer::new(down, OURS, s3(&["get", &shard])?),
            Transfer::new(down, CURL, curl(&whole(&[signed]), false)),
            Transfer::new(up, OURS, s3(&["put", &format!("{BUCKET}/written"), &mebibytes])?),
        ];
        if let Some(aws) = &self.aws {
            let copy = |from: &str, to: &str| {
                Ok::<_, anyhow::Error>(with(self.s3(aws)?, &["s3", "cp", "--quiet", from, to]))
            };
            all.push(Transfer::new(down, AWS, copy(&shard, "-")?));
            let file = self.root()?.join("object").display().to_string();
            all.push(Transfer::new(up, AWS, copy(&file, &format!("{BUCKET}/copied"))?));
        }
        Ok(all)
    }

    /// A command that finds the S3 server in its environment.
    fn s3(&self, program: &Path) -> Result<Command> {
        let mut command = Command::new(program);
        for (name, given) in [
            ("AWS_ENDPOINT", "ENDPOINT"),
            ("AWS_ENDPOINT_URL", "ENDPOINT"),
            ("AWS_REGION", "REGION"),
            ("AWS_ACCESS_KEY_ID", "ACCESS_KEY_ID"),
            ("AWS_SECRET_ACCESS_KEY", "SECRET_ACCESS_KEY"),
        ] {
            command.env(name, self.variable(&format!("TEST_S3_{given}"))?);
        }
        Ok(command)
    }
}

impl Transfer {
    fn new(group: &'static str, program: &'static str, command: Command) -> Self {
        Self { group, program, ours: OURS, command, runs: Vec::new(), failure: None }
    }

    fn beside(self, ours: &'static str) -> Self {
        Self { ours, ..self }
    }

    fn is_ours(&self) -> bool {
        [OURS, OURS_PARALLEL].contains(&self.program)
    }

    /// Runs it once more, unless it has failed before.
    fn run(&mut self, place: &Place) {
        if self.failure.is_some() {
            return;
        }
        let name = format!("{}: {}", self.group, self.program);
        match watch(&mut self.command).and_then(|(run, printed)| {
            // The other programs write over what they wrote before.
            if let Ok(shard) = written(&printed) {
                process::output(place.s3(&place.transfer)?.args(["remove", &shard]))?;
            }
            Ok(run)
        }) {
            Ok(run) => {
                println!("{name:55} {:8.3} s", run.seconds);
                self.runs.push(run);
            }
            Err(error) => {
                println!("{name:55} FAIL {error:#}");
                self.failure = Some(format!("{error:#}"));
            }
        }
    }

    fn spread(&self, number: impl Fn(&Run) -> f64) -> Option<Spread> {
        Spread::of(self.runs.iter().map(number))
    }

    /// Round by round, how many times as fast as another one.
    fn times(&self, other: &Self) -> Option<Spread> {
        Spread::of(self.runs.iter().zip(&other.runs).map(|(own, other)| other.seconds / own.seconds))
    }
}

/// The address of the shard that our program says it has written.
fn written(printed: &str) -> Result<String> {
    let line = printed.lines().find(|line| line.starts_with("s3://"));
    line.map(str::to_owned).context("no shard was written")
}

/// The vendor's own program. What stands on the search path may be a script that looks for it first; that is not measured.
fn aws() -> Option<PathBuf> {
    let asked = process::output(Command::new("pyenv").args(["which", "aws"])).ok();
    let program = asked.map_or_else(|| PathBuf::from("aws"), |path| PathBuf::from(path.trim()));
    process::works(Command::new(&program).arg("--version")).then_some(program)
}

fn with<A: AsRef<std::ffi::OsStr>>(mut command: Command, arguments: &[A]) -> Command {
    command.args(arguments);
    command
}

/// Downloads ranges of addresses, one after the other or all at once.
fn curl(ranges: &[(String, String)], parallel: bool) -> Command {
    let mut command = Command::new(CURL);
    if parallel {
        command.args(["--parallel", "--parallel-immediate"]);
    }
    for (number, (url, range)) in ranges.iter().enumerate() {
        if number > 0 {
            command.arg("--next");
        }
        command.args(["--silent", "--fail", "--output", "/dev/null"]);
        if range != "0-" {
            command.args(["--range", range]);
        }
        command.arg(url);
    }
    command
}

/// Writes bytes that nothing can compress.
fn write_noise(path: &Path, length: u64) -> Result<()> {
    let mut noise = vec![0; 1 << 20];
    File::open("/dev/urandom")?.read_exact(&mut noise)?;
    let mut file = File::create(path).with_context(|| path.display().to_string())?;
    for _ in 0..length >> 20 {
        file.write_all(&noise)?;
    }
    Ok(())
}

/// Runs a command to its end; gives what it took and, of ours, what it printed.
fn watch(command: &mut Command) -> Result<(Run, String)> {
    let shown = process::shown(command);
    let begun = Instant::now();
    // What others download goes nowhere.
    let prints = command.get_program().to_string_lossy().ends_with("transfer");
    let output = if prints { Stdio::piped() } else { Stdio::null() };
    let mut child = command
        .stdin(Stdio::null())
        .stdout(output)
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot start {shown}"))?;
    let place = PathBuf::from(format!("/proc/{}", child.id()));
    let (mut peak, mut processor) = (0.0_f64, 0.0);
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        peak = peak.max(resident(&place).unwrap_or(0.0));
        processor = processor_time(&place).unwrap_or(processor);
        if begun.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            bail!("{shown} had not ended after {} s", PATIENCE.as_secs());
        }
        thread::sleep(INTERVAL);
    };
    let seconds = begun.elapsed().as_secs_f64();
    let mut printed = String::new();
    if let Some(mut output) = child.stdout.take() {
        output.read_to_string(&mut printed)?;
    }
    if !status.success() {
        // The arguments may hold a signature.
        bail!("{} ended with {status}", command.get_program().to_string_lossy());
    }
    Ok((Run { seconds, processor, peak }, printed))
}

/// The most resident memory of a process so far, in bytes.
fn resident(process: &Path) -> Option<f64> {
    let status = fs::read_to_string(process.join("status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024.0)
}

/// The processor time of a process so far, in seconds: of all its threads, its own and the kernel's for it.
fn processor_time(process: &Path) -> Option<f64> {
    let stat = fs::read_to_string(process.join("stat")).ok()?;
    processor_time_in(&stat)
}

fn processor_time_in(stat: &str) -> Option<f64> {
    // Linux counts it in hundredths of a second. The name, in parentheses, may have spaces.
    let (_, fields) = stat.rsplit_once(')')?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<f64>().ok();
    Some((next()? + next()?) / 100.0)
}

fn text(place: &Place, transfers: &[Transfer], machine: &[(&str, String)], rounds: usize) -> Result<String> {
    let mut text = String::from("| | |\n|---|---|\n");
    for (name, value) in machine {
        writeln!(text, "| {name} | {value} |")?;
    }
    writeln!(text, "| Rounds | {rounds} |")?;
    for (name, program) in [(CURL, Some(Path::new(CURL))), (AWS, place.aws.as_deref())] {
        let version =
            program.and_then(|program| process::output(Command::new(program).arg("--version")).ok());
        let version =
            version.as_deref().and_then(|version| version.lines().next()).unwrap_or("not installed");
        writeln!(text, "| {name} | {} |", one_line(version.split(" (").next().unwrap_or_default()))?;
    }
    for (group, tools) in GROUPS {
        writeln!(
            text,
            "\n### {group}\n\n| Program | MB/s | Range | Processor, s | Memory, MiB | Ours is | Range | Target | Met |\n\
             |---|--:|--:|--:|--:|--:|--:|--:|---|"
        )?;
        let of_group = || transfers.iter().filter(|transfer| transfer.group == group);
        for transfer in of_group() {
            let ours = of_group().find(|ours| ours.program == transfer.ours);
            write_row(&mut text, transfer, ours, tools.contains(&transfer.program))?;
        }
    }
    for transfer in transfers {
        if let Some(failure) = &transfer.failure {
            writeln!(text, "\nDid not run: {}, {}: {}", transfer.group, transfer.program, one_line(failure))?;
        }
    }
    Ok(text)
}

fn write_row(text: &mut String, transfer: &Transfer, ours: Option<&Transfer>, is_target: bool) -> Result<()> {
    #[allow(clippy::cast_precision_loss)]
    let rate = transfer.spread(|run| SIZE as f64 / run.seconds / 1e6);
    let (Some(rate), Some(processor), Some(peak)) =
        (rate, transfer.spread(|run| run.processor), transfer.spread(|run| run.peak / MIB))
    else {
        return Ok(());
    };
    let Spread { median, least, most } = rate;
    let (processor, peak) = (short(processor.median), short(peak.median));
    write!(
        text,
        "| {} | {} | {} – {} | {processor} | {peak} |",
        transfer.program,
        short(median),
        short(least),
        short(most)
    )?;
    match ours.filter(|_| !transfer.is_ours()).and_then(|ours| ours.times(transfer)) {
        Some(times) => {
            let (target, met) = match (is_target, times.median >= TARGET) {
                (false, _) => (String::new(), ""),
                (true, true) => (format!("≥ {TARGET} ×"), "yes"),
                (true, false) => (format!("≥ {TARGET} ×"), "**no**"),
            };
            let (median, least, most) = (short(times.median), short(times.least), short(times.most));
            writeln!(text, " {median} × | {least} – {most} | {target} | {met} |")?;
        }
        None => writeln!(text, " | | | |")?,
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_any_name() {
        let stat = "7 (a) b) R 1 2 3 4 5 6 7 8 9 10 250 50 0 0";
        assert_eq!(processor_time_in(stat), Some(3.0));
        assert_eq!(processor_time_in("7 (a) R 1"), None);
    }

    #[test]
    fn the_shard_that_was_written_is_found_in_what_is_printed() {
        assert_eq!(written("written: 5 bytes\ns3://b/a.tar\n").unwrap(), "s3://b/a.tar");
        assert!(written("read: 5 bytes\n").is_err());
    }
}
