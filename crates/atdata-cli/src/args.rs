//! What can be typed.

use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand, ValueEnum};

use crate::size;

/// Typed, streaming datasets on WebDataset tar shards.
///
/// A SOURCE is a path, a URL, a brace or glob pattern, a directory of shards, the name of a dataset in the index, or on the
/// AT Protocol @HANDLE/NAME or the address of a record.
#[derive(Debug, Parser)]
#[command(name = "atdata", version, max_term_width = 100, disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Options of every command.
#[derive(Debug, clap::Args)]
pub(crate) struct Global {
    /// Where datasets are registered: sqlite:PATH, redis://HOST or at://HANDLE-OR-DID [default: sqlite:~/.atdata/index.db]
    #[arg(long, global = true, env = "ATDATA_INDEX", hide_env_values = true, value_name = "ADDRESS")]
    pub(crate) index: Option<String>,
    /// Where shards are written: file:DIR, s3://BUCKET/PREFIX or at://HANDLE-OR-DID [default: file:~/.atdata/data, and of an
    /// index at://… its account]
    #[arg(long, global = true, env = "ATDATA_STORE", hide_env_values = true, value_name = "ADDRESS")]
    pub(crate) store: Option<String>,
    /// Another index whose datasets are NAME/…; repeat for more
    #[arg(
        long = "mount",
        global = true,
        env = "ATDATA_MOUNTS",
        hide_env_values = true,
        value_delimiter = ',',
        value_name = "NAME=ADDRESS"
    )]
    pub(crate) mounts: Vec<String>,
    /// Headers for web servers, such as tokens: lines of ORIGIN NAME: VALUE [default: ~/.atdata/http-headers]
    #[cfg(feature = "http")]
    #[arg(long, global = true, env = "ATDATA_HTTP_HEADERS", hide_env_values = true, value_name = "FILE")]
    pub(crate) http_headers: Option<PathBuf>,
    /// A host of one's own network that other people's datasets may point to; repeat for more
    #[cfg(any(feature = "http", feature = "atmosphere"))]
    #[arg(
        long = "allow-host",
        global = true,
        env = "ATDATA_ALLOW_HOSTS",
        value_delimiter = ',',
        value_name = "HOST"
    )]
    pub(crate) allowed_hosts: Vec<String>,
    /// Which generation's forms are written: those of Python's atdata 0.2 (seed) or 0.7 (latest)
    #[arg(long, global = true, env = "ATDATA_PROFILE", value_enum, default_value_t = Profile::Seed)]
    pub(crate) profile: Profile,
    /// Print JSON instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Say more on standard error; repeat for even more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// Which generation's forms are written. All are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// Those of Python's atdata 0.2
    Seed,
    /// Those of Python's atdata 0.7
    Latest,
}

