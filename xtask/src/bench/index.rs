//! Indexes: inserting, finding and listing at several sizes, beside the Python package on the same entries.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path, process::Command};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{
    document::{self, grouped, one_line, short},
    machine,
};
use crate::{
    peer::{self, Generation, Peer},
    process,
    report::Tally,
    services, workspace,
};

/// The numbers of entries.
const SIZES: [u64; 3] = [1_000, 100_000, 1_000_000];
/// The most that a look-up by name may take at the largest size, in times of the smallest.
const GROWTH: f64 = 1.5;
/// Entries a second that an SQLite index takes at least, many at a time.
const BULK: f64 = 50_000.0;

const PROGRAMS: [&str; 2] = ["**atdata**", "Python atdata 0.7"];

/// A program on an index of a size, and what it measured; or why it could not.
type Measured = BTreeMap<(&'static str, &'static str, u64), Result<Value, String>>;

/// Measures and writes it down.
pub(super) fn main() -> Result<Tally> {
    let machine = machine::describe();
    process::run(&mut process::cargo(&["build", "--release", "--quiet", "--package", "atdata-bench"]))?;
    let target = workspace::metadata()?.target;
    let program = target.join("release").join("atdata-bench");
    let peer = peer::set_up()?;
    let servers = services::for_interop(&["redis"])?;
    let redis = servers.variables.get("TEST_REDIS_URL").cloned();
    let redis = redis.or_else(|| std::env::var("TEST_REDIS_URL").ok()).context("no Redis server")?;
    let directory = target.join("bench-index");
    if directory.exists() {
        fs::remove_dir_all(&directory)?;
    }
    fs::create_dir_all(&directory)?;
    let mut measured = Measured::new();
    for size in SIZES {
        let file = format!("sqlite:{}", directory.join(format!("{size}.db")).display());
        let database = format!("{}/{}", redis.trim_end_matches('/'), 100 + size.ilog10());
        for (backend, address) in [("SQLite", &file), ("Redis", &database)] {
            for name in PROGRAMS {
                let command = command(name, &program, peer.as_ref().ok(), address, size);
                let result = command.context("there is no Python").and_then(run);
                let result = result.map_err(|error| format!("{error:#}"));
                println!("{backend:8} {size:8} {name:20} {result:?}");
                measured.insert((backend, name, size), result);
            }
        }
    }
    let path = document::replace("index", &text(&machine, &measured)?)?;
    println!("{}", path.display());
    fs::remove_dir_all(&directory)?;
    let mut tally = Tally::default();
    for ((_, name, _), result) in &measured {
        tally += match (result, *name == PROGRAMS[0]) {
            (Ok(_), _) => Tally::PASSED,
            (Err(_), true) => Tally::FAILED,
            (Err(_), false) => Tally::SKIPPED,
        };
    }
    println!("{tally}");
    Ok(tally)
}

fn command(name: &str, program: &Path, peer: Option<&Peer>, address: &str, size: u64) -> Option<Command> {
    if name == PROGRAMS[0] {
        let mut command = Command::new(program);
        command.args(["index", address, &size.to_string()]);
        return Some(command);
    }
    let mut command = peer?.script(Generation::Latest, "index_bench.py");
    command.args([address, &size.to_string()]);
    Some(command)
}

fn run(mut command: Command) -> Result<Value> {
    Ok(serde_json::from_str(&process::output(&mut command)?)?)
}

fn text(machine: &[(&str, String)], measured: &Measured) -> Result<String> {
    let mut text = String::from("| | |\n|---|---|\n");
    for (name, value) in machine {
        writeln!(text, "| {name} | {value} |")?;
    }
    let number = |backend, name, size, what: &str| -> Option<f64> {
        measured.get(&(backend, name, size))?.as_ref().ok()?.get(what)?.as_f64()
    };
    text.push_str("\n### Targets\n\n| What | Target | Measured | Met |\n|---|---|--:|---|\n");
    let met = |is_met: bool| if is_met { "yes" } else { "**no**" };
    let [least, .., most] = SIZES;
    for backend in ["SQLite", "Redis"] {
        for (what, words) in [("name", "name"), ("label", "label"), ("cid", "content identifier")] {
            let of = |size| number(backend, PROGRAMS[0], size, what);
            let Some(growth) = of(most).zip(of(least)).map(|(most, least)| most / least) else { continue };
            let (most, least) = (grouped(most), grouped(least));
            let (shown, met) = (short(growth), met(growth <= GROWTH));
            writeln!(
                text,
                "| {backend}: look-up by {words} among {most}, against {least} | ≤ {GROWTH} × | {shown} × | {met} |"
            )?;
        }
    }
    for size in SIZES {
        let Some(rate) = number("SQLite", PROGRAMS[0], size, "insert_many") else { continue };
        let (shown, target) = (short(rate), short(BULK));
        let size = grouped(size);
        writeln!(
            text,
            "| SQLite: many at a time, up to {size} | ≥ {target}/s | {shown}/s | {} |",
            met(rate >= BULK)
        )?;
    }
    for backend in ["SQLite", "Redis"] {
        writeln!(
            text,
            "\n### {backend}\n\n| Program | Entries | by name, µs | by label, µs | by identifier, µs | listed/s | inserted/s | many \
             at a time/s |\n|---|--:|--:|--:|--:|--:|--:|--:|"
        )?;
        for name in PROGRAMS {
            for size in SIZES {
                let shown = |what| number(backend, name, size, what).map_or(String::new(), short);
                let columns = ["name", "label", "cid", "list", "insert", "insert_many"].map(shown);
                writeln!(text, "| {name} | {} | {} |", grouped(size), columns.join(" | "))?;
            }
        }
    }
    for ((backend, name, size), result) in measured {
        if let Err(failure) = result {
            writeln!(text, "\nDid not run: {backend}, {name}, {size}: {}", one_line(failure))?;
        }
    }
    Ok(text)
}
