//! `atdata serve`: a web page over the index.

use std::io::Read;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use atdata::lens::{LensIndexExt, OpenLens};
use atdata::schema::{SampleSchema, diff};
use atdata::serve::{LensInfo, LensProvider, ServeOptions, Server, StatisticsProvider, Token};
use atdata::source::{Registry, UrlSource};
use atdata::{Dataset, DictSample, Error, ErrorKind, Index, IndexEntry, Result, ResultExt, StoredLens};
use futures::{StreamExt, TryStreamExt};
use serde_json::{Value as Json, json};

use crate::address::Backends;
use crate::args::Serve;
use crate::output::{CliResult, Hint, Out, Status};
use crate::secret_file::warn_of_readers;
use crate::statistics;

/// The most bytes of a file with a token.
const TOKEN_FILE: u64 = 4096;
/// The most lenses of an index that are held against a dataset.
const MAX_LENSES: usize = 200;

/// Serves until Ctrl-C.
pub(super) async fn run(args: &Serve, backends: &Backends, out: &mut Out) -> CliResult {
    let label = backends.index_address()?;
    let index = backends.existing_index().await?;
    let index = index.ok_or_else(|| Error::not_found("there is no index yet").with("index", &label));
    let index = index.hint(|| "`atdata import` makes one".to_owned())?;
    let address = SocketAddr::new(args.bind.ip(), args.port.unwrap_or(args.bind.port()));
    let mut options = ServeOptions::default().with_address(address).with_label(&label);
    options.names.clone_from(&args.names);
    options.token = match &args.token_file {
        Some(path) => Some(token_of(path)?),
        None => args.token.then(Token::generate),
    };
    let registry = backends.registry()?;
    options = options.with_statistics(Kept(registry.clone())).with_lenses(Stored(index.clone()));
    let needs_token = !address.ip().is_loopback() && options.token.is_none();
    let server = match Server::bind(options, index, registry).await {
        Err(error) if needs_token => {
            Err(error).hint(|| "--token makes a token, --token-file takes one".to_owned())?
        }
        Err(error) if error.kind() == ErrorKind::Unexpected => {
            Err(error).hint(|| "--port says another port; without it any that is free is taken".to_owned())?
        }
        bound => bound?,
    };
    // Before anybody can know that it runs.
    let stop = interruption()?;
    // Whoever has the file knows its token; one that was made now is known to nobody else.
    let url = if args.token { server.url_with_token() } else { server.url() };
    if out.is_json() {
        out.document(&json!({"url": url}))?;
    } else {
        out.line(format_args!("{label} at {url}"))?;
        if let Some(path) = &args.token_file {
            out.line(format_args!("with the token in {}: {url}?token=…", path.display()))?;
        }
        out.line("Ctrl-C ends it")?;
    }
    out.flush()?;
    server.run(stop).await?;
    Ok(Status::Done)
}

/// The statistics that `atdata stats` keeps.
#[derive(Debug)]
struct Kept(Registry);

#[async_trait]
impl StatisticsProvider for Kept {
    async fn statistics(&self, entry: &dyn IndexEntry) -> Result<Option<Json>> {
        let shards = UrlSource::of_entry(entry, &self.0)?;
        let content = statistics::content(&shards, Some(entry)).await?;
        let kept = statistics::load(&statistics::places(Some(entry), &content), &content);
        let document = kept.map(|(_, found)| serde_json::to_value(found)).transpose();
        document.map_err(|error| Error::unexpected("statistics cannot be written").with_source(error))
    }
}

/// The lenses of the index that are data, as far as they fit.
#[derive(Debug)]
struct Stored(Arc<dyn Index>);

impl Stored {
    /// A lens that the samples of a schema can be seen through; nothing if it is none.
    async fn fitting(&self, stored: &StoredLens, schema: &SampleSchema) -> Option<OpenLens> {
        let data = stored.record.data().ok()?;
        let open = self.0.open_data_lens(stored, data).await.ok()?;
        diff(schema, &open.source).can_read_old_data().then_some(open)
    }
}

#[async_trait]
impl LensProvider for Stored {
    async fn lenses(&self, entry: &dyn IndexEntry) -> Result<Vec<LensInfo>> {
        let schema = self.0.decode_schema(entry.schema_ref()).await?;
        let stored: Vec<StoredLens> = self.0.list_lenses("").take(MAX_LENSES).try_collect().await?;
        let mut fitting = Vec::new();
        for stored in stored {
            if self.fitting(&stored, &schema).await.is_some() {
                let record = stored.record;
                let mut lens = LensInfo::new(format!("{}@{}", record.name, record.version));
                lens.description = record.description;
                fitting.push(lens);
            }
        }
        Ok(fitting)
    }

    async fn view(
        &self,
        entry: &dyn IndexEntry,
        lens: &str,
        samples: Dataset<DictSample>,
    ) -> Result<Dataset<DictSample>> {
        let schema = self.0.decode_schema(entry.schema_ref()).await?;
        let stored = self.0.get_lens(lens).await?;
        let open = self.fitting(&stored, &schema).await;
        let open = open.ok_or_else(|| Error::not_found("this lens does not fit").with("lens", lens))?;
        samples.with_schema(open.source.clone()).through(&open.data, &open.view)
    }
}

/// The token in a file. No error shows what is in there.
fn token_of(path: &Path) -> Result<Token> {
    let read = || {
        let mut text = String::new();
        std::fs::File::open(path)?.take(TOKEN_FILE).read_to_string(&mut text)?;
        Ok(text)
    };
    let text = read().map_err(Error::from_io).context("path", path.display())?;
    warn_of_readers(path);
    Token::new(&text).context("path", path.display())
}

/// Ready when the user presses Ctrl-C, or when the process is asked to end. It is listened for from now on.
#[cfg(unix)]
fn interruption() -> Result<impl Future<Output = ()> + Send + 'static> {
    use futures::future::select;
    use tokio::signal::unix::{SignalKind, signal};
    let mut pressed = signal(SignalKind::interrupt()).map_err(Error::from_io)?;
    let mut ended = signal(SignalKind::terminate()).map_err(Error::from_io)?;
    Ok(async move {
        select(Box::pin(pressed.recv()), Box::pin(ended.recv())).await;
    })
}

/// Ready when the user presses Ctrl-C; never where that cannot be listened for, and it then ends the process as usual.
#[cfg(not(unix))]
#[allow(clippy::unnecessary_wraps, reason = "as elsewhere")]
fn interruption() -> Result<impl Future<Output = ()> + Send + 'static> {
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}
