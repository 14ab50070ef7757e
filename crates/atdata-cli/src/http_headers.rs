//! The file that says which headers are sent to which web server: tokens, so that they are on no command line.

use std::path::{Path, PathBuf};

use atdata::{Error, HttpOptions, Result, ResultExt};

use crate::secret_file::warn_of_readers;

/// The name of the file below the directory of our own, where it is looked for if nothing is said.
const DEFAULT: &str = "http-headers";

/// What is sent to web servers: the headers of a file that the user named, or else of the usual one if it is there.
///
/// # Errors
/// The file cannot be read, or a line of it is not `ORIGIN NAME: VALUE`. No error shows what the line is.
pub(crate) fn options(named: Option<&Path>, home: Result<PathBuf>) -> Result<HttpOptions> {
    let (path, must_be_there) = match (named, home) {
        (Some(path), _) => (path.to_owned(), true),
        (None, Ok(home)) => (home.join(DEFAULT), false),
        (None, Err(_)) => return Ok(HttpOptions::default()),
    };
    match std::fs::read_to_string(&path) {
        Ok(text) => {
            warn_of_readers(&path);
            parse(&text).context("path", path.display())
        }
        Err(error) if !must_be_there && error.kind() == std::io::ErrorKind::NotFound => {
            Ok(HttpOptions::default())
        }
        Err(error) => Err(Error::from_io(error).with("path", path.display())),
    }
}

fn parse(text: &str) -> Result<HttpOptions> {
    let mut options = HttpOptions::default();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // What an error says besides its message may be a secret at the wrong place.
        let wrong = |error: Error| Error::invalid(error.message().to_owned()).with("line", number + 1);
        let form =
            || Error::invalid("a line is ORIGIN NAME: VALUE, as in https://HOST Authorization: Bearer TOKEN");
        let (origin, header) = line.split_once(char::is_whitespace).ok_or_else(form).map_err(wrong)?;
        let (name, value) = header.split_once(':').ok_or_else(form).map_err(wrong)?;
        options = options.with_header(origin, name.trim(), value.trim()).map_err(wrong)?;
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use atdata::ErrorKind;

    use super::*;

    #[test]
    fn lines_are_headers_of_origins() {
        let text =
            "# team\n\n  https://a.test  Authorization: Bearer x:y \nhttp://b.test:81\tX-Key: sesame\n";
        let shown = format!("{:?}", parse(text).unwrap());
        for part in ["https://a.test", "authorization", "http://b.test:81", "x-key"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(!shown.contains("sesame") && !shown.contains("x:y"), "{shown}");
    }

    #[test]
    fn what_is_wrong_is_told_by_its_line_and_without_its_text() {
        for line in [
            "sesame",
            "sesame https://a.test X: y",
            "https://a.test sesame",
            "https://a.test/path X: sesame",
            "https://a.test ses ame: x",
            "https://a.test X: ses\u{7}ame",
        ] {
            let error = parse(&format!("https://a.test X: y\n{line}\n")).unwrap_err();
            assert_eq!(
                (error.kind(), error.context_value("line")),
                (ErrorKind::Invalid, Some("2")),
                "{line}"
            );
            assert!(!format!("{error} {error:?}").contains("ses"), "{error:?}");
        }
    }

    #[test]
    fn only_a_file_that_was_named_must_be_there() {
        let nowhere = tempfile::tempdir().unwrap();
        options(None, Ok(nowhere.path().to_owned())).unwrap();
        let error = options(Some(&nowhere.path().join("x")), Ok(nowhere.path().to_owned())).unwrap_err();
        assert!(error.is_not_found() && error.context_value("path").is_some(), "{error}");
    }
}
