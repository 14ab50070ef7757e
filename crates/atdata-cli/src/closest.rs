//! "Did you mean …?"

/// How alike two names must be, by Jaro and Winkler, to be worth suggesting.
const ALIKE: f64 = 0.8;
/// How many are suggested at most.
const MOST: usize = 3;

/// The candidates closest to a mistyped name, the closest first.
pub(crate) fn closest(wanted: &str, candidates: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut found: Vec<(f64, String)> = Vec::new();
    let folded = wanted.to_lowercase();
    for candidate in candidates {
        let likeness = strsim::jaro_winkler(&folded, &candidate.to_lowercase());
        if likeness >= ALIKE {
            found.push((likeness, candidate));
            found.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
            found.truncate(MOST);
        }
    }
    found.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_are_alike_are_suggested() {
        let names = || ["mnist-train", "mnist-test", "imagenet", "cats"].map(str::to_owned);
        assert_eq!(closest("mnist-trian", names()).first().map(String::as_str), Some("mnist-train"));
        assert_eq!(closest("MNIST-TEST", names()).first().map(String::as_str), Some("mnist-test"));
        assert!(closest("zebra", names()).is_empty());
    }
}
