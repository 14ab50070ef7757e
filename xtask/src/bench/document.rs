//! Writing it down: the generated parts of docs/benchmarks.md stand between marks, the text around them is kept.

use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use super::{
    cases::{Case, LIMIT, OURS, PYTHON, Workload, family},
    instructions::Count,
    peers::LIBRARIES,
    results::{Measurement, PROCESSOR, Results, Spread, WALL},
    setup::Setup,
    targets::{self, Target},
};
use crate::workspace;

pub(super) const MIB: f64 = 1_048_576.0;

/// Families of ways and the titles of their tables.
const FAMILIES: [(&str, &str); 7] = [
    ("ordered", "in order"),
    ("batched", "batches of 32, stacked"),
    ("shuffled", "shuffled"),
    ("first", "first sample"),
    ("random", "random access"),
    ("write", "writing"),
    ("limits", "what the machine can do"),
];

/// Writes what was measured: to `to` alone, or to its place in docs/benchmarks.md.
pub(super) fn write_measured(
    setup: &Setup,
    results: &Results,
    machine: &[(&str, String)],
    rounds: usize,
    to: Option<PathBuf>,
) -> Result<PathBuf> {
    let mut text = String::new();
    conditions(&mut text, setup, machine, rounds)?;
    targets_table(&mut text, &targets::all(results))?;
    for workload in Workload::ALL {
        for (name, title) in FAMILIES {
            family_table(&mut text, results, workload, name, title)?;
        }
    }
    failures(&mut text, results)?;
    match to {
        Some(path) => {
            fs::write(&path, text).with_context(|| path.display().to_string())?;
            Ok(path)
        }
        None => replace("measured", &text),
    }
}

/// Writes counts of instructions to their place in docs/benchmarks.md.
pub(super) fn write_instructions(counts: &[Count]) -> Result<()> {
    let mut text = String::from("| Way | | Instructions per sample |\n|---|---|--:|\n");
    for Count { way, about, per_sample } in counts {
        writeln!(text, "| {way} | {about} | {} |", grouped(*per_sample))?;
    }
    let path = replace("instructions", &text)?;
    println!("{}", path.display());
    Ok(())
}

fn conditions(text: &mut String, setup: &Setup, machine: &[(&str, String)], rounds: usize) -> Result<()> {
    writeln!(text, "| | |\n|---|---|")?;
    for (name, value) in machine {
        writeln!(text, "| {name} | {value} |")?;
    }
    writeln!(text, "| Rounds | {rounds} |")?;
    for (name, versions) in &setup.installed {
        writeln!(text, "| {} | {versions} |", program_title(name))?;
    }
    for (name, reason) in &setup.missing {
        writeln!(text, "| {} | not installed: {} |", program_title(name), one_line(reason))?;
    }
    writeln!(text)?;
    Ok(())
}

fn targets_table(text: &mut String, targets: &[Target]) -> Result<()> {
    writeln!(text, "### Targets\n\n| What | Target | Measured | Range | Wall time | Met |")?;
    writeln!(text, "|---|---|--:|--:|--:|---|")?;
    for Target { what, wanted, measured, wall, unit, met } in targets {
        let (median, range) = match measured {
            Some(spread) => (
                format!("{} {unit}", short(spread.median)),
                format!("{} – {}", short(spread.least), short(spread.most)),
            ),
            None => ("not measured".to_owned(), String::new()),
        };
        let met = match met {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "–",
        };
        let wall = wall.map_or_else(String::new, |wall| format!("{} {unit}", short(wall.median)));
        writeln!(text, "| {what} | {wanted} | {median} | {range} | {wall} | {met} |")?;
    }
    writeln!(text)?;
    Ok(())
}

/// One table: a family of ways on a workload, the fastest first.
fn family_table(
    text: &mut String,
    results: &Results,
    workload: Workload,
    name: &str,
    title: &str,
) -> Result<()> {
    let mut rows: Vec<(&Measurement, Spread)> = results
        .done()
        .filter(|measurement| measurement.case.workload == workload && belongs(&measurement.case, name))
        .filter_map(|measurement| Some((measurement, measurement.rate(WALL)?)))
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    rows.sort_by(|a, b| b.1.median.total_cmp(&a.1.median));
    let reference = rows
        .iter()
        .map(|(measurement, _)| *measurement)
        .find(|measurement| is_reference(&measurement.case, name))
        .filter(|_| name != "limits");
    writeln!(text, "### {workload}: {title}\n")?;
    let speed = if name == "first" { "ms" } else { "samples/s" };
    let ours = if reference.is_some() { " Ours is |" } else { "" };
    let line = if reference.is_some() { "--:|" } else { "" };
    writeln!(
        text,
        "| Program | Way | Data | Cores | {speed} | Range | MiB/s | µs |{ours} Memory | Resident |"
    )?;
    writeln!(text, "|---|---|---|--:|--:|--:|--:|--:|{line}--:|--:|")?;
    for (measurement, rate) in rows {
        let case = &measurement.case;
        let times = reference.map(|reference| {
            let times = reference.times(measurement, PROCESSOR).filter(|_| case.program != OURS);
            times.map_or_else(|| " |".to_owned(), |times| format!(" {} × |", short(times.median)))
        });
        let (middle, least, most) = if name == "first" {
            (1e3 / rate.median, 1e3 / rate.most, 1e3 / rate.least)
        } else {
            (rate.median, rate.least, rate.most)
        };
        let bytes =
            |number: Option<Spread>| number.map_or_else(String::new, |spread| short(spread.median / MIB));
        writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} – {} | {} | {} |{} {} | {} |",
            if case.way == "consumer" { "the same consumer in Python" } else { program_title(case.program) },
            case.way,
            data_title(case),
            case.cores,
            short(middle),
            short(least),
            short(most),
            if name == "first" {
                String::new()
            } else {
                short(rate.median * array_bytes(case.workload) / MIB)
            },
            processor_time(measurement),
            times.unwrap_or_default(),
            bytes(measurement.spread(|run| run.peak_anonymous)),
            bytes(measurement.spread(|run| run.peak_resident)),
        )?;
    }
    writeln!(text)?;
    opening(text, results, workload, name)
}

