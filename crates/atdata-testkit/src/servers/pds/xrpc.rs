//! Just enough of XRPC to prepare servers and to look into them, without a client library.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

/// What a server answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The status of HTTP.
    pub status: u16,
    /// The headers, their names in small letters.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    ///
    /// # Errors
    /// It is something else.
    pub fn json(&self) -> io::Result<Value> {
        Ok(serde_json::from_slice(&self.body)?)
    }

    /// The JSON of an answer that is not an error.
    ///
    /// # Errors
    /// It is an error, which becomes the text, or not JSON.
    pub fn success(&self) -> io::Result<Value> {
        if self.status != 200 {
            let body = String::from_utf8_lossy(&self.body);
            return Err(io::Error::other(format!("{}: {body}", self.status)));
        }
        self.json()
    }

    /// A header, by its name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(its, _)| its == name).map(|(_, value)| value.as_str())
    }
}

/// A server, and who asks it. Calls block.
///
/// ```no_run
/// use atdata_testkit::servers::pds::Xrpc;
///
/// let server = Xrpc::new("http://localhost:2583");
/// let description = server.get("com.atproto.server.describeServer")?.success()?;
/// println!("{}", description["did"]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Xrpc {
    host: String,
    token: Option<String>,
    /// The address of this machine that the server is told.
    from: Option<String>,
}

/// The header with the address from which somebody asks.
pub const FORWARDED: &str = "X-Forwarded-For";

/// An address that nobody else asks from, in a network that no server is in.
pub fn fresh_address() -> String {
    let number = RandomState::new().hash_one(std::process::id());
    let [a, b, c, ..] = number.to_be_bytes();
    format!("10.{a}.{b}.{c}")
}

impl Xrpc {
    /// A server at `http://HOST:PORT`, which may also be a proxy, asked by nobody in particular.
    pub fn new(url: &str) -> Self {
        let host = url.strip_prefix("http://").unwrap_or(url);
        Self { host: host.trim_end_matches('/').to_owned(), token: None, from: None }
    }

    /// The same, asked by whom a token belongs to.
    #[must_use]
    pub fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    /// The same, asked from another address, by which the server counts requests: it takes this machine for a proxy
    /// before it.
    #[must_use]
    pub fn from_address(mut self, address: &str) -> Self {
        self.from = Some(address.to_owned());
        self
    }

    /// Asks for something: a method, with its parameters behind `?` as an address has them.
    ///
    /// # Errors
    /// Nobody answers, or not in the form of HTTP.
    pub fn get(&self, method: &str) -> io::Result<Answer> {
        self.fetch(&format!("/xrpc/{method}"))
    }

    /// Asks for what is at a path that is no method's: a DID at the directory of accounts, for example.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn fetch(&self, path: &str) -> io::Result<Answer> {
        self.send("GET", path, None)
    }

    /// Has something done, with a body of JSON.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn post(&self, method: &str, body: &Value) -> io::Result<Answer> {
        self.upload(method, "application/json", body.to_string().as_bytes())
    }

    /// Sends a body of any type.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn upload(&self, method: &str, mime_type: &str, body: &[u8]) -> io::Result<Answer> {
        self.send("POST", &format!("/xrpc/{method}"), Some((mime_type, body)))
    }

    fn send(&self, verb: &str, path: &str, body: Option<(&str, &[u8])>) -> io::Result<Answer> {
        // In this version the answer is as long as the connection lasts, and in one piece.
        let mut head = format!("{verb} {path} HTTP/1.0\r\nHost: {}\r\n", self.host);
        if let Some(token) = &self.token {
            head += &format!("Authorization: Bearer {token}\r\n");
        }
        if let Some(from) = &self.from {
            head += &format!("{FORWARDED}: {from}\r\n");
        }
        if let Some((mime_type, bytes)) = body {
            head += &format!("Content-Type: {mime_type}\r\nContent-Length: {}\r\n", bytes.len());
        }
        let mut stream = TcpStream::connect(&self.host)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.write_all(format!("{head}\r\n").as_bytes())?;
        // A server that refuses may not read all of it.
        let sent = stream.write_all(body.map_or(&[], |(_, bytes)| bytes));
        let mut bytes = Vec::new();
        let received = stream.read_to_end(&mut bytes);
        parse(&bytes).ok_or_else(|| match sent.and(received.map(drop)) {
            Ok(()) => io::Error::new(io::ErrorKind::UnexpectedEof, "no answer of HTTP"),
            Err(error) => error,
        })
    }
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = (std::str::from_utf8(&bytes[..end]).ok()?, &bytes[end + 4..]);
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        Some((name.to_ascii_lowercase(), value.trim().to_owned()))
    };
    Some(Answer { status, headers: lines.filter_map(header).collect(), body: body.to_vec() })
}
