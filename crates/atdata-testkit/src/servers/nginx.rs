//! nginx: shards as files on a web server.

use std::io;
use std::path::Path;

use bytes::Bytes;
use tempfile::TempDir;

use super::daemon::{Daemon, free_port, http_status, program};
use super::given::unless_missing;

/// The certificate of [`Nginx::tls_url`], in DER. It is for `localhost` and `127.0.0.1`, and nobody trusts it.
pub const CERTIFICATE: &[u8] = include_bytes!("../../tls/certificate.der");
const CERTIFICATE_PEM: &str = include_str!("../../tls/certificate.pem");
const KEY_PEM: &str = include_str!("../../tls/key.pem");

/// The token that `/auth/` asks for.
pub const TOKEN: &str = "sesame";

/// A running nginx. It ends, and its files go, when this is dropped.
///
/// The files of its root are at `/` and again, each time with a peculiarity, at
/// `/auth/` (with [`TOKEN`] only), `/norange/` (no parts), `/unversioned/` (no entity tags, no times), `/gzip/` (packed
/// for whoever lets it). `/redirect?to=URL` redirects; `/headers` answers with what it was sent of secrets.
#[derive(Debug)]
pub struct Nginx {
    // Ends before its directory goes.
    _daemon: Daemon,
    directory: TempDir,
    port: u16,
    tls_port: u16,
}

impl Nginx {
    /// Starts a server without files.
    ///
    /// # Errors
    /// It is not installed, or does not start.
    pub fn start() -> io::Result<Self> {
        let program = program("nginx")?;
        let directory = tempfile::Builder::new().prefix("atdata-nginx-").tempdir()?;
        let path = directory.path();
        std::fs::create_dir(path.join("www"))?;
        std::fs::create_dir(path.join("tmp"))?;
        // Workers of a server that root starts belong to somebody else.
        #[cfg(unix)]
        std::fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        std::fs::write(path.join("certificate.pem"), CERTIFICATE_PEM)?;
        std::fs::write(path.join("key.pem"), KEY_PEM)?;
        let (port, tls_port) = (free_port()?, free_port()?);
        std::fs::write(path.join("nginx.conf"), configuration(port, tls_port))?;
        let arguments = [
            "-p".as_ref(),
            path.as_os_str(),
            "-c".as_ref(),
            "nginx.conf".as_ref(),
            "-e".as_ref(),
            "stderr".as_ref(),
        ];
        let mut daemon = Daemon::start(&program, &arguments, path.join("log"))?;
        daemon.wait_until(|| http_status(port, "/").is_some())?;
        Ok(Self { _daemon: daemon, directory, port, tls_port })
    }

    /// A server for one test; none, said on standard error, if nginx is not there.
    ///
    /// # Panics
    /// It does not start; or it is not there, and servers are required.
    pub fn for_test(case: &str) -> Option<Self> {
        unless_missing("nginx", case, Self::start())
    }

    /// The directory that it serves.
    pub fn root(&self) -> std::path::PathBuf {
        self.directory.path().join("www")
    }

    /// Makes a file below the root.
    ///
    /// # Panics
    /// It cannot be made.
    pub fn put(&self, name: &str, bytes: &[u8]) {
        let path = self.root().join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(Path::new("."))).expect("a directory");
        std::fs::write(path, bytes).expect("a file");
    }

    /// The port of the loopback interface.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address of a file, `/name`, whatever characters the name has.
    pub fn url(&self, name: &str) -> String {
        url_on(self.port, name)
    }

    /// The address of a file by TLS.
    pub fn tls_url(&self, name: &str) -> String {
        format!("https://localhost:{}/{}", self.tls_port, encoded(name))
    }
}

/// The address of a file on a port of the loopback interface.
pub fn url_on(port: u16, name: &str) -> String {
    format!("http://127.0.0.1:{port}/{}", encoded(name))
}

/// A path as addresses have it.
fn encoded(name: &str) -> String {
    let byte = |byte: &u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
            char::from(*byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    name.as_bytes().iter().map(byte).collect()
}

fn configuration(port: u16, tls_port: u16) -> Bytes {
    format!(
        r#"
daemon off;
worker_processes 2;
pid nginx.pid;
error_log stderr error;
events {{ worker_connections 1024; }}
http {{
  client_body_temp_path tmp/body;
  proxy_temp_path tmp/proxy;
  fastcgi_temp_path tmp/fastcgi;
  uwsgi_temp_path tmp/uwsgi;
  scgi_temp_path tmp/scgi;
  access_log off;
  default_type application/octet-stream;
  types {{ application/x-tar tar; }}
  sendfile on;
  root www;
  server {{
    listen 127.0.0.1:{port};
    location / {{ }}
    location /auth/ {{ alias www/; if ($http_authorization != "Bearer {TOKEN}") {{ return 401; }} }}
    location /norange/ {{ alias www/; max_ranges 0; }}
    location /unversioned/ {{ alias www/; etag off; add_header Last-Modified ""; if_modified_since off; }}
    location /gzip/ {{ alias www/; gzip on; gzip_min_length 0; gzip_types *; }}
    location = /redirect {{ return 302 $arg_to; }}
    location = /headers {{ return 200 "$http_authorization $http_x_secret"; }}
  }}
  server {{
    listen 127.0.0.1:{tls_port} ssl;
    ssl_certificate certificate.pem;
    ssl_certificate_key key.pem;
    location = /redirect {{ return 302 $arg_to; }}
  }}
}}
"#
    )
    .into()
}
