//! How a server is configured.

use std::fmt::Write;
use std::path::Path;

/// A user of a server with users, and the password. It protects nothing but tests.
pub type User = (&'static str, &'static str);

/// May read and write what an index and a queue keep, and nothing that is dangerous.
pub const APP: User = ("app", "app-password");

/// May read what [`APP`] may write.
pub const RO: User = ("ro", "ro-password");

/// May do everything: prepares the server for tests.
pub(super) const ADMIN: User = ("admin", "admin-password");

/// The certificate of [`RedisOptions::with_tls`], for `localhost` and `127.0.0.1`.
pub const CERTIFICATE_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tls/certificate.pem");
const KEY_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tls/key.pem");

/// The number of databases of a server; one for each test, as often as it lasts. Some clients count them in one byte.
pub(super) const DATABASES: u32 = 256;

/// The keys of an index and of a queue.
const KEYS: &str = "~LocalDatasetEntry:* ~LocalSchema:* ~Label:* ~LocalLens:* ~atdata:* &*";

/// How a server is configured. The default: everything in memory, for everybody.
///
/// ```
/// use atdata_testkit::servers::redis::RedisOptions;
///
/// let options = RedisOptions::default().durable().with_password("s3cret");
/// ```
#[derive(Clone, Debug, Default)]
pub struct RedisOptions {
    durable: bool,
    pub(super) password: Option<String>,
    pub(super) users: bool,
    pub(super) directives: Vec<String>,
}

impl RedisOptions {
    /// Writes every change to disk before it is answered, so that it survives [`kill`](super::Redis::kill).
    #[must_use]
    pub fn durable(mut self) -> Self {
        self.durable = true;
        self
    }

    /// Asks everybody for a password.
    #[must_use]
    pub fn with_password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// Lets in users only: [`APP`] and [`RO`].
    #[must_use]
    pub fn with_users(mut self) -> Self {
        self.users = true;
        self
    }

    /// Speaks TLS on another port of the loopback interface, with a certificate that nobody trusts: [`CERTIFICATE_FILE`].
    #[must_use]
    pub fn with_tls(self, port: u16) -> Self {
        self.with_directive(&format!("tls-port {port}"))
            .with_directive(&format!("tls-cert-file {CERTIFICATE_FILE}"))
            .with_directive(&format!("tls-key-file {KEY_FILE}"))
            .with_directive(&format!("tls-ca-cert-file {CERTIFICATE_FILE}"))
            .with_directive("tls-auth-clients no")
    }

    /// Refuses to keep more than so many bytes.
    #[must_use]
    pub fn with_max_memory(self, bytes: u64) -> Self {
        self.with_directive(&format!("maxmemory {bytes}")).with_directive("maxmemory-policy noeviction")
    }

    /// Follows a server on a port of the loopback interface, and refuses to be written.
    #[must_use]
    pub fn replica_of(self, port: u16) -> Self {
        self.with_directive(&format!("replicaof 127.0.0.1 {port}"))
    }

    /// Adds a line to the configuration.
    #[must_use]
    pub fn with_directive(mut self, line: &str) -> Self {
        self.directives.push(line.to_owned());
        self
    }

    /// The user that prepares the server, if it asks for one.
    pub(super) fn admin(&self) -> Option<(&str, &str)> {
        if self.users { Some(ADMIN) } else { self.password.as_deref().map(|password| ("", password)) }
    }

    /// The text of `redis.conf`.
    pub(super) fn configuration(&self, port: u16, directory: &Path) -> String {
        let place = directory.display();
        let mut text = format!(
            "bind 127.0.0.1\nport {port}\nunixsocket {place}/redis.sock\ndir {place}\npidfile {place}/pid\nsave \"\"\n\
             databases {DATABASES}\n"
        );
        text += if self.durable { "appendonly yes\nappendfsync always\n" } else { "appendonly no\n" };
        if let Some(password) = &self.password {
            // What it asks of others a replica is asked for.
            let _ = writeln!(text, "requirepass {password}\nmasterauth {password}");
        }
        if self.users {
            let _ = writeln!(text, "aclfile {place}/users.acl");
        }
        for line in &self.directives {
            let _ = writeln!(text, "{line}");
        }
        text
    }

    /// The text of the file of users.
    pub(super) fn access_list() -> String {
        let [(app, app_password), (ro, ro_password), (admin, admin_password)] = [APP, RO, ADMIN];
        format!(
            "user default off
user {app} on >{app_password} {KEYS} +@read +@write +@connection +@transaction +@scripting -@dangerous +time
user {ro} on >{ro_password} {KEYS} +@read +@connection +@scripting -@dangerous +time
user {admin} on >{admin_password} ~* &* +@all
"
        )
    }
}
