//! Just enough of the protocol of Redis (RESP2) to prepare servers and to look into them, without a client library.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// A connection to one server. Its commands block.
#[derive(Debug)]
pub struct Connection(BufReader<TcpStream>);

impl Connection {
    /// Connects to `redis://[[USER]:PASSWORD@]HOST:PORT[/DATABASE]`, with nothing in it escaped.
    ///
    /// # Errors
    /// The address is of another form, nobody answers, or the server refuses the user or the database.
    pub fn open(url: &str) -> io::Result<Self> {
        let malformed = || io::Error::new(io::ErrorKind::InvalidInput, "not an address of a Redis server");
        let (_, rest) = url.split_once("://").ok_or_else(malformed)?;
        let (credentials, rest) =
            rest.rsplit_once('@').map_or((None, rest), |(left, right)| (Some(left), right));
        let (host, database) = rest.split_once('/').unwrap_or((rest, ""));
        let stream = TcpStream::connect(host)?;
        // A command that is answered later than this will not be.
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut connection = Self(BufReader::new(stream));
        match credentials.map(|text| text.split_once(':').ok_or_else(malformed)).transpose()? {
            None => {}
            Some(("", password)) => _ = connection.command(&["AUTH", password])?,
            Some((user, password)) => _ = connection.command(&["AUTH", user, password])?,
        }
        if !database.is_empty() {
            connection.command(&["SELECT", database])?;
        }
        Ok(connection)
    }

    /// Sends a command, and gives its answer as text: the elements of an array by lines, nothing for what is not there.
    ///
    /// # Errors
    /// The connection fails, or the server answers with an error, which becomes the text.
    pub fn command(&mut self, words: &[impl AsRef<[u8]>]) -> io::Result<String> {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            let word = word.as_ref();
            write!(request, "${}\r\n", word.len())?;
            request.extend_from_slice(word);
            request.extend_from_slice(b"\r\n");
        }
        self.0.get_mut().write_all(&request)?;
        self.answer()
    }

    fn answer(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (kind, rest) = line.trim_end().split_at(1);
        let length = || rest.parse::<i64>().map_err(io::Error::other);
        match kind {
            "-" => Err(io::Error::other(rest)),
            "$" => {
                let Ok(length) = usize::try_from(length()?) else { return Ok(String::new()) };
                let mut bytes = vec![0; length + 2];
                self.0.read_exact(&mut bytes)?;
                bytes.truncate(length);
                Ok(String::from_utf8_lossy(&bytes).into_owned())
            }
            "*" => {
                let elements: io::Result<Vec<String>> = (0..length()?).map(|_| self.answer()).collect();
                Ok(elements?.join("\n"))
            }
            _ => Ok(rest.to_owned()),
        }
    }
}