impl From<Profile> for atdata::schema::Profile {
    fn from(profile: Profile) -> Self {
        match profile {
            Profile::Seed => Self::Seed,
            Profile::Latest => Self::Latest,
        }
    }
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a dataset of images, CSV, JSON lines, numpy files or WebDataset tars
    Import(Box<Import>),
    /// List datasets
    Ls(Ls),
    /// Show what is known of a dataset: entry, schema, shards
    Show(Show),
    /// Show the first samples
    Head(Head),
    /// Print samples, one a line
    Cat(Cat),
    /// Show what values the fields have: ranges, quantiles, cardinalities, shapes; they are kept beside the dataset
    Stats(Stats),
    /// Describe a dataset for catalogues, as a Croissant document
    Croissant(Croissant),
    /// Check that every byte of a dataset can be read and is what it should be
    Verify(Verify),
    /// Write sample indexes beside shards, so that single samples can be read
    Index(Index),
    /// Run a command on every shard, by one process or many
    Process(Process),
    /// Show datasets, schemas, labels and samples in a web browser
    #[cfg(feature = "serve")]
    Serve(Serve),
    /// Carry datasets from one index to another
    Migrate(Migrate),
    /// Carry everything from one index to another, with copies of all shards; can be repeated
    Backup(Exchange),
    /// Bring what an index has and another one has not, or has otherwise
    Sync(Sync),
    /// List, set and remove labels, which lead from a name and a version to a dataset
    #[command(subcommand)]
    Label(Label),
    /// List, show, compare and publish schemas
    #[command(subcommand)]
    Schema(Schema),
    /// List, show, publish and use lenses: ways to see the samples of one schema as those of another
    #[command(subcommand)]
    Lens(Lens),
    /// Print completions for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Write man pages, one for each command
    Man {
        /// The directory
        directory: PathBuf,
    },
    /// Log in on the AT Protocol, and keep the session
    #[cfg(feature = "atmosphere")]
    Login(Login),
    /// End a session
    #[cfg(feature = "atmosphere")]
    Logout(Logout),
    /// Ask the server who is logged in
    #[cfg(feature = "atmosphere")]
    Whoami,
}

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
pub(crate) struct Import {
    /// A folder of images, a .csv, .jsonl, .ndjson, .npy or .npz file, WebDataset tars (path, brace or glob pattern), or
    /// - for CSV or JSON lines from standard input
    pub(crate) input: String,
    /// The name of the new dataset
    pub(crate) name: String,
    /// What INPUT is, where its name does not tell
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) format: Option<InputFormat>,
    /// Take the schema from a JSON file (a local schema record) instead of inferring it
    #[arg(long, value_name = "FILE")]
    pub(crate) schema: Option<PathBuf>,
    /// The name of the inferred schema [default: made of NAME]
    #[arg(long, value_name = "NAME", conflicts_with = "schema")]
    pub(crate) schema_name: Option<String>,
    /// At most so many samples in a shard
    #[arg(long, default_value = "10000", value_parser = clap::value_parser!(u64).range(1..), value_name = "N")]
    pub(crate) max_count: u64,
    /// At most so many bytes in a shard file
    #[arg(long, default_value = "1GiB", value_parser = size::parse, value_name = "SIZE")]
    pub(crate) max_size: u64,
    /// Label the dataset with a version too
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Option<String>,
    /// Let NAME stand for the new dataset if it is taken
    #[arg(long)]
    pub(crate) replace: bool,
    /// Read and check everything, write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Fail if anything has to be left out
    #[arg(long)]
    pub(crate) strict: bool,
    #[cfg(feature = "atmosphere")]
    #[command(flatten)]
    pub(crate) record: RecordOptions,
    #[command(flatten)]
    pub(crate) images: ImageOptions,
    #[command(flatten)]
    pub(crate) csv: CsvOptions,
}

/// What a public record says of a dataset.
#[cfg(feature = "atmosphere")]
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args)]
#[command(next_help_heading = "Records (with an index at://…)")]
pub(crate) struct RecordOptions {
    /// What the dataset is, in words
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// A word to find it by; repeat for more
    #[arg(long = "tag", value_name = "TAG")]
    pub(crate) tags: Vec<String>,
    /// An SPDX identifier, or a URL
    #[arg(long, value_name = "LICENSE")]
    pub(crate) license: Option<String>,
}

/// Options for folders of images.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Images")]
pub(crate) struct ImageOptions {
    /// Store pixels, a uint8 array (height, width, channels), instead of the encoded file
    #[arg(long)]
    pub(crate) decode: bool,
    /// The field that holds the name of the sub-folder
    #[arg(long, default_value = "label", value_name = "NAME")]
    pub(crate) label_field: String,
    /// Leave out images of more pixels
    #[arg(long, default_value_t = 100_000_000, value_parser = clap::value_parser!(u64).range(1..), value_name = "N")]
    pub(crate) max_pixels: u64,
}

