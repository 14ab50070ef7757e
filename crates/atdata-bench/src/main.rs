//! The measured programs of `cargo xtask bench`: one run, one line of JSON.
//!
//! The driver (`xtask/src/bench`) starts a new process for every measurement. A *way* is one way of going through a
//! data set; [`ways`] lists them. To measure something new, write a function there and add it to the list.
#![allow(clippy::print_stdout)]

mod digest;
mod index;
mod mapped;
mod measured;
mod plan;
mod pool;
mod samples;
mod ways;

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};

use digest::Touch;
use plan::{Job, Origin, Plan, Scale};
use samples::Kind;

#[derive(Parser)]
#[command(about = "The measured programs of `cargo xtask bench`")]
struct Arguments {
    /// The directory of the data.
    #[arg(long, default_value = ".")]
    data: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Makes what all programs write and read: the arrays, the positions of random access, the plan.
    Plan {
        #[arg(long)]
        scale: Scale,
    },
    /// Prints the ways, one JSON object a line.
    Ways,
    /// Prints what a right reader finds.
    Expect {
        #[arg(long)]
        workload: Kind,
        #[arg(long)]
        samples: u64,
        /// The samples at the positions of random access in place of the first ones.
        #[arg(long)]
        scattered: bool,
        #[arg(long, default_value = "all")]
        touch: Touch,
    },
    /// Fills an index and measures it.
    Index {
        /// `sqlite:PATH` or `redis://HOST`.
        address: String,
        entries: u64,
    },
    /// Goes through a data set in one way.
    Run {
        #[arg(long)]
        workload: Kind,
        #[arg(long)]
        way: String,
        /// Who has written the shards.
        #[arg(long, default_value = "ours")]
        origin: Origin,
        /// How many samples: whole shards, or so many of the positions.
        #[arg(long)]
        samples: Option<u64>,
        /// Where what is written goes.
        #[arg(long)]
        out: Option<PathBuf>,
    },
}

fn main() -> Result<()> {
    let Arguments { data, command } = Arguments::parse();
    match command {
        Command::Plan { scale } => pool::make(&data, scale),
        Command::Ways => ways::all().iter().try_for_each(|way| {
            println!("{}", serde_json::to_string(way)?);
            Ok(())
        }),
        Command::Expect { workload, samples, scattered, touch } => {
            let spec = Plan::read(&data)?.of(workload);
            let positions: Vec<u64> = if scattered {
                let positions = pool::positions(&data, workload)?;
                positions.into_iter().take(usize::try_from(samples)?).collect()
            } else {
                (0..samples).collect()
            };
            let digest = pool::expect(&data, workload, spec, &positions, touch)?;
            println!("{}", serde_json::to_string(&digest)?);
            Ok(())
        }
        Command::Index { address, entries } => {
            println!("{}", serde_json::to_string(&index::measure(&address, entries)?)?);
            Ok(())
        }
        Command::Run { workload, way, origin, samples, out } => {
            let spec = Plan::read(&data)?.of(workload);
            let samples = samples.unwrap_or(spec.samples);
            let job = Job { data, origin, spec, samples, out };
            let measured = ways::run(workload, &way, &job)
                .with_context(|| format!("{workload:?} {way} of {origin:?}, {samples} samples"))?;
            println!("{}", serde_json::to_string(&measured.report()?)?);
            Ok(())
        }
    }
}
