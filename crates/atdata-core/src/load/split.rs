//! Which split a shard belongs to, by its path.

/// The split of a shard whose path names none.
pub(super) const DEFAULT: &str = "train";

/// Words that stand for a split, in the order in which they are looked for.
const WORDS: [(&str, &[&str]); 4] = [
    ("train", &["training", "train"]),
    ("test", &["testing", "test"]),
    ("validation", &["validation", "valid", "val"]),
    ("validation", &["development", "dev"]),
];

/// What is around a word: whether it may begin, and end, there. `None` is the end of the text.
type Around = (fn(Option<char>) -> bool, fn(Option<char>) -> bool);

/// Python's rules, the first that fits counts.
const AROUND: [Around; 4] = [
    (|before| before.is_some_and(is_dash), |after| after.is_some_and(is_dash)),
    (|before| before.is_none(), |after| after.is_some_and(is_dash)),
    (|before| before.is_some_and(is_slash), |after| after.is_some_and(is_slash)),
    (|before| before.is_none(), |after| after.is_some_and(is_slash)),
];

/// Ours, where Python's find nothing: a dot ends a word too, as in `digits-test.tar`.
const OURS: [Around; 1] = [(|before| before.is_none_or(is_break), |after| after.is_none_or(is_break))];

const fn is_dash(c: char) -> bool {
    matches!(c, '_' | '-')
}

const fn is_slash(c: char) -> bool {
    matches!(c, '/' | '\\')
}

const fn is_break(c: char) -> bool {
    is_dash(c) || is_slash(c) || c == '.'
}

/// The split that a path names: in the name of the file, or else in those of its directories.
pub(super) fn of_path(path: &str) -> &'static str {
    let path = path.to_lowercase();
    let name = path.rsplit(is_slash).find(|part| !part.is_empty()).unwrap_or_default();
    let texts = [name, &path];
    let python = texts.iter().find_map(|text| find(text, &AROUND));
    python.or_else(|| texts.iter().find_map(|text| find(text, &OURS))).unwrap_or(DEFAULT)
}

fn find(text: &str, rules: &[Around]) -> Option<&'static str> {
    rules.iter().find_map(|around| {
        let has = |word: &&str| has_word(text, word, around);
        WORDS.iter().find(|(_, words)| words.iter().any(has)).map(|(split, _)| *split)
    })
}

fn has_word(text: &str, word: &str, (begins, ends): &Around) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let (before, rest) = text.split_at(at);
        let after = rest.get(word.len()..).and_then(|after| after.chars().next());
        begins(before.chars().next_back()) && ends(after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each was given to `_detect_split_from_path` of Python 0.7; the second column is what it says.
    #[test]
    fn what_python_finds_is_found() {
        for (path, split) in [
            ("digits-train-000.tar", "train"),
            ("digits_TRAINING_000.tar", "train"),
            ("train-000.tar", "train"),
            ("test_0.tar", "test"),
            ("x-testing-0.tar", "test"),
            ("a-val-0.tar", "validation"),
            ("a-valid-0.tar", "validation"),
            ("validation-0.tar", "validation"),
            ("a-dev-0.tar", "validation"),
            ("development-0.tar", "validation"),
            ("/data/test/0.tar", "test"),
            ("train/0.tar", "train"),
            ("s3://b/val/x.tar", "validation"),
            // The name of the file counts more than its directory.
            ("/data/test/a-train-0.tar", "train"),
            // A word between dashes counts more than one at the beginning.
            ("train-test-0.tar", "test"),
            // Of several in the same place it is the first of the list.
            ("a-test-train-0.tar", "train"),
        ] {
            assert_eq!(of_path(path), split, "{path}");
        }
    }

    #[test]
    fn a_dot_ends_a_word_too() {
        for (path, split) in [
            ("test.tar", "test"),
            ("digits-test.tar", "test"),
            ("val.tar.gz", "validation"),
            ("a.dev.0.tar", "validation"),
        ] {
            assert_eq!(of_path(path), split, "{path}");
        }
    }

    #[test]
    fn other_words_are_none() {
        for path in
            ["latest-0.tar", "a-trains-0.tar", "contest.tar", "0.tar", "", "interval-0.tar", "größe.tar"]
        {
            assert_eq!(of_path(path), DEFAULT, "{path}");
        }
    }
}
