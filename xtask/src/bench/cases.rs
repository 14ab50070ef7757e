//! What is measured.

use std::fmt;

use anyhow::{Context, Result};
use serde_json::Value;

use super::{
    peers::{LIBRARIES, Library, Reads},
    setup::Setup,
};

/// The program of `crates/atdata-bench`, reading with `atdata`.
pub(super) const OURS: &str = "ours";
/// The same program, without `atdata`.
pub(super) const LIMIT: &str = "limit";
/// The data that Python's atdata wrote.
pub(super) const PYTHON: &str = "python";

/// A data set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Workload {
    Small,
    Medium,
    Large,
}

impl Workload {
    pub(super) const ALL: [Self; 3] = [Self::Small, Self::Medium, Self::Large];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
        }
    }

    /// The length of the array in one sample, in bytes.
    pub(super) fn array(self) -> u64 {
        match self {
            Self::Small => 64 * 4,
            Self::Medium => 224 * 224 * 3,
            Self::Large => 128 * 128 * 64 * 4,
        }
    }
}

/// A letter, as in the tables.
impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Small => "S",
            Self::Medium => "M",
            Self::Large => "L",
        })
    }
}

/// What a run must have seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finds {
    Ordered,
    Shuffled,
    First,
    Scattered,
    /// Bytes, which no digest is made of.
    Bytes,
}

/// One thing to measure.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) workload: Workload,
    pub(super) way: String,
    pub(super) program: &'static str,
    /// Which data: `ours`, `python`, or a format of the program's own.
    pub(super) data: &'static str,
    pub(super) cores: usize,
    pub(super) samples: u64,
    pub(super) finds: Finds,
    /// How much of an array is touched: `all` or `edges`.
    pub(super) touch: String,
    pub(super) writes: bool,
}

impl Case {
    /// `WORKLOAD/WAY/PROGRAM/DATA/CORES`.
    pub(super) fn name(&self) -> String {
        let Self { workload, way, program, data, cores, .. } = self;
        format!("{}/{way}/{program}/{data}/{cores}", workload.name())
    }

    /// Whether it is a program of this workspace.
    pub(super) fn is_ours(&self) -> bool {
        matches!(self.program, OURS | LIMIT)
    }
}

/// Our ways, as the program lists them.
struct Own {
    name: String,
    finds: Finds,
    touch: String,
    own_keys: bool,
    writes: bool,
}

/// All cases. What belongs together stands together, so that a round takes turns between programs.
pub(super) fn all(setup: &Setup) -> Result<Vec<Case>> {
    let own = own_ways(setup)?;
    let mut cases = Vec::new();
    for workload in Workload::ALL {
        for way in &own {
            cases.extend(own_cases(setup, workload, way)?);
        }
        for library in LIBRARIES.iter().filter(|library| setup.has(library)) {
            cases.extend(library_cases(setup, workload, library)?);
        }
    }
    let place = |case: &Case| {
        let workload = Workload::ALL.iter().position(|workload| *workload == case.workload);
        (workload, family(&case.way))
    };
    cases.sort_by_key(place);
    Ok(cases)
}

/// Ways that are compared with each other have one family.
pub(super) fn family(way: &str) -> &'static str {
    const FAMILIES: [&str; 6] = ["ordered", "batched", "shuffled", "first", "random", "write"];
    FAMILIES.into_iter().find(|family| way.starts_with(family)).unwrap_or("limits")
}

fn own_cases(setup: &Setup, workload: Workload, way: &Own) -> Result<Vec<Case>> {
    let program = if way.finds == Finds::Bytes && way.name != "write" { LIMIT } else { OURS };
    let case = |data, cores| -> Result<Case> {
        Ok(Case {
            workload,
            way: way.name.clone(),
            program,
            data,
            cores,
            samples: samples(setup, workload, way.finds)?,
            finds: way.finds,
            touch: way.touch.clone(),
            writes: way.writes,
        })
    };
    let mut cases = vec![case(OURS, 1)?];
    if !way.own_keys && !way.writes {
        cases.push(case(PYTHON, 1)?);
    }
    if matches!(way.finds, Finds::Ordered | Finds::Shuffled) {
        cases.push(case(OURS, 2)?);
    }
    Ok(cases)
}

fn library_cases(setup: &Setup, workload: Workload, library: &'static Library) -> Result<Vec<Case>> {
    let mut cases = Vec::new();
    for way in library.ways {
        let finds = match family(way.name) {
            "shuffled" => Finds::Shuffled,
            "first" => Finds::First,
            "random" => Finds::Scattered,
            "write" => Finds::Bytes,
            _ => Finds::Ordered,
        };
        let data: &[&'static str] = match (library.reads, finds) {
            (Reads::Own, _) => &[library.name],
            // It looks for the keys that our writer gives.
            (Reads::Tars, Finds::Scattered) => &[OURS],
            (Reads::Tars, Finds::Bytes) => &[PYTHON],
            // Nothing is read.
            (Reads::Tars, _) if family(way.name) == "limits" => &[PYTHON],
            (Reads::Tars, _) => &[OURS, PYTHON],
        };
        for data in data {
            cases.push(Case {
                workload,
                way: way.name.to_owned(),
                program: library.name,
                data,
                cores: 1,
                samples: samples(setup, workload, finds)?.min(way.most(workload)),
                finds,
                touch: "all".to_owned(),
                writes: finds == Finds::Bytes,
            });
        }
    }
    Ok(cases)
}

fn samples(setup: &Setup, workload: Workload, finds: Finds) -> Result<u64> {
    match finds {
        Finds::Scattered => setup.planned(workload, "positions"),
        Finds::First => Ok(1),
        _ => setup.planned(workload, "samples"),
    }
}

fn own_ways(setup: &Setup) -> Result<Vec<Own>> {
    setup.own(&["ways"])?.lines().map(own_way).collect()
}

fn own_way(line: &str) -> Result<Own> {
    let way: Value = serde_json::from_str(line)?;
    let text = |key: &str| {
        way.get(key).and_then(Value::as_str).with_context(|| format!("a way without {key}: {line}"))
    };
    let switch = |key: &str| way.get(key).and_then(Value::as_bool).unwrap_or(false);
    Ok(Own {
        name: text("name")?.to_owned(),
        finds: match text("finds")? {
            "ordered" => Finds::Ordered,
            "shuffled" => Finds::Shuffled,
            "first" => Finds::First,
            "scattered" => Finds::Scattered,
            _ => Finds::Bytes,
        },
        touch: text("touch")?.to_owned(),
        own_keys: switch("own_keys"),
        writes: switch("writes"),
    })
}
