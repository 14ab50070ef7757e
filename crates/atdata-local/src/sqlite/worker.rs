//! A connection and the thread that owns it.

use std::sync::Arc;
use std::thread;

use atdata_core::{Error, Result};
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

type Job = Box<dyn FnOnce(&mut Connection) + Send>;

/// How many calls may wait for the thread before the next caller waits for room.
const QUEUE: usize = 64;

/// A handle on a connection, which lives on a thread of its own: SQLite blocks, and its connections cannot be shared.
/// The thread ends, and closes the connection, when the last handle is gone.
#[derive(Clone, Debug)]
pub(super) struct Worker {
    jobs: mpsc::Sender<Job>,
    path: Arc<str>,
}

impl Worker {
    /// Starts the thread, which opens its connection first. The result of that is what the receiver gets.
    pub(super) fn start(
        path: Arc<str>,
        open: impl FnOnce() -> Result<Connection> + Send + 'static,
    ) -> Result<(Self, oneshot::Receiver<Result<()>>)> {
        let (jobs, mut waiting) = mpsc::channel::<Job>(QUEUE);
        let (opened, is_open) = oneshot::channel();
        let worker = Self { jobs, path };
        let run = move || match open() {
            Ok(mut connection) => {
                // Whoever opened may have lost interest; then the loop ends at once.
                let _ = opened.send(Ok(()));
                while let Some(job) = waiting.blocking_recv() {
                    job(&mut connection);
                }
            }
            Err(error) => {
                let _ = opened.send(Err(error));
            }
        };
        thread::Builder::new()
            .name("atdata-index".to_owned())
            .spawn(run)
            .map_err(|error| Error::from_io(error).with("path", &worker.path))?;
        Ok((worker, is_open))
    }

    /// As [`start`](Self::start), and waits for the connection.
    pub(super) async fn open(
        path: Arc<str>,
        open: impl FnOnce() -> Result<Connection> + Send + 'static,
    ) -> Result<Self> {
        let (worker, is_open) = Self::start(path, open)?;
        match is_open.await {
            Ok(Ok(())) => Ok(worker),
            Ok(Err(error)) => Err(error.with("path", &worker.path)),
            Err(_) => Err(worker.gone()),
        }
    }

    /// Runs a job with the connection. Every error names the index file.
    ///
    /// A job whose caller has gone is not begun; one that has begun runs to its end, so that it has either happened
    /// as a whole or not at all.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            if !reply.is_closed() {
                // The caller may go while the job runs.
                let _ = reply.send(job(connection));
            }
        });
        self.jobs.send(job).await.map_err(|_| self.gone())?;
        match answer.await {
            Ok(result) => result.map_err(|error| error.with("path", &self.path)),
            Err(_) => Err(self.gone()),
        }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    fn gone(&self) -> Error {
        Error::unexpected("the thread of the index has ended").with("path", &self.path)
    }
}
