//! Listening and answering.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use atdata_core::source::Registry;
use atdata_core::{Error, Index, Result};
use axum::serve::ListenerExt;
use futures::future::{Either, select};
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::guard::{self, Guard};
use crate::opened::State;
use crate::{ServeOptions, api, page};

/// How long requests that are under way may go on when the server is to end.
const LAST_REQUESTS: Duration = Duration::from_secs(3);

/// A server that has its port and waits to be run.
///
/// ```no_run
/// use std::sync::Arc;
/// use atdata_core::{MemoryIndex, source::Registry};
/// use atdata_serve::{ServeOptions, Server};
///
/// # async fn example(stop: tokio::sync::oneshot::Receiver<()>) -> atdata_core::Result<()> {
/// let index = Arc::new(MemoryIndex::new());
/// let server = Server::bind(ServeOptions::default(), index, Registry::default()).await?;
/// println!("{}", server.url());
/// server.run(async { drop(stop.await) }).await
/// # }
/// ```
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    guard: Guard,
    state: State,
}

impl Server {
    /// Takes the port. Who connects waits until the server [runs](Self::run).
    ///
    /// # Errors
    /// [`PermissionDenied`](atdata_core::ErrorKind::PermissionDenied) for an address that others reach if there is no token;
    /// [`Invalid`](atdata_core::ErrorKind::Invalid) for a name that is none; the port is taken.
    pub async fn bind(options: ServeOptions, index: Arc<dyn Index>, registry: Registry) -> Result<Self> {
        if !options.address.ip().is_loopback() && options.token.is_none() {
            return Err(Error::permission_denied(
                "others reach this address: a token is needed to listen there",
            )
            .with("address", options.address));
        }
        let failed = |error: std::io::Error| Error::from_io(error).with("address", options.address);
        let listener = TcpListener::bind(options.address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let guard = Guard::new(address, &options.names, options.token.clone())?;
        Ok(Self { listener, address, guard, state: State::new(index, registry, options) })
    }

    /// Where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The address of the page, without the token.
    pub fn url(&self) -> String {
        let ip = self.address.ip();
        let name = self.state.options.names.first().filter(|_| !ip.is_loopback());
        match name {
            Some(name) => format!("http://{name}:{}/", self.address.port()),
            None if ip.is_unspecified() => format!("http://localhost:{}/", self.address.port()),
            None => format!("http://{}/", self.address),
        }
    }

    /// The address that lets a browser in: with the token, if there is one. For the eyes of the user only.
    pub fn url_with_token(&self) -> String {
        match &self.state.options.token {
            Some(token) => {
                let token: String = form_urlencoded::byte_serialize(token.as_str().as_bytes()).collect();
                format!("{}?token={token}", self.url())
            }
            None => self.url(),
        }
    }

    /// Answers until `stop` is ready; requests that are under way then have three seconds to end.
    ///
    /// # Errors
    /// The port can no longer be listened on.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<()> {
        let router = api::router(self.state).merge(page::router());
        let router = guard::guarded(router, self.guard);
        let (told, mut ending) = watch::channel(false);
        let stop = async move {
            stop.await;
            told.send_replace(true);
        };
        // Answers are small, and somebody waits for each.
        let listener = self.listener.tap_io(|connection| {
            if let Err(error) = connection.set_nodelay(true) {
                tracing::debug!(%error, "small packets are delayed");
            }
        });
        let serving = axum::serve(listener, router).with_graceful_shutdown(stop);
        let patience = async {
            // Fails only if nobody is left to wait for.
            let _ = ending.wait_for(|ending| *ending).await;
            tokio::time::sleep(LAST_REQUESTS).await;
        };
        match select(Box::pin(serving.into_future()), Box::pin(patience)).await {
            Either::Left((ended, _)) => ended.map_err(Error::from_io),
            Either::Right(_) => Ok(()),
        }
    }
}
