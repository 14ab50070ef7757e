//! Completions and man pages.

use crate::common::Cli;

#[test]
fn every_shell_has_completions() {
    let cli = Cli::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = cli.ok(&["completions", shell]);
        assert!(script.contains("atdata") && script.contains("migrate"), "{shell}");
    }
    // The shell itself takes it.
    let script = cli.file("atdata.bash", cli.ok(&["completions", "bash"]));
    let complete = format!(
        "set -e; source {script}; COMP_WORDS=(atdata mig); COMP_CWORD=1; _atdata atdata mig atdata; echo \"${{COMPREPLY[@]}}\""
    );
    let output = std::process::Command::new("bash").args(["-c", &complete]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "migrate", "{output:?}");
}

#[test]
fn every_command_has_a_man_page() {
    let cli = Cli::new();
    let written = cli.json(&["man", "pages"]);
    let pages: Vec<&str> =
        written["pages"].as_array().unwrap().iter().map(|page| page.as_str().unwrap()).collect();
    for page in ["atdata.1", "atdata-import.1", "atdata-schema-show.1", "atdata-label-set.1"] {
        assert!(pages.contains(&page), "{page}: {pages:?}");
    }
    let text = std::fs::read_to_string(cli.path("pages/atdata-verify.1")).unwrap();
    assert!(text.starts_with(".ie ") && text.contains("SOURCE"), "{text}");
}
