//! A line between a client and a server of any protocol, which can be cut.

use std::fmt;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

/// What becomes of what a server answers.
///
/// ```
/// use atdata_testkit::proxy::{Line, LineProxy};
///
/// let proxy = LineProxy::start("127.0.0.1:9".parse().unwrap());
/// proxy.set(Line::Cut(1));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Line {
    /// It arrives.
    #[default]
    Open,
    /// So many times the connection is closed when an answer comes: the server has done what it was asked to do, and the
    /// client is not told.
    Cut(u32),
    /// It does not arrive, and the connection stays open.
    Silent,
    /// New connections are closed at once, and those that there are.
    Closed,
}

/// A proxy on a free port of the loopback interface. It ends when this is dropped.
pub struct LineProxy {
    line: Arc<Mutex<Line>>,
    changed: watch::Sender<Line>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl LineProxy {
    /// Begins to pass everything on to a server.
    ///
    /// # Panics
    /// There is no port or no thread.
    pub fn start(upstream: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a listener");
        let address = listener.local_addr().expect("an address");
        let line = Arc::<Mutex<Line>>::default();
        let (changed, state) = watch::channel(Line::Open);
        let (stop, stopped) = oneshot::channel();
        let shared = line.clone();
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    () = accept(listener, upstream, shared, state) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { line, changed, address, stop: Some(stop), thread: Some(thread) }
    }

    /// Says what becomes of answers from now on.
    pub fn set(&self, line: Line) {
        *self.line.lock().unwrap_or_else(PoisonError::into_inner) = line;
        self.changed.send_replace(line);
    }

    /// What becomes of answers now: cuts count down.
    pub fn line(&self) -> Line {
        *self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The port that clients connect to.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

async fn accept(
    listener: TcpListener,
    upstream: SocketAddr,
    line: Arc<Mutex<Line>>,
    state: watch::Receiver<Line>,
) {
    while let Ok((client, _)) = listener.accept().await {
        if *state.borrow() == Line::Closed {
            continue;
        }
        let Ok(server) = TcpStream::connect(upstream).await else { continue };
        tokio::spawn(pass(client, server, line.clone(), state.clone()));
    }
}

/// Passes on what both sides say until one of them, or the line, ends.
async fn pass(
    client: TcpStream,
    server: TcpStream,
    line: Arc<Mutex<Line>>,
    mut state: watch::Receiver<Line>,
) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let requests = async { drop(tokio::io::copy(&mut from_client, &mut to_server).await) };
    let answers = async {
        let mut buffer = vec![0; 64 << 10];
        loop {
            let Ok(count @ 1..) = from_server.read(&mut buffer).await else { return };
            let now = {
                let mut line = line.lock().unwrap_or_else(PoisonError::into_inner);
                let now = *line;
                if let Line::Cut(times) = now {
                    *line = if times <= 1 { Line::Open } else { Line::Cut(times - 1) };
                }
                now
            };
            match now {
                Line::Open => {}
                Line::Silent => continue,
                Line::Cut(_) | Line::Closed => return,
            }
            let Some(answer) = buffer.get(..count) else { return };
            if to_client.write_all(answer).await.is_err() {
                return;
            }
        }
    };
    let closed = async { drop(state.wait_for(|line| *line == Line::Closed).await) };
    tokio::select! {
        () = requests => {}
        () = answers => {}
        () = closed => {}
    }
}

impl Drop for LineProxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It has nothing to say.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for LineProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LineProxy").field("address", &self.address).field("line", &self.line()).finish()
    }
}
