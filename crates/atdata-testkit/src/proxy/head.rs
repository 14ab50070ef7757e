//! The head of an HTTP/1.1 message.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// The most bytes of a head.
const LIMIT: usize = 64 << 10;

/// First line and headers, and what came of the body with them.
#[derive(Clone, Debug)]
pub(super) struct Head {
    pub(super) first: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) rest: Vec<u8>,
}

impl Head {
    /// Reads a head; none if the other side closes before it begins.
    pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Self>> {
        let mut bytes = Vec::new();
        let end = loop {
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end;
            }
            if bytes.len() > LIMIT {
                return Err(io::Error::other("a head without end"));
            }
            if from.read_buf(&mut bytes).await? == 0 {
                return if bytes.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        };
        let rest = bytes.split_off(end + 4);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let mut lines = text.trim_end().split("\r\n");
        let first = lines.next().unwrap_or_default().to_owned();
        let pairs = lines.filter_map(|line| line.split_once(':'));
        let headers =
            pairs.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        Ok(Some(Self { first, headers, rest }))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn set(&mut self, name: &str, value: String) {
        self.remove(name);
        self.headers.push((name.to_owned(), value));
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.headers.retain(|(found, _)| found != name);
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let headers: String =
            self.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("{}\r\n{headers}\r\n", self.first).into_bytes()
    }

    /// Whether the body comes in chunks, and its length is not said.
    pub(super) fn is_chunked(&self) -> bool {
        self.get("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().contains("chunked"))
    }

    /// The length of the body, where it is said.
    pub(super) fn length(&self) -> Option<u64> {
        self.get("content-length")?.parse().ok()
    }
}
