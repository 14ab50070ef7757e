//! What was left out, and why.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

/// How many are kept in words for `--json`.
const KEPT: usize = 1000;
/// How many examples of each reason a person sees.
const EXAMPLES: usize = 3;

/// Something of the input that did not become a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Skip {
    /// What: `line 17`, a path, a key.
    pub(crate) item: String,
    /// Why, in words that many items share.
    pub(crate) reason: &'static str,
    /// Why, for this one.
    pub(crate) detail: String,
}

impl Skip {
    /// Puts the three together.
    pub(crate) fn new(item: impl Into<String>, reason: &'static str, detail: impl Into<String>) -> Self {
        Self { item: item.into(), reason, detail: detail.into() }
    }
}

/// The outcome of an import.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// How many samples went in.
    pub(crate) samples: u64,
    /// The bytes of their payloads.
    pub(crate) bytes: u64,
    reasons: BTreeMap<&'static str, Reason>,
    skipped: u64,
    kept: Vec<Skip>,
    /// How many samples got a new key, because theirs cannot be used.
    pub(crate) renamed_keys: u64,
}

#[derive(Debug, Default)]
struct Reason {
    count: u64,
    examples: Vec<(String, String)>,
}

impl Report {
    /// Counts a sample.
    pub(crate) fn sample(&mut self, bytes: usize) {
        self.samples += 1;
        self.bytes += bytes as u64;
    }

    /// Counts what was left out.
    pub(crate) fn skip(&mut self, skip: Skip) {
        tracing::debug!(item = skip.item, reason = skip.reason, detail = skip.detail, "skipped");
        self.skipped += 1;
        let reason = self.reasons.entry(skip.reason).or_default();
        reason.count += 1;
        if reason.examples.len() < EXAMPLES {
            reason.examples.push((skip.item.clone(), skip.detail.clone()));
        }
        if self.kept.len() < KEPT {
            self.kept.push(skip);
        }
    }

    /// How many were left out.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped
    }

    /// For people: a line for each reason, with examples. Empty if nothing was left out.
    pub(crate) fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.skipped > 0 {
            lines.push(format!("skipped {}:", self.skipped));
        }
        for (reason, Reason { count, examples }) in &self.reasons {
            lines.push(format!("  {count} × {reason}"));
            for (item, detail) in examples {
                lines.push(if detail.is_empty() {
                    format!("      {item}")
                } else {
                    format!("      {item}: {detail}")
                });
            }
            if *count > examples.len() as u64 {
                lines.push("      …".to_owned());
            }
        }
        if self.renamed_keys > 0 {
            lines.push(format!(
                "{} samples got a new key: theirs cannot be used or repeats",
                self.renamed_keys
            ));
        }
        lines
    }

    /// For programs: `{"total", "reasons": [{"reason", "count"}], "items": [{"item", "reason", "detail"}],
    /// "items_complete"}`.
    pub(crate) fn json(&self) -> Json {
        let reasons: Vec<Json> = self
            .reasons
            .iter()
            .map(|(reason, found)| json!({"reason": reason, "count": found.count}))
            .collect();
        let items: Vec<Json> = self
            .kept
            .iter()
            .map(|skip| json!({"item": skip.item, "reason": skip.reason, "detail": skip.detail}))
            .collect();
        let complete = self.kept.len() as u64 == self.skipped;
        json!({"total": self.skipped, "reasons": reasons, "items": items, "items_complete": complete})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_report_is_bounded_and_says_so() {
        let mut report = Report::default();
        for i in 0..2000 {
            report.skip(Skip::new(format!("line {i}"), "broken", "x"));
        }
        let json = report.json();
        assert_eq!((&json["total"], &json["items_complete"]), (&json!(2000), &json!(false)));
        assert_eq!(json["items"].as_array().unwrap().len(), KEPT);
        assert_eq!(report.lines().len(), 1 + 1 + EXAMPLES + 1);
    }
}
