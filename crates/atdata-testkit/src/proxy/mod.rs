//! A proxy between a client and a *real* HTTP server, through which things go wrong.
//!
//! Each request is asked of a [`FaultProxy`]'s policy, which says what is to happen to it: a [`Fault`]. Requests and
//! bytes of bodies are counted. It runs on a thread of its own, so that the clocks of a test's runtime do not matter.
//!
//! ```
//! use atdata_testkit::proxy::{Fault, FaultProxy};
//!
//! let proxy = FaultProxy::start("127.0.0.1:9".parse().unwrap());
//! proxy.set(|request| if request.number % 2 == 0 { Fault::CutAfter(65_536) } else { Fault::None });
//! assert_eq!(proxy.requests(), 0);
//! ```

mod exchange;
mod gate;
mod head;
mod line;

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub use gate::Gate;
pub use line::{Line, LineProxy};

/// What goes wrong with one request or its answer. Numbers are bytes of the body of the one or the other.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Nothing.
    None,
    /// The connection is closed after so many bytes.
    CutAfter(u64),
    /// The connection is reset after so many bytes.
    ResetAfter(u64),
    /// Nothing comes after so many bytes, and the connection stays open.
    StallAfter(u64),
    /// So many bytes at a time, with pauses.
    Drip {
        /// The bytes of one piece.
        bytes: usize,
        /// The time between two pieces.
        pause: Duration,
    },
    /// The headers say that the body has so many bytes more, or less. The body stays what it is.
    WrongLength(i64),
    /// The connection is closed when the server has got so many bytes of the request's body.
    CutUploadAfter(u64),
    /// The connection is reset when the server has got so many bytes of the request's body.
    ResetUploadAfter(u64),
    /// No more is taken of the request's body than so many bytes, and the connection stays open until this proxy ends.
    StallUploadAfter(u64),
    /// The server does what it is asked to do, and the connection is closed instead of its answer.
    LostAnswer,
    /// Another status, without asking the server. The request's body is taken first.
    Status {
        /// The status.
        code: u16,
        /// What `Retry-After` says.
        retry_after: Option<String>,
    },
    /// The connection is closed without an answer.
    NoAnswer,
    /// The connection stays open without an answer.
    Silence,
    /// `Range` is ignored: the answer is the whole object.
    IgnoreRange,
    /// The answer is another part than the one that was asked for, and says so: it begins so many bytes later, or
    /// earlier.
    ShiftRange(i64),
    /// The answer is that of another path: of an object that has changed, say.
    OtherPath(String),
    /// A redirect to an address; one without scheme is on this proxy.
    Redirect(String),
    /// The request waits at a gate. Nothing of its body is taken before it may pass.
    Wait(Gate),
    /// Headers without end.
    EndlessHeaders,
    /// Something that is not HTTP.
    Garbage,
}

/// A request, as the proxy saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Request {
    /// Requests count from 0.
    pub number: u64,
    /// `GET`, `HEAD`, ….
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Names, in lower case, and values.
    pub headers: Vec<(String, String)>,
}

impl Request {
    /// The value of a header; the name is in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }
}

type Policy = Box<dyn FnMut(&Request) -> Fault + Send>;

pub(crate) struct Shared {
    pub(crate) upstream: SocketAddr,
    policy: Mutex<Policy>,
    seen: Mutex<Vec<Request>>,
    moved: AtomicU64,
}

impl Shared {
    fn fault_of(&self, request: &mut Request) -> Fault {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        request.number = seen.len() as u64;
        seen.push(request.clone());
        drop(seen);
        (self.policy.lock().unwrap_or_else(PoisonError::into_inner))(request)
    }
}

/// A proxy on a free port of the loopback interface. It ends when this is dropped.
pub struct FaultProxy {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FaultProxy {
    /// Begins to pass requests on to a server, faithfully until [`set`](Self::set) says otherwise.
    ///
    /// # Panics
    /// There is no port or no thread.
    pub fn start(upstream: SocketAddr) -> Self {
        let shared = Arc::new(Shared {
            upstream,
            policy: Mutex::new(Box::new(|_| Fault::None)),
            seen: Mutex::default(),
            moved: AtomicU64::new(0),
        });
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        listener.set_nonblocking(true).expect("a listener");
        let address = listener.local_addr().expect("the address of a listener");
        let (stop, stopped) = oneshot::channel();
        let of_thread = shared.clone();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listener = TcpListener::from_std(listener).expect("a listener");
                tokio::select! {
                    () = serve(listener, of_thread) => {}
                    _ = stopped => {}
                }
            });
        });
        Self { shared, address, stop: Some(stop), thread: Some(thread) }
    }

    /// Sets what happens to requests from now on.
    pub fn set(&self, policy: impl FnMut(&Request) -> Fault + Send + 'static) {
        *self.shared.policy.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(policy);
    }

    /// The port of the loopback interface.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// How many requests there were.
    pub fn requests(&self) -> u64 {
        self.seen().len() as u64
    }

    /// All requests, in the order they came.
    pub fn seen(&self) -> Vec<Request> {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many bytes of bodies were sent to clients.
    pub fn moved(&self) -> u64 {
        self.shared.moved.load(Ordering::Relaxed)
    }

    /// Forgets requests and bytes.
    pub fn reset_counts(&self) {
        self.shared.seen.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.shared.moved.store(0, Ordering::Relaxed);
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        let shared = shared.clone();
        tokio::spawn(async move {
            // What goes wrong here besides is one more fault.
            let _ = exchange::exchange(client, &shared).await;
        });
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was a test's policy, and is told by its own thread.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for FaultProxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FaultProxy").field("address", &self.address).finish_non_exhaustive()
    }
}
