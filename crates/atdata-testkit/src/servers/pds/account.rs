//! Accounts on a server.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use serde_json::json;

use super::xrpc::fresh_address;
use super::{Pds, PdsOptions, Xrpc};
use crate::servers::given;

/// The password of every account. It protects nothing but tests.
const PASSWORD: &str = "a-password-of-tests";

/// Somebody who has a repository on a server.
///
/// ```no_run
/// # let pds = atdata_testkit::servers::pds::Pds::start(Default::default())?;
/// let account = pds.create_account("alice.test")?;
/// assert!(account.did.starts_with("did:plc:"));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The name that does not change.
    pub did: String,
    /// The name that people use, below `.test`.
    pub handle: String,
    /// What it logs in with.
    pub password: String,
    /// An access token of its first session. It lives two hours, unless the server's options say something else.
    pub access_token: String,
    /// The refresh token that belongs to it.
    pub refresh_token: String,
}

impl Account {
    /// Makes an account on a server, as anybody may.
    ///
    /// # Errors
    /// The server does not answer, or refuses.
    pub fn create(url: &str, handle: &str) -> io::Result<Self> {
        let wanted = json!({
            "handle": handle,
            "email": format!("{handle}@example.com"),
            "password": PASSWORD,
        });
        // Servers with limits count by addresses, too.
        let asked = Xrpc::new(url).from_address(&fresh_address());
        let made = asked.post("com.atproto.server.createAccount", &wanted)?.success()?;
        let text = |name: &str| {
            let value = made[name].as_str().map(str::to_owned);
            value.ok_or_else(|| io::Error::other(format!("a new account without {name}")))
        };
        Ok(Self {
            did: text("did")?,
            handle: text("handle")?,
            password: PASSWORD.to_owned(),
            access_token: text("accessJwt")?,
            refresh_token: text("refreshJwt")?,
        })
    }
}

/// A handle that nobody has: as long as the server allows.
fn fresh_handle() -> String {
    let number = RandomState::new().hash_one(std::process::id());
    format!("t-{number:016x}.test")
}

/// An account of a server, for one test: an empty repository that nobody else writes.
///
/// ```no_run
/// use atdata_testkit::servers::pds::PdsAccount;
///
/// # fn test() {
/// let Some(alice) = PdsAccount::for_test("a_record_is_found_again") else { return };
/// let records = alice.xrpc().get(&format!("com.atproto.repo.describeRepo?repo={}", alice.did()));
/// # }
/// ```
#[derive(Debug)]
pub struct PdsAccount {
    url: String,
    plc_url: String,
    account: Account,
    // Only if tests are not given a server.
    _server: Option<Pds>,
}

impl PdsAccount {
    /// An account of the server that tests are given, or of one of its own; none, said on standard error, if the PDS
    /// is not installed.
    ///
    /// # Panics
    /// The server does not answer; or it is not installed, and servers are required.
    pub fn for_test(case: &str) -> Option<Self> {
        Self::of(case, [given::PDS, given::PLC], PdsOptions::default())
    }

    /// The same on a [strict](PdsOptions::strict) server.
    ///
    /// # Panics
    /// As [`for_test`](Self::for_test).
    pub fn strict_for_test(case: &str) -> Option<Self> {
        Self::of(case, [given::PDS_STRICT, given::PLC_STRICT], PdsOptions::strict())
    }

    fn of(case: &str, [pds, plc]: [&str; 2], options: PdsOptions) -> Option<Self> {
        let (url, plc_url, server) = match (given::url(pds), given::url(plc)) {
            (Some(url), Some(plc_url)) => (url, plc_url, None),
            (None, None) => {
                let server = Pds::for_test(case, options)?;
                (server.url(), server.plc_url(), Some(server))
            }
            _ => panic!("{pds} and {plc} are set together or not at all"),
        };
        let account = Account::create(&url, &fresh_handle());
        let account = account.unwrap_or_else(|error| panic!("{url}: no account: {error}"));
        Some(Self { url, plc_url, account, _server: server })
    }

    /// Another account of the same server, for a test about two people.
    ///
    /// # Errors
    /// As [`Account::create`].
    pub fn neighbour(&self) -> io::Result<Account> {
        Account::create(&self.url, &fresh_handle())
    }

    /// The address of the server, `http://localhost:PORT`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where the server listens, for a proxy in front of it.
    ///
    /// # Panics
    /// Its name has no address.
    pub fn address(&self) -> SocketAddr {
        let host = self.url.trim_start_matches("http://").trim_end_matches('/');
        let addresses = host.to_socket_addrs().unwrap_or_else(|error| panic!("{host}: {error}"));
        // The server that the tests start listens on 127.0.0.1 only.
        addresses.min_by_key(SocketAddr::is_ipv6).unwrap_or_else(|| panic!("{host} has no address"))
    }

    /// The address of the directory of accounts.
    pub fn plc_url(&self) -> &str {
        &self.plc_url
    }

    /// Who it is.
    pub fn account(&self) -> &Account {
        &self.account
    }

    /// The name that does not change.
    pub fn did(&self) -> &str {
        &self.account.did
    }

    /// The name that people use.
    pub fn handle(&self) -> &str {
        &self.account.handle
    }

    /// What it logs in with.
    pub fn password(&self) -> &str {
        &self.account.password
    }

    /// Calls of methods in its name.
    pub fn xrpc(&self) -> Xrpc {
        Xrpc::new(&self.url).with_token(&self.account.access_token)
    }
}