/// Options for CSV.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "CSV")]
pub(crate) struct CsvOptions {
    /// The character between columns, `\t` for a tab [default: `,`, or a tab for .tsv]
    #[arg(long, value_name = "CHAR", value_parser = delimiter)]
    pub(crate) delimiter: Option<u8>,
    /// Gather columns in an array, `pixels=p0..p63:uint8:8x8`; dtype and shape may be left out
    #[arg(long = "array", value_name = "FIELD=FROM..TO[:DTYPE[:SHAPE]]")]
    pub(crate) arrays: Vec<String>,
}

/// A day.
fn date(text: &str) -> Result<time::OffsetDateTime, String> {
    let day = time::Date::parse(text, time::macros::format_description!("[year]-[month]-[day]"));
    day.map(|day| day.midnight().assume_utc()).map_err(|_| "a date is YYYY-MM-DD".to_owned())
}

fn delimiter(text: &str) -> Result<u8, String> {
    match (text, text.as_bytes()) {
        ("\\t" | "tab", _) => Ok(b'\t'),
        (_, [byte]) if byte.is_ascii() && !b"\"\r\n".contains(byte) => Ok(*byte),
        _ => Err("a delimiter is one ASCII character, or \\t".to_owned()),
    }
}

/// What an input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum InputFormat {
    /// A folder of PNG and JPEG files, sub-folders being labels
    Images,
    /// Comma-separated values with a header
    Csv,
    /// One JSON object a line
    Jsonl,
    /// A numpy array or an archive of them; the first axis counts samples
    Numpy,
    /// WebDataset tars
    Webdataset,
}

/// Arguments of `ls`.
#[derive(Debug, clap::Args)]
pub(crate) struct Ls {
    /// Only datasets whose names begin so
    #[arg(default_value = "", hide_default_value = true)]
    pub(crate) prefix: String,
}

/// Arguments of `show`.
#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    /// A dataset or shards
    pub(crate) source: String,
    /// Count samples, which reads every shard
    #[arg(long)]
    pub(crate) count: bool,
}

/// Arguments of `head`.
#[derive(Debug, clap::Args)]
pub(crate) struct Head {
    /// A dataset or shards
    pub(crate) source: String,
    /// How many samples
    #[arg(short = 'n', long = "count", default_value_t = 5, value_name = "N")]
    pub(crate) count: u64,
    /// Decode a field of bytes as an array
    #[arg(long = "array", value_name = "FIELD")]
    pub(crate) arrays: Vec<String>,
    /// Draw images and arrays
    #[arg(long, value_enum, default_value_t = Draw::Auto, value_name = "WHEN")]
    pub(crate) draw: Draw,
}

/// Arguments of `cat`.
#[derive(Debug, clap::Args)]
pub(crate) struct Cat {
    /// A dataset or shards
    pub(crate) source: String,
    /// How samples are written
    #[arg(long, value_enum, default_value_t = OutputFormat::Jsonl)]
    pub(crate) format: OutputFormat,
    /// Decode a field of bytes as an array
    #[arg(long = "array", value_name = "FIELD")]
    pub(crate) arrays: Vec<String>,
    /// Leave out the first samples
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) skip: u64,
    /// Stop after so many samples
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// Shuffle; the same seed gives the same order everywhere
    #[arg(long, value_name = "SEED")]
    pub(crate) shuffle: Option<u64>,
}

/// How `cat` writes samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OutputFormat {
    /// One JSON object a line; `import` reads it back without loss
    Jsonl,
    /// One JSON object a line with key, shard and tagged values, for comparing implementations
    Tagged,
    /// Comma-separated values; the first sample decides the columns
    Csv,
}

/// When values are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Draw {
    /// On a terminal; in colours, if it has them and NO_COLOR is not set
    Auto,
    /// Everywhere
    Always,
    /// Nowhere
    Never,
}