/// Microseconds of processor time a sample; none of `cat`, which is a program of its own.
fn processor_time(measurement: &Measurement) -> String {
    let rate = measurement.rate(PROCESSOR).filter(|_| measurement.case.way != "cat");
    rate.map_or_else(String::new, |rate| short(1e6 / rate.median))
}

/// What random access has to do before the first sample.
fn opening(text: &mut String, results: &Results, workload: Workload, name: &str) -> Result<()> {
    if name != "random" {
        return Ok(());
    }
    let times: Vec<String> = results
        .done()
        .filter(|measurement| measurement.case.workload == workload && belongs(&measurement.case, name))
        .filter_map(|measurement| {
            let case = &measurement.case;
            let spread = measurement.spread(|run| run.opening * 1e3)?;
            let (title, data) = (program_title(case.program), data_title(case));
            Some(format!("{title} ({}, {data}) {} ms", case.way, short(spread.median)))
        })
        .collect();
    writeln!(text, "Opening, not counted above: {}.\n", times.join("; "))?;
    Ok(())
}

fn failures(text: &mut String, results: &Results) -> Result<()> {
    let mut failed = results.0.iter().filter_map(|m| Some((&m.case, m.failure.as_ref()?))).peekable();
    if failed.peek().is_some() {
        writeln!(text, "### What did not run\n")?;
    }
    for (case, reason) in failed {
        writeln!(text, "- `{}`: {}", case.name(), one_line(reason))?;
    }
    Ok(())
}

/// Copying stands beside writing.
fn belongs(case: &Case, name: &str) -> bool {
    match name {
        "write" => matches!(case.way.as_str(), "write" | "copy" | "copy-sha256"),
        "limits" => family(&case.way) == name && !case.way.starts_with("copy"),
        _ => family(&case.way) == name,
    }
}

/// Our plain way on our own shards, on one core, is what the others are held against.
fn is_reference(case: &Case, name: &str) -> bool {
    (case.program, case.data, case.cores, case.way.as_str()) == (OURS, OURS, 1, name)
}

fn program_title(name: &str) -> &str {
    match name {
        OURS => "**atdata**",
        LIMIT => "the machine",
        _ => LIBRARIES.iter().find(|library| library.name == name).map_or(name, |library| library.title),
    }
}

fn data_title(case: &Case) -> &'static str {
    match case.data {
        _ if case.way == "consumer" => "in memory",
        OURS => "tar, ours",
        PYTHON => "tar, Python's",
        _ => "its own",
    }
}

#[allow(clippy::cast_precision_loss)]
fn array_bytes(workload: Workload) -> f64 {
    workload.array() as f64
}

/// Three digits, with a letter for thousands and millions.
pub(super) fn short(number: f64) -> String {
    let (number, letter) = match number {
        n if n >= 999_500.0 => (n / 1e6, " M"),
        n if n >= 9_995.0 => (n / 1e3, " k"),
        n => (n, ""),
    };
    let decimals = match number {
        n if n >= 99.95 => 0,
        n if n >= 9.995 => 1,
        _ => 2,
    };
    format!("{number:.decimals$}{letter}")
}

/// A whole number with commas.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(super) fn one_line(text: &str) -> String {
    let line: String = text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "/");
    line.chars().take(200).collect()
}

/// Writes a text to its place in docs/benchmarks.md.
pub(super) fn replace(name: &str, text: &str) -> Result<PathBuf> {
    let path = workspace::root().join("docs").join("benchmarks.md");
    let document = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let document = replaced(&document, name, text).with_context(|| marks(&path, name))?;
    fs::write(&path, document)?;
    Ok(path)
}

fn marks(path: &Path, name: &str) -> String {
    format!("{} has no marks <!-- {name} --> and <!-- /{name} -->", path.display())
}

/// The document with a text between the marks of a name.
pub(super) fn replaced(document: &str, name: &str, text: &str) -> Option<String> {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->"));
    let (before, rest) = document.split_once(&begin)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{begin}\n{}\n\n{end}{after}", text.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits() {
        for (number, text) in [
            (0.123, "0.12"),
            (9.999, "10.0"),
            (99.96, "100"),
            (1234.0, "1234"),
            (9_996.0, "10.0 k"),
            (553_211.0, "553 k"),
            (999_600.0, "1.00 M"),
        ] {
            assert_eq!(short(number), text);
        }
        assert_eq!(
            (grouped(0), grouped(123_456), grouped(1_000)),
            ("0".into(), "123,456".into(), "1,000".into())
        );
    }

    #[test]
    fn what_is_between_marks_is_replaced_and_the_rest_kept() {
        let document = "head\n<!-- a -->\nold\n<!-- /a -->\nmiddle\n<!-- b -->\n<!-- /b -->\ntail\n";
        let new = replaced(document, "a", "new\n").unwrap();
        assert_eq!(new, "head\n<!-- a -->\n\nnew\n\n<!-- /a -->\nmiddle\n<!-- b -->\n<!-- /b -->\ntail\n");
        assert_eq!(replaced(&new, "a", "new").unwrap(), new);
        assert_eq!(replaced(document, "c", ""), None);
    }
}
