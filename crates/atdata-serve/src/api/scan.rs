//! A part of a listing that may be long.

use atdata_core::Result;
use futures::{Stream, StreamExt};

use crate::params::Params;

/// The most entries that one request looks at.
pub(super) const MOST: u64 = 100_000;
/// How many are given if nothing is said, and at most.
const LIMIT: (usize, usize) = (50, 500);

/// What was found.
#[derive(Debug)]
pub(super) struct Found<T> {
    pub(super) items: Vec<T>,
    /// How many were looked at.
    pub(super) scanned: u64,
    /// Whether the end was reached.
    pub(super) complete: bool,
}

/// How many are asked for.
///
/// # Errors
/// It is no number.
pub(super) fn limit(params: &Params) -> Result<usize> {
    Ok(params.number("limit")?.unwrap_or(LIMIT.0).clamp(1, LIMIT.1))
}

/// Looks at what is listed until there is enough of it. `keep` makes an answer of what is wanted.
///
/// # Errors
/// The listing fails.
pub(super) async fn scan<S, T>(
    mut listed: impl Stream<Item = Result<S>> + Unpin,
    limit: usize,
    mut keep: impl FnMut(S) -> Option<T>,
) -> Result<Found<T>> {
    let mut found = Found { items: Vec::new(), scanned: 0, complete: false };
    while found.items.len() < limit && found.scanned < MOST {
        let Some(item) = listed.next().await else {
            found.complete = true;
            return Ok(found);
        };
        found.scanned += 1;
        found.items.extend(keep(item?));
    }
    Ok(found)
}

/// Looks for a text in others, whatever the case.
#[derive(Debug)]
pub(super) struct Search(Option<String>);

impl Search {
    pub(super) fn new(params: &Params) -> Self {
        Self(params.text("search").map(str::to_lowercase))
    }

    /// Whether one of the texts has what is searched for; all have if nothing is.
    pub(super) fn hits<'a>(&self, texts: impl IntoIterator<Item = Option<&'a str>>) -> bool {
        let Some(wanted) = &self.0 else { return true };
        texts.into_iter().flatten().any(|text| text.to_lowercase().contains(wanted))
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use futures::stream;

    use super::*;

    #[test]
    fn a_scan_ends_at_its_bounds() {
        let numbers = || stream::iter((0..200_000u64).map(Ok));
        let found = block_on(scan(numbers(), 3, |n| (n % 2 == 1).then_some(n))).unwrap();
        assert_eq!((found.items, found.scanned, found.complete), (vec![1, 3, 5], 6, false));
        let none = block_on(scan(numbers(), 3, |_| None::<u64>)).unwrap();
        assert_eq!((none.items.len(), none.scanned, none.complete), (0, MOST, false));
        let all = block_on(scan(stream::iter([Ok(1)]), 3, Some)).unwrap();
        assert_eq!((all.items, all.complete), (vec![1], true));
    }

    #[test]
    fn case_does_not_matter() {
        let params = Params::parse(Some("search=%C3%84PFEL"), &["search"]).unwrap();
        let search = Search::new(&params);
        assert!(search.hits([None, Some("Rote äpfel")]) && !search.hits([Some("Birnen"), None]));
        assert!(Search(None).hits([None]));
    }
}