/// Arguments of `stats`.
#[derive(Debug, clap::Args)]
pub(crate) struct Stats {
    /// A dataset or shards
    pub(crate) source: String,
    /// Decode a field of bytes as an array, where no schema says so; repeat for more
    #[arg(long = "array", value_name = "FIELD")]
    pub(crate) arrays: Vec<String>,
    /// Read the dataset again, even if its statistics are kept
    #[arg(long)]
    pub(crate) refresh: bool,
    /// Keep nothing
    #[arg(long)]
    pub(crate) no_store: bool,
    /// Write the document to this file, too
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// Arguments of `croissant`.
#[derive(Debug, clap::Args)]
pub(crate) struct Croissant {
    /// A dataset
    pub(crate) source: String,
    /// What it is, in words
    #[arg(long, value_name = "TEXT")]
    pub(crate) description: Option<String>,
    /// The licence: an SPDX identifier or an address
    #[arg(long, value_name = "LICENSE")]
    pub(crate) license: Option<String>,
    /// Where it is published
    #[arg(long, value_name = "URL")]
    pub(crate) url: Option<String>,
    /// Who made it
    #[arg(long, value_name = "NAME")]
    pub(crate) creator: Option<String>,
    /// How it is to be cited
    #[arg(long, value_name = "TEXT")]
    pub(crate) citation: Option<String>,
    /// The version
    #[arg(long, value_name = "VERSION")]
    pub(crate) release: Option<String>,
    /// When it was published: YYYY-MM-DD
    #[arg(long, value_name = "DATE", value_parser = date)]
    pub(crate) published: Option<time::OffsetDateTime>,
    /// Write the document to this file instead of printing it
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}

/// Arguments of `verify`.
#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    /// A dataset or shards
    pub(crate) source: String,
}

/// Arguments of `index`.
#[derive(Debug, clap::Args)]
pub(crate) struct Index {
    /// A dataset or shards
    pub(crate) source: String,
    /// Write the indexes to this directory instead of beside the shards
    #[arg(long, value_name = "DIR")]
    pub(crate) output: Option<PathBuf>,
    /// Write nothing; exit code 1 if an index is missing or stale
    #[arg(long)]
    pub(crate) check: bool,
}

/// Arguments of `process`.
#[derive(Debug, clap::Args)]
pub(crate) struct Process {
    /// A dataset or shards
    pub(crate) source: String,
    /// Share the shards with other workers, through a Redis server: redis://HOST/DATABASE
    #[arg(long, env = "ATDATA_QUEUE", hide_env_values = true, value_name = "ADDRESS")]
    pub(crate) queue: Option<String>,
    /// What the queue is called there [default: made of the shards and the command]
    #[arg(long, value_name = "NAME", requires = "queue")]
    pub(crate) name: Option<String>,
    /// How long a worker may not be heard of before others get its shards [default: 60]
    #[arg(long, value_name = "SECONDS", requires = "queue", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) lease: Option<u64>,
    /// Remember in a file, and one beside it, what is finished, and go on from there
    #[arg(long, value_name = "FILE", conflicts_with = "queue")]
    pub(crate) checkpoint: Option<PathBuf>,
    /// How often a shard is tried until it has failed [default: 1, with a queue 3]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) tries: Option<u32>,
    /// Try those again that have failed as often in the queue
    #[arg(long)]
    pub(crate) retry_failed: bool,
    /// How many commands run at the same time [default: one a processor]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) jobs: Option<u64>,
    /// The command; {} in it is the shard, as are ATDATA_SHARD and ATDATA_SHARD_URL in its environment. What it prints is the
    /// result
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

/// Arguments of `serve`.
#[cfg(feature = "serve")]
#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// Where to listen: an IP address, with a port or without. Other than loopback addresses need a token
    #[arg(long, default_value = "127.0.0.1", value_parser = listening, value_name = "ADDRESS")]
    pub(crate) bind: std::net::SocketAddr,
    /// The port [default: any that is free]
    #[arg(long, value_name = "N")]
    pub(crate) port: Option<u16>,
    /// Ask clients for a new random token, which is printed with the address
    #[arg(long)]
    pub(crate) token: bool,
    /// Ask clients for the token in a file
    #[arg(long, value_name = "FILE", conflicts_with = "token")]
    pub(crate) token_file: Option<PathBuf>,
    /// A name under which this machine is reached; repeat for more
    #[arg(long = "host-name", value_name = "NAME")]
    pub(crate) names: Vec<String>,
}

