//! A password, from where nobody else sees it: never an argument, which all on the machine can read.

use std::io::{BufRead, IsTerminal};

use atdata::atmosphere::Secret;
use atdata::{Error, Result};

use crate::output::{CliResult, Hint};

/// The variable that may hold it.
const VARIABLE: &str = "ATDATA_PASSWORD";

/// The longest that is read.
const MAX: usize = 4096;

/// The password: a line of standard input if that was asked for, else the environment's, else what is typed.
///
/// # Errors
/// There is none, or it cannot be read.
pub(crate) fn read(from_stdin: bool, account: &str) -> CliResult<Secret> {
    if from_stdin {
        return Ok(line(std::io::stdin().lock())?);
    }
    if let Some(password) = std::env::var(VARIABLE).ok().filter(|password| !password.is_empty()) {
        return Ok(password.into());
    }
    if !std::io::stdin().is_terminal() {
        let error = Error::invalid("there is no terminal to ask for the password");
        return Err(error).hint(|| {
            format!("set {VARIABLE}, or give it as a line of standard input with --password-stdin")
        });
    }
    terminal::ask(&format!("app password of {account}: "))
}

/// The first line of an input, without its end.
fn line(input: impl BufRead) -> Result<Secret> {
    let mut text = String::new();
    input.take(MAX as u64 + 1).read_line(&mut text).map_err(Error::from_io)?;
    checked(text.trim_end_matches(['\r', '\n']))
}

fn checked(password: &str) -> Result<Secret> {
    match password.len() {
        0 => Err(Error::invalid("the password is empty")),
        length if length > MAX => Err(Error::invalid("this is too long to be a password")),
        _ => Ok(password.into()),
    }
}

#[cfg(unix)]
mod terminal {
    //! Keys are read one by one, with the terminal's own handling of them off: so that an interruption gives the terminal
    //! back as it was.

    use std::io::{self, Read, Write};

    use atdata::Error;
    use atdata::atmosphere::Secret;
    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

    use super::{MAX, checked};
    use crate::output::{CliResult, Failure};

    /// What keys send.
    const INTERRUPT: u8 = 3;
    const END: u8 = 4;
    const BACKSPACES: [u8; 2] = [8, 127];
    const CLEAR: u8 = 21;

    /// A terminal that shows nothing of what is typed, until this is dropped.
    struct Silent(Termios);

    impl Silent {
        fn new() -> io::Result<Self> {
            let before = tcgetattr(io::stdin())?;
            let mut silent = before.clone();
            silent.local_modes -= LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG;
            tcsetattr(io::stdin(), OptionalActions::Flush, &silent)?;
            Ok(Self(before))
        }
    }

    impl Drop for Silent {
        fn drop(&mut self) {
            // If the terminal has gone, nobody sees it.
            let _ = tcsetattr(io::stdin(), OptionalActions::Flush, &self.0);
        }
    }

    pub(super) fn ask(prompt: &str) -> CliResult<Secret> {
        let failed = |error| Error::from_io(error).with("path", "the terminal");
        let silent = Silent::new().map_err(failed)?;
        let mut shown = io::stderr();
        write!(shown, "{prompt}").and_then(|()| shown.flush()).map_err(failed)?;
        let typed = keys(io::stdin().lock());
        drop(silent);
        // The key that ended it showed nothing, too.
        writeln!(shown).map_err(failed)?;
        match typed.map_err(failed)? {
            Some(bytes) => {
                let text =
                    String::from_utf8(bytes).map_err(|_| Error::invalid("the password is no UTF-8"))?;
                Ok(checked(&text)?)
            }
            None => Err(Failure::Interrupted("nobody was logged in")),
        }
    }

    /// What is typed until the end of the line; none if it is interrupted.
    pub(super) fn keys(mut input: impl Read) -> io::Result<Option<Vec<u8>>> {
        let mut typed = Vec::new();
        let mut key = [0];
        while typed.len() <= MAX {
            if input.read(&mut key)? == 0 {
                break;
            }
            match key {
                [b'\r' | b'\n' | END] => break,
                [INTERRUPT] => return Ok(None),
                [CLEAR] => typed.clear(),
                [key] if BACKSPACES.contains(&key) => {
                    // A whole character.
                    while typed.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
                }
                [key] => typed.push(key),
            }
        }
        Ok(Some(typed))
    }
}

#[cfg(not(unix))]
mod terminal {
    use atdata::Error;
    use atdata::atmosphere::Secret;

    use super::VARIABLE;
    use crate::output::{CliResult, Hint};

    pub(super) fn ask(_prompt: &str) -> CliResult<Secret> {
        let error = Error::unsupported("here a password cannot be asked for without showing it");
        Err(error).hint(|| format!("set {VARIABLE}, or use --password-stdin"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_password() {
        for text in ["sesame\n", "sesame", "sesame\r\n", "sesame\nmore\n"] {
            assert_eq!(line(text.as_bytes()).unwrap().expose(), "sesame");
        }
        assert_eq!(line(" ses ame \n".as_bytes()).unwrap().expose(), " ses ame ");
        assert!(line("".as_bytes()).is_err() && line("\n".as_bytes()).is_err());
        let error = line("long".repeat(MAX).as_bytes()).unwrap_err();
        assert!(!error.to_string().contains("longlong"), "{error}");
    }

    #[cfg(unix)]
    #[test]
    fn keys_are_typed_and_taken_back() {
        let typed =
            |keys: &[u8]| terminal::keys(keys).unwrap().map(|bytes| String::from_utf8(bytes).unwrap());
        assert_eq!(typed(b"sesame\n").as_deref(), Some("sesame"));
        assert_eq!(typed("\u{7f}sés\u{7f}\u{7f}esame\r".as_bytes()).as_deref(), Some("sesame"));
        assert_eq!(typed(b"wrong\x15sesame\x04").as_deref(), Some("sesame"));
        assert_eq!(typed(b"sesame").as_deref(), Some("sesame"));
        assert_eq!(typed(b"ses\x03"), None);
    }
}
