//! What the engine is to reach, as ratios within one run of the benchmark.

use super::cases::{Case, LIMIT, OURS, PYTHON, Workload, family};
use super::peers::LIBRARIES;
use super::results::{Measurement, PROCESSOR, Results, Spread, WALL};

/// The most memory beside what was configured, in MiB.
const MEMORY: f64 = 64.0;
/// The longest time to the first sample, in milliseconds.
const FIRST: f64 = 5.0;

/// How many times as fast two cores are as one.
const SECOND: f64 = 1.7;

/// A target and what was measured.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) what: String,
    pub(super) wanted: String,
    /// What decides, median and range; nothing if it was not measured.
    pub(super) measured: Option<Spread>,
    /// The ratio of times as they passed, if another one decides.
    pub(super) wall: Option<Spread>,
    pub(super) unit: &'static str,
    pub(super) met: Option<bool>,
}

impl Target {
    /// A ratio of processor times: both run on one core, and what other programs take of it belongs to neither.
    fn ratio(
        what: String,
        wanted: String,
        least: f64,
        ours: Option<&Measurement>,
        other: Option<&Measurement>,
    ) -> Self {
        let both = ours.zip(other);
        let measured = both.and_then(|(ours, other)| ours.times(other, PROCESSOR));
        let wall = both.and_then(|(ours, other)| ours.times(other, WALL));
        let met = measured.map(|measured| measured.median >= least);
        Self { what, wanted: format!("≥ {least} × {wanted}"), measured, wall, unit: "×", met }
    }

    /// A ratio of times as they passed.
    fn wall(self, least: f64) -> Self {
        let met = self.wall.map(|wall| wall.median >= least);
        Self { measured: self.wall, met, ..self }
    }
}

/// All targets.
pub(super) fn all(results: &Results) -> Vec<Target> {
    use Workload::{Large, Medium, Small};
    let find = |workload, way, program, data| results.find(workload, way, program, data, 1);
    let ours = |workload, way| find(workload, way, OURS, OURS);
    let mut targets = Vec::new();
    for (data, writer) in [(OURS, "us"), (PYTHON, "Python")] {
        targets.push(Target::ratio(
            format!("S ordered, typed rows, shards written by {writer}"),
            "Python atdata".to_owned(),
            100.0,
            find(Small, "ordered", OURS, data),
            find(Small, "ordered", "atdata", data),
        ));
    }
    for (way, least, other) in
        [("ordered", 1.2, "Lance's columnar scan"), ("batched", 1.5, "Lance's batches")]
    {
        let what = format!("S {way}{}", if way == "batched" { "(32), stacked" } else { ", typed rows" });
        let lance = find(Small, way, "lance", "lance");
        targets.push(Target::ratio(what, other.to_owned(), least, ours(Small, way), lance));
    }
    for workload in [Medium, Large] {
        for (data, writer) in [(OURS, "us"), (PYTHON, "Python")] {
            targets.push(Target::ratio(
                format!("{workload} ordered, every byte summed, shards written by {writer}"),
                "the bare mmap loop".to_owned(),
                0.9,
                find(workload, "ordered", OURS, data),
                find(workload, "mmap-sum", LIMIT, data),
            ));
        }
        let peer = fastest(results, workload, "ordered", |_| true);
        targets.push(Target::ratio(
            format!("{workload} ordered, every byte summed"),
            format!("the fastest library ({})", titled(peer)),
            5.0,
            ours(workload, "ordered"),
            peer,
        ));
    }
    for workload in [Medium, Large] {
        for (way, limit, more) in
            [("batched-edges", "memcpy", ""), ("batched", "memcpy-sum", ", every byte summed")]
        {
            targets.push(Target::ratio(
                format!("{workload} batched(32), stacked{more}"),
                format!("memcpy to one buffer{more}"),
                0.8,
                ours(workload, way),
                find(workload, limit, LIMIT, OURS),
            ));
        }
    }
    for workload in [Small, Medium] {
        let (shuffled, ordered) = (ours(workload, "shuffled"), ours(workload, "ordered"));
        targets.push(Target::ratio(
            format!("{workload} shuffled, buffer of 10,000"),
            "our ordered".to_owned(),
            0.7,
            shuffled,
            ordered,
        ));
    }
    let way = "ordered-prepared";
    let two = results.find(Medium, way, OURS, OURS, 2);
    let what = "M ordered, mean and variance of every image, two cores".to_owned();
    targets.push(Target::ratio(what, "one core".to_owned(), SECOND, two, ours(Medium, way)).wall(SECOND));
    let peer = fastest(results, Medium, "random", |case| matches!(case.program, "litdata" | "streaming"));
    targets.push(Target::ratio(
        "M random access by key".to_owned(),
        format!("the best of litData and streaming ({})", titled(peer)),
        1.0,
        ours(Medium, "random"),
        peer,
    ));
    targets.extend(Workload::ALL.map(|workload| first(workload, ours(workload, "first"))));
    targets.push(memory(results));
    for workload in Workload::ALL {
        for (limit, more) in [("copy", ""), ("copy-sha256", " and finding their SHA-256")] {
            targets.push(Target::ratio(
                format!("{workload} write"),
                format!("copying the same bytes{more}"),
                0.7,
                ours(workload, "write"),
                find(workload, limit, LIMIT, OURS),
            ));
        }
    }
    targets.push(Target::ratio(
        "S write".to_owned(),
        "Python atdata".to_owned(),
        10.0,
        ours(Small, "write"),
        find(Small, "write", "atdata", PYTHON),
    ));
    targets
}

