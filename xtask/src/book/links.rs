//! Links within the repository lead somewhere, and every page is in the book.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::workspace;

/// A page of the repository.
struct Page {
    path: PathBuf,
    text: String,
}

/// Links that lead nowhere, and pages that are not in the book.
pub(super) fn findings() -> Result<Vec<String>> {
    let root = workspace::root();
    let mut pages = Vec::new();
    for path in paths(root)? {
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        pages.push(Page { path, text });
    }
    let mut findings = Vec::new();
    for page in &pages {
        for link in links(&page.text) {
            if let Some(reason) = wrong(&page.path, &link) {
                let path = page.path.strip_prefix(root).unwrap_or(&page.path);
                findings.push(format!("{}: the link {link} {reason}", path.display()));
            }
        }
    }
    findings.append(&mut missing_tests(root)?);
    let docs = root.join("docs");
    let summary = std::fs::read_to_string(docs.join("SUMMARY.md"))?;
    let listed: BTreeSet<String> = links(&summary).into_iter().collect();
    for page in pages.iter().filter(|page| page.path.parent() == Some(&docs)) {
        let name = page.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name != "SUMMARY.md" && !listed.contains(&name) {
            findings.push(format!("docs/{name}: not in docs/SUMMARY.md"));
        }
    }
    Ok(findings)
}

/// Tests that the page on security names, and that are not there.
fn missing_tests(root: &Path) -> Result<Vec<String>> {
    let page = std::fs::read_to_string(root.join("docs").join("security.md"))?;
    let mut code = String::new();
    for path in workspace::files(&root.join("crates"))? {
        if path.extension().is_some_and(|extension| extension == "rs") {
            code.push_str(&std::fs::read_to_string(&path).with_context(|| path.display().to_string())?);
        }
    }
    let rows = page.lines().filter(|line| line.starts_with('|'));
    let cells = rows.filter_map(|row| row.trim_end_matches('|').rsplit('|').next());
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2));
    let is_test =
        |name: &&str| name.contains('_') && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    let missing = names.filter(is_test).filter(|name| !code.contains(&format!("fn {name}(")));
    Ok(missing.map(|name| format!("docs/security.md: there is no test {name}")).collect())
}

/// The pages of the book, and those that repositories and registries show.
fn paths(root: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = vec![root.join("README.md"), root.join("CHANGELOG.md")];
    for item in std::fs::read_dir(root.join("docs"))? {
        let path = item?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            paths.push(path);
        }
    }
    for item in std::fs::read_dir(root.join("crates"))? {
        let readme = item?.path().join("README.md");
        if readme.exists() {
            paths.push(readme);
        }
    }
    paths.sort();
    Ok(paths)
}

/// Why a link leads nowhere. Links to other places are not followed.
fn wrong(page: &Path, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") || link.starts_with("crate::") || !is_path(link) {
        return None;
    }
    let (path, heading) = link.split_once('#').map_or((link, None), |(path, heading)| (path, Some(heading)));
    let target = if path.is_empty() { page.to_owned() } else { page.parent()?.join(path) };
    if !target.exists() {
        return Some("leads to no file".to_owned());
    }
    let heading = heading?;
    let text = std::fs::read_to_string(&target).ok()?;
    (!headings(&text).contains(heading))
        .then(|| format!("leads to no heading; there are {:?}", headings(&text)))
}

/// Whether a link may be a path, and not the name of an item that rustdoc links.
fn is_path(link: &str) -> bool {
    link.starts_with('#') || link.contains(['.', '/'])
}

/// The targets of all links and pictures outside of code.
fn links(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    let mut in_code = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            in_code = !in_code;
        }
        if in_code {
            continue;
        }
        // What is between backticks is code, too.
        let words: String = line.split('`').step_by(2).collect::<Vec<_>>().join("`");
        let mut rest = words.as_str();
        while let Some(at) = rest.find("](") {
            rest = rest.get(at + 2..).unwrap_or_default();
            if let Some((link, behind)) = rest.split_once(')') {
                links.push(link.split_whitespace().next().unwrap_or_default().to_owned());
                rest = behind;
            }
        }
    }
    links
}

/// The names by which headings are linked.
fn headings(text: &str) -> BTreeSet<String> {
    let mut in_code = false;
    let mut found = BTreeSet::new();
    for line in text.lines() {
        if line.starts_with("```") {
            in_code = !in_code;
        }
        if let Some(heading) = line.strip_prefix('#').filter(|_| !in_code) {
            let heading = heading.trim_start_matches('#').trim().to_lowercase();
            let slug = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
            found.insert(slug.map(|c| if c == ' ' { '-' } else { c }).collect());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_outside_of_code() {
        let text = "[a](b.md) and ![c](d.svg \"e\")\n```\n[f](g.md)\n```\n`[h](i)` [j](#k)\n";
        assert_eq!(links(text), ["b.md", "d.svg", "#k"]);
    }

    #[test]
    fn headings_have_names() {
        let found = headings("# One two\n```\n# three\n```\n## `four` & five\n");
        assert_eq!(found, BTreeSet::from(["one-two".to_owned(), "four--five".to_owned()]));
    }
}
