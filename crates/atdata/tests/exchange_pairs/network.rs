//! Accounts of a real server.

use std::net::SocketAddr;
use std::time::Duration;

use atdata::atmosphere::Session;
use atdata::remote::RetryPolicy;
use atdata::{Atmosphere, AtmosphereOptions, HttpOptions};
use atdata_testkit::servers::pds::{Account, PdsAccount};

/// Repeats soon: the servers are near.
pub(crate) fn quick() -> RetryPolicy {
    RetryPolicy {
        base_delay: Duration::from_millis(10),
        max_delay: Duration::from_millis(200),
        ..RetryPolicy::default()
    }
}

/// Somebody with a repository, who is logged in.
#[derive(Debug)]
pub(crate) struct Someone {
    pub(crate) account: PdsAccount,
    pub(crate) atmosphere: Atmosphere,
}

impl Someone {
    /// None if there is no server.
    pub(crate) fn new(case: &str, local_files: bool) -> Option<Self> {
        let account = PdsAccount::for_test(case)?;
        let options = options(account.url(), account.plc_url()).with_local_files(local_files);
        let atmosphere = log_in(account.url(), account.account(), options);
        Some(Self { account, atmosphere })
    }

    /// The same person, who reaches the server by another port.
    pub(crate) fn through(&self, port: u16) -> Atmosphere {
        let url = format!("http://localhost:{port}");
        log_in(&url, self.account.account(), options(&url, self.account.plc_url()))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.account.address()
    }
}

pub(crate) fn options(pds: &str, plc: &str) -> AtmosphereOptions {
    AtmosphereOptions::default()
        .with_http(HttpOptions::default())
        .with_pds(pds)
        .and_then(|options| options.with_plc(plc))
        .unwrap()
        .with_retry(quick())
}

pub(crate) fn log_in(pds: &str, account: &Account, options: AtmosphereOptions) -> Atmosphere {
    let session = serde_json::json!({
        "did": account.did,
        "handle": account.handle,
        "pds": pds,
        "access": account.access_token,
        "refresh": account.refresh_token,
    });
    Atmosphere::resume(Session::from_json(&session.to_string()).unwrap(), options, None).unwrap()
}