/// The library with the highest median in a family of ways. All of them touch every byte.
fn fastest<'a>(
    results: &'a Results,
    workload: Workload,
    ways: &str,
    counts: impl Fn(&Case) -> bool,
) -> Option<&'a Measurement> {
    let median = |measurement: &Measurement| measurement.rate(PROCESSOR).map_or(0.0, |rate| rate.median);
    results
        .done()
        .filter(|measurement| {
            let case = &measurement.case;
            case.workload == workload && family(&case.way) == ways && !case.is_ours() && counts(case)
        })
        .max_by(|a, b| median(a).total_cmp(&median(b)))
}

fn titled(peer: Option<&Measurement>) -> String {
    let library = peer.and_then(|peer| LIBRARIES.iter().find(|library| library.name == peer.case.program));
    library.map_or_else(|| "none was measured".to_owned(), |library| library.title.to_owned())
}

fn first(workload: Workload, ours: Option<&Measurement>) -> Target {
    let measured = ours.and_then(|ours| ours.spread(|run| run.seconds * 1e3));
    Target {
        what: format!("{workload} first sample, local"),
        wanted: format!("≤ {FIRST} ms"),
        measured,
        wall: None,
        unit: "ms",
        met: measured.map(|measured| measured.median <= FIRST),
    }
}

/// Of all our runs the one that goes furthest beyond what it was configured to.
fn memory(results: &Results) -> Target {
    let beyond = |measurement: &Measurement| {
        measurement.spread(|run| (run.peak_anonymous - run.configured) / f64::from(1 << 20))
    };
    let worst = results
        .done()
        .filter(|measurement| measurement.case.program == OURS)
        .filter_map(|measurement| Some((beyond(measurement)?, &measurement.case)))
        .max_by(|a, b| a.0.most.total_cmp(&b.0.most));
    Target {
        what: match &worst {
            Some((_, case)) => format!("peak memory beyond what is configured, worst case ({})", case.name()),
            None => "peak memory beyond what is configured".to_owned(),
        },
        wanted: format!("≤ {MEMORY} MiB"),
        measured: worst.map(|(spread, _)| spread),
        wall: None,
        unit: "MiB",
        met: worst.map(|(spread, _)| spread.most <= MEMORY),
    }
}
