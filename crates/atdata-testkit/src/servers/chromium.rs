//! Chromium: a browser without a window, for tests of pages.

use std::ffi::{OsStr, OsString};
use std::io;

use tempfile::TempDir;

use super::daemon::{Daemon, program};
use super::given::unless_missing;

/// A running browser. It ends, and its profile goes, when this is dropped.
#[derive(Debug)]
pub struct Chromium {
    // Ends before its directory goes.
    _daemon: Daemon,
    _profile: TempDir,
    websocket: String,
}

impl Chromium {
    /// Starts a browser that can be driven over the DevTools protocol.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn start() -> io::Result<Self> {
        let program = program("chromium")?;
        let profile = tempfile::Builder::new().prefix("atdata-chromium-").tempdir()?;
        let mut data = OsString::from("--user-data-dir=");
        data.push(profile.path().join("profile"));
        // The sandbox does not work for root, and what is shown are our own pages.
        let fixed = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-extensions",
            "--no-first-run",
            "--hide-scrollbars",
            "--force-device-scale-factor=1",
            "--remote-debugging-port=0",
        ];
        let mut arguments: Vec<&OsStr> = fixed.map(OsStr::new).into();
        arguments.push(&data);
        arguments.push("about:blank".as_ref());
        let mut daemon = Daemon::start(&program, &arguments, profile.path().join("log"))?;
        // The first line is the port, the second one the path of the browser itself.
        let active = profile.path().join("profile").join("DevToolsActivePort");
        let mut websocket = None;
        daemon.wait_until(|| {
            let text = std::fs::read_to_string(&active).unwrap_or_default();
            websocket = text
                .split_once('\n')
                .filter(|(_, path)| path.trim().len() > 20)
                .map(|(port, path)| format!("ws://127.0.0.1:{}{}", port.trim(), path.trim()));
            websocket.is_some()
        })?;
        let websocket = websocket.unwrap_or_default();
        Ok(Self { _daemon: daemon, _profile: profile, websocket })
    }

    /// A browser for one test; none, said on standard error, if Chromium is not there.
    ///
    /// # Panics
    /// It does not start; or it is not there, and servers are required.
    pub fn for_test(case: &str) -> Option<Self> {
        unless_missing("chromium", case, Self::start())
    }

    /// Where it speaks the DevTools protocol: `ws://127.0.0.1:PORT/devtools/browser/…`.
    pub fn websocket(&self) -> &str {
        &self.websocket
    }
}
