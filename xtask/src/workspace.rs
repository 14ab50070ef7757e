//! Where things are: the workspace, its packages, the caches.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::{Context, Result};
use serde_json::Value;

use crate::process;

/// The root of the workspace.
pub(crate) fn root() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        // As cargo runs it, not as it was built: checkouts may share one directory of build output.
        let own = std::env::var_os("CARGO_MANIFEST_DIR");
        let own = own.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
        own.parent().map_or_else(|| own.clone(), Path::to_owned)
    });
    &ROOT
}

/// What was downloaded or built for the tasks and is kept between runs: `$HOME/.cache/atdata`.
pub(crate) fn cache() -> Result<PathBuf> {
    let home = std::env::var_os("HOME").context("HOME is not set, so there is no place for the cache")?;
    Ok(Path::new(&home).join(".cache").join("atdata"))
}

/// One package of the workspace.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) manifest: PathBuf,
    pub(crate) published: bool,
    /// Whether it has a library that is not made of macros.
    pub(crate) is_library: bool,
    pub(crate) features: Vec<String>,
    /// Names of the packages that it needs to be built and used (not to be tested).
    pub(crate) dependencies: Vec<String>,
    /// Members of the manifest that the registry shows, absent or empty ones left out.
    pub(crate) described_by: Vec<&'static str>,
}

/// The workspace as cargo sees it.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) target: PathBuf,
}

/// What a published package must say of itself.
pub(crate) const DESCRIPTION: [&str; 5] = ["description", "license", "repository", "keywords", "categories"];

pub(crate) fn metadata() -> Result<Metadata> {
    let text = process::output(&mut process::cargo(&["metadata", "--format-version", "1", "--no-deps"]))?;
    let value: Value = serde_json::from_str(&text).context("cargo metadata")?;
    let text = |value: &Value, key: &str| {
        value
            .get(key)
            .and_then(Value::as_str)
            .map(str::to_owned)
            .with_context(|| format!("cargo metadata: no {key}"))
    };
    let packages = list(&value, "packages")
        .map(|package| {
            Ok(Package {
                name: text(package, "name")?,
                manifest: text(package, "manifest_path")?.into(),
                // `null` is "any registry", `[]` is `publish = false`.
                published: package.get("publish").is_none_or(Value::is_null),
                is_library: list(package, "targets")
                    .flat_map(|target| list(target, "kind"))
                    .any(|kind| kind.as_str() == Some("lib")),
                features: package
                    .get("features")
                    .and_then(Value::as_object)
                    .into_iter()
                    .flat_map(|features| features.keys().cloned())
                    .collect(),
                dependencies: list(package, "dependencies")
                    .filter(|dependency| dependency.get("kind").and_then(Value::as_str) != Some("dev"))
                    .map(|dependency| text(dependency, "name"))
                    .collect::<Result<_>>()?,
                described_by: DESCRIPTION.into_iter().filter(|key| is_given(package.get(key))).collect(),
            })
        })
        .collect::<Result<_>>()?;
    Ok(Metadata { packages, target: text(&value, "target_directory")?.into() })
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten()
}

fn is_given(value: Option<&Value>) -> bool {
    match value {
        Some(Value::String(text)) => !text.trim().is_empty(),
        Some(Value::Array(items)) => !items.is_empty(),
        _ => false,
    }
}

/// All files below a directory, sorted; build output and the version control's own files are left out.
pub(crate) fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).with_context(|| directory.display().to_string())? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() && !matches!(entry.file_name().to_str(), Some("target" | ".git" | "__pycache__"))
            {
                open.push(entry.path());
            } else if kind.is_file() && entry.file_name() != ".git" {
                found.push(entry.path());
            }
        }
    }
    found.sort();
    Ok(found)
}
