//! Accounts of a real server, as clients of ours.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::sync::Arc;

use atdata_atmosphere::{Atmosphere, AtmosphereOptions, Session};
use atdata_core::remote::RetryPolicy;
use atdata_testkit::proxy::{Fault, FaultProxy};
use atdata_testkit::servers::pds::{Account, FORWARDED, PdsAccount, fresh_address};
use atdata_transport::HttpOptions;
use std::time::Duration;

/// Options for a server of the loopback interface.
pub(crate) fn options(pds: &str, plc: &str, http: HttpOptions) -> AtmosphereOptions {
    let quick = RetryPolicy {
        base_delay: Duration::from_millis(20),
        max_delay: Duration::from_millis(500),
        ..RetryPolicy::default()
    };
    AtmosphereOptions::default()
        .with_http(http)
        .with_pds(pds)
        .and_then(|options| options.with_plc(plc))
        .expect("addresses of servers")
        .with_retry(quick)
}

/// The session that an account had when it was made.
pub(crate) fn session(pds: &str, account: &Account) -> Session {
    let text = serde_json::json!({
        "did": account.did,
        "handle": account.handle,
        "pds": pds,
        "access": account.access_token,
        "refresh": account.refresh_token,
    });
    Session::from_json(&text.to_string()).expect("a session")
}

/// An account, logged in.
pub(crate) fn atmosphere(account: &PdsAccount, options: AtmosphereOptions) -> Atmosphere {
    Atmosphere::resume(session(account.url(), account.account()), options, None).expect("a session")
}

/// What tests of one account need.
#[derive(Debug)]
pub(crate) struct Alice {
    pub(crate) account: Arc<PdsAccount>,
    pub(crate) options: AtmosphereOptions,
    pub(crate) atmosphere: Atmosphere,
    proxy: Option<FaultProxy>,
}

impl Alice {
    pub(crate) fn for_test(
        case: &str,
        change: impl Fn(AtmosphereOptions) -> AtmosphereOptions,
    ) -> Option<Self> {
        Some(Self::new(PdsAccount::for_test(case)?, change))
    }

    /// On a server with tokens that live for two seconds and with limits.
    pub(crate) fn strict_for_test(
        case: &str,
        change: impl Fn(AtmosphereOptions) -> AtmosphereOptions,
    ) -> Option<Self> {
        let account = PdsAccount::strict_for_test(case)?;
        // Each test is somebody of its own for the server, which counts requests by addresses.
        let http = HttpOptions::default().with_header(account.url(), FORWARDED, &fresh_address());
        let http = http.expect("a header");
        Some(Self::with_http(account, http, change))
    }

    /// Behind a proxy at which a third of everything fails, each time in another way.
    pub(crate) fn behind_faults_for_test(
        case: &str,
        change: impl Fn(AtmosphereOptions) -> AtmosphereOptions,
    ) -> Option<Self> {
        let account = PdsAccount::for_test(case)?;
        let proxy = FaultProxy::start(account.address());
        proxy.set(|request| match request.number % 18 {
            1 => Fault::Status { code: 503, retry_after: Some("0".into()) },
            4 => Fault::NoAnswer,
            7 => Fault::LostAnswer,
            10 => Fault::CutAfter(100),
            13 => Fault::ResetAfter(50),
            16 => Fault::ResetUploadAfter(100),
            _ => Fault::None,
        });
        let url = format!("http://localhost:{}", proxy.port());
        let mut options = change(options(&url, account.plc_url(), HttpOptions::default()));
        options.retry.base_delay = Duration::from_millis(1);
        let atmosphere =
            Atmosphere::resume(session(&url, account.account()), options.clone(), None).expect("a session");
        Some(Self { account: Arc::new(account), options, atmosphere, proxy: Some(proxy) })
    }

    fn new(account: PdsAccount, change: impl Fn(AtmosphereOptions) -> AtmosphereOptions) -> Self {
        Self::with_http(account, HttpOptions::default(), change)
    }

    fn with_http(
        account: PdsAccount,
        http: HttpOptions,
        change: impl Fn(AtmosphereOptions) -> AtmosphereOptions,
    ) -> Self {
        let options = change(options(account.url(), account.plc_url(), http));
        let atmosphere = atmosphere(&account, options.clone());
        Self { account: Arc::new(account), options, atmosphere, proxy: None }
    }

    /// The same account, with nothing known.
    pub(crate) fn again(&self) -> Atmosphere {
        let url = self.proxy.as_ref().map(|proxy| format!("http://localhost:{}", proxy.port()));
        let session = session(url.as_deref().unwrap_or(self.account.url()), self.account.account());
        Atmosphere::resume(session, self.options.clone(), None).expect("a session")
    }
}