#[cfg(feature = "serve")]
fn listening(text: &str) -> Result<std::net::SocketAddr, String> {
    use std::net::{IpAddr, Ipv4Addr};
    let address: Option<IpAddr> =
        if text == "localhost" { Some(Ipv4Addr::LOCALHOST.into()) } else { text.parse().ok() };
    address
        .map(|address| (address, 0).into())
        .or_else(|| text.parse().ok())
        .ok_or_else(|| "an address is an IP address, as in 127.0.0.1, 0.0.0.0:8000 or [::1]:8000".to_owned())
}

/// Arguments of `migrate`.
#[derive(Debug, clap::Args)]
pub(crate) struct Migrate {
    /// The datasets, by name, name@version or another reference
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    /// Copy the shards to the store instead of keeping their addresses; --store says so, too
    #[arg(long)]
    pub(crate) copy: bool,
    /// The name in the other index, of one dataset
    #[arg(long, value_name = "NEW")]
    pub(crate) name: Option<String>,
    /// Bring all versions that labels lead to, not only the latest
    #[arg(long)]
    pub(crate) all_versions: bool,
    #[command(flatten)]
    pub(crate) exchange: Exchange,
}

/// Arguments of `sync`.
#[derive(Debug, clap::Args)]
pub(crate) struct Sync {
    /// Copy the shards to the store instead of keeping their addresses; --store says so, too
    #[arg(long)]
    pub(crate) copy: bool,
    #[command(flatten)]
    pub(crate) exchange: Exchange,
}

/// What `migrate`, `backup` and `sync` have in common.
#[derive(Debug, clap::Args)]
pub(crate) struct Exchange {
    /// The index that has the datasets [default: that of --index]
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) from: Option<String>,
    /// The index that gets them
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) to: String,
    /// What is done if a name stands for another dataset there [default: fail, and of sync: replace]
    #[arg(long, value_enum, value_name = "WHAT")]
    pub(crate) if_exists: Option<Existing>,
    /// Divide shards that are too long for the store, instead of refusing them
    #[arg(long)]
    pub(crate) divide: bool,
    /// How many shards are on their way at once
    #[arg(long, default_value = "4", value_name = "N")]
    pub(crate) parallel: std::num::NonZeroUsize,
    /// Do not say in the new entries where they come from
    #[arg(long)]
    pub(crate) no_provenance: bool,
    /// Remember finished shards here, to go on after an interruption [default: a file in ~/.atdata/migrations]
    #[arg(long, value_name = "FILE")]
    pub(crate) journal: Option<PathBuf>,
    /// Check everything, write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// What is done about names that are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Existing {
    /// Fail
    Fail,
    /// Let the name stand for the new dataset
    Replace,
    /// Leave what is there
    Skip,
}

/// The commands of `label`.
#[derive(Debug, Subcommand)]
pub(crate) enum Label {
    /// List labels
    Ls(Ls),
    /// Show a label; without a version the one of the name that was set last
    Show(LabelName),
    /// Let a name, or a version of it, stand for a dataset
    Set {
        #[command(flatten)]
        label: LabelName,
        /// The dataset: its name, name@version or content identifier
        target: String,
        /// What the label means, in words
        #[arg(long, value_name = "TEXT")]
        description: Option<String>,
    },
    /// List the labels of a name, the one set last first
    History {
        /// The name
        name: String,
    },
    /// Remove a label; the dataset stays
    Rm(LabelName),
}

/// Which label.
#[derive(Debug, PartialEq, Eq, clap::Args)]
pub(crate) struct LabelName {
    /// NAME or NAME@VERSION
    #[arg(value_name = "LABEL")]
    pub(crate) name: String,
    /// The version, where the name has an @ in it
    #[arg(long, value_name = "VERSION")]
    pub(crate) version: Option<String>,
}

