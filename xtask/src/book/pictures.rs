//! Pictures are drawn from text, so that they can be changed and reviewed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tools::Tool;
use crate::{process, workspace};

const SVGBOB: Tool = Tool { package: "svgbob_cli", version: "0.7.6", arguments: &[] };

/// Pictures that are not what their text says; nothing if there is no program that draws.
pub(super) fn findings() -> Result<Option<Vec<String>>> {
    let Some(svgbob) = SVGBOB.find_or_install()? else { return Ok(None) };
    let mut findings = Vec::new();
    for text in texts()? {
        let picture = text.with_extension("svg");
        let expected = drawing(&svgbob, &text)?;
        if std::fs::read_to_string(&picture).ok().as_deref() != Some(&*expected) {
            findings.push(format!(
                "{}: not what {} says; cargo xtask book --draw",
                picture.display(),
                text.display()
            ));
        }
    }
    Ok(Some(findings))
}

/// Draws all of them.
pub(super) fn draw() -> Result<()> {
    let Some(svgbob) = SVGBOB.find_or_install()? else { bail!("svgbob_cli cannot be installed") };
    for text in texts()? {
        std::fs::write(text.with_extension("svg"), drawing(&svgbob, &text)?)?;
    }
    Ok(())
}

fn drawing(svgbob: &Path, text: &Path) -> Result<String> {
    process::output(Command::new(svgbob).arg(text))
}

fn texts() -> Result<Vec<PathBuf>> {
    let directory = workspace::root().join("docs").join("pictures");
    let mut texts = Vec::new();
    for item in std::fs::read_dir(&directory).with_context(|| directory.display().to_string())? {
        let path = item?.path();
        if path.extension().is_some_and(|extension| extension == "bob") {
            texts.push(path);
        }
    }
    texts.sort();
    Ok(texts)
}
