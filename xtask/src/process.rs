//! Running other programs.

use std::{
    io::{BufRead, BufReader, IsTerminal, Read, Write},
    process::{Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// A cargo command that runs in the root of the workspace.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(workspace::root());
    command
}

/// Whether a program runs and ends well.
pub(crate) fn works(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|s| s.success())
}

/// Runs a program on our own standard streams.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {}", shown(command)))?;
    if !status.success() {
        bail!("{} ended with {status}", shown(command));
    }
    Ok(())
}

/// Runs a program and gives its standard output; if it fails, the end of what it printed is part of the error.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {}", shown(command)))?;
    if !output.status.success() {
        let printed = [output.stdout, output.stderr].concat();
        let printed = String::from_utf8_lossy(&printed);
        bail!("{} ended with {}: {}", shown(command), output.status, tail(printed.trim(), 1500));
    }
    String::from_utf8(output.stdout)
        .with_context(|| format!("{} wrote text that is not UTF-8", shown(command)))
}

/// Runs a program, and gives whether it ended well and all that it printed.
pub(crate) fn said(command: &mut Command) -> Result<(bool, String)> {
    let output =
        command.stdin(Stdio::null()).output().with_context(|| format!("cannot start {}", shown(command)))?;
    let printed = [output.stdout, output.stderr].concat();
    Ok((output.status.success(), String::from_utf8_lossy(&printed).into_owned()))
}

/// Runs a program, passes its output on as it comes and hands every line to `observe`. Gives whether it ended well.
pub(crate) fn stream(command: &mut Command, observe: impl FnMut(&str) + Send + 'static) -> Result<bool> {
    if std::io::stderr().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    let observe = Arc::new(Mutex::new(observe));
    let stdout = child.stdout.take().map(|pipe| tee(pipe, std::io::stdout(), Arc::clone(&observe)));
    let stderr = child.stderr.take().map(|pipe| tee(pipe, std::io::stderr(), observe));
    for thread in [stdout, stderr].into_iter().flatten() {
        if thread.join().is_err() {
            bail!("cannot read the output of {}", shown(command));
        }
    }
    Ok(child.wait()?.success())
}

fn tee<F: FnMut(&str) + Send + 'static>(
    from: impl Read + Send + 'static,
    mut to: impl Write + Send + 'static,
    observe: Arc<Mutex<F>>,
) -> std::thread::JoinHandle<()> {
    std::thread::spawn(move || {
        let mut from = BufReader::new(from);
        let mut line = Vec::new();
        while from.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            // A closed standard stream must not end the program that we observe.
            let _ = to.write_all(&line).and_then(|()| to.flush());
            let text = String::from_utf8_lossy(&line);
            (observe.lock().unwrap_or_else(PoisonError::into_inner))(text.trim_end());
            line.clear();
        }
    })
}

/// The program and its arguments, for messages.
pub(crate) fn shown(command: &Command) -> String {
    let mut text = command.get_program().to_string_lossy().into_owned();
    for argument in command.get_args() {
        text.push(' ');
        text.push_str(&argument.to_string_lossy());
    }
    text
}

/// The last `length` bytes of a text, at most, beginning with a whole character.
fn tail(text: &str, length: usize) -> &str {
    let start = (text.len().saturating_sub(length)..text.len()).find(|&at| text.is_char_boundary(at));
    start.and_then(|at| text.get(at..)).unwrap_or(text)
}