/// The commands of `schema`.
#[derive(Debug, Subcommand)]
pub(crate) enum Schema {
    /// List schemas
    Ls(Ls),
    /// Show a schema
    Show {
        /// A reference, the name of a dataset, or a JSON file
        schema: String,
    },
    /// Compare two schemas; exit code 1 if they differ
    Diff {
        /// A reference, the name of a dataset, or a JSON file: the old one
        old: String,
        /// The new one
        new: String,
    },
    /// Publish a schema from a JSON file (a local schema record)
    Publish {
        /// The file
        file: PathBuf,
    },
    /// Print the Rust struct for a schema
    Codegen {
        /// A reference, the name of a dataset, or a JSON file
        schema: String,
    },
}

/// The commands of `lens`.
#[derive(Debug, Subcommand)]
pub(crate) enum Lens {
    /// List lenses
    Ls(Ls),
    /// Show a lens
    Show {
        /// NAME, NAME@VERSION or another reference
        lens: String,
    },
    /// Publish a lens from a JSON file; the index must have the schemas that it names
    Publish {
        /// The file
        file: PathBuf,
        /// Take the version that follows the latest one, if that is another lens
        #[arg(long)]
        next: bool,
    },
    /// Print samples, seen through a lens
    Apply(Box<Apply>),
}

/// Arguments of `lens apply`.
#[derive(Debug, clap::Args)]
pub(crate) struct Apply {
    /// NAME, NAME@VERSION or another reference, or a JSON file
    pub(crate) lens: String,
    /// A dataset or shards
    pub(crate) source: String,
    /// Show the first N samples as `head` does, instead of printing all as `cat` does
    #[arg(short = 'n', long = "count", value_name = "N", conflicts_with_all = ["format", "skip", "limit"])]
    pub(crate) count: Option<u64>,
    /// How samples are written
    #[arg(long, value_enum, default_value_t = OutputFormat::Jsonl)]
    pub(crate) format: OutputFormat,
    /// Leave out the first samples
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) skip: u64,
    /// Stop after so many samples
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// Use a lens of Python of which only the names of the fields are known: you know that it changes nothing else
    #[arg(long)]
    pub(crate) unverified: bool,
}

/// Arguments of `login`.
#[cfg(feature = "atmosphere")]
#[derive(Debug, clap::Args)]
pub(crate) struct Login {
    /// A handle or a DID
    #[arg(env = "ATDATA_HANDLE", value_name = "HANDLE-OR-DID")]
    pub(crate) account: String,
    /// The account's server, where its identity does not tell
    #[arg(long, value_name = "URL")]
    pub(crate) pds: Option<String>,
    /// Read the app password from a line of standard input, and not from ATDATA_PASSWORD or the terminal
    #[arg(long)]
    pub(crate) password_stdin: bool,
}

/// Arguments of `logout`.
#[cfg(feature = "atmosphere")]
#[derive(Debug, clap::Args)]
pub(crate) struct Logout {
    /// A handle or a DID [default: the last one that logged in]
    #[arg(value_name = "HANDLE-OR-DID")]
    pub(crate) account: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    #[cfg(feature = "serve")]
    #[test]
    fn servers_listen_at_addresses() {
        for (text, address) in [
            ("127.0.0.1", "127.0.0.1:0"),
            ("localhost", "127.0.0.1:0"),
            ("::1", "[::1]:0"),
            ("0.0.0.0:8000", "0.0.0.0:8000"),
            ("[::]:8000", "[::]:8000"),
        ] {
            assert_eq!(listening(text).unwrap().to_string(), address);
        }
        for bad in ["", "host.example", "1.2.3", "127.0.0.1:x", "127.0.0.1:70000"] {
            assert!(listening(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn delimiters_are_one_byte() {
        assert_eq!((delimiter(";"), delimiter("\\t")), (Ok(b';'), Ok(b'\t')));
        assert!(delimiter(";;").is_err() && delimiter("").is_err() && delimiter("\"").is_err());
    }
}
