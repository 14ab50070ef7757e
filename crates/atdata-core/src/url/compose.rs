//! From a list of addresses to one text in brace notation, for formats that hold only one.

use super::brace::expand;

/// Writes a list of addresses as one text in brace notation, as Python's `load_dataset` does: `prefix{a,b}suffix` with
/// the longest common prefix and suffix.
///
/// `None` if there is no such text, which is the case for an empty list, for names of which one is the beginning of
/// another, and for names whose own braces or commas would be taken for notation. What is returned always expands to the list again.
///
/// ```
/// use atdata_core::url::compose;
///
/// assert_eq!(compose(&["a-000.tar", "a-001.tar"]).as_deref(), Some("a-00{0,1}.tar"));
/// assert_eq!(compose(&["a.tar", "a.tar"]), None);
/// ```
pub fn compose<S: AsRef<str>>(addresses: &[S]) -> Option<String> {
    let (first, rest) = addresses.split_first()?;
    let first = first.as_ref();
    let composed = if rest.is_empty() { first.to_owned() } else { braces(first, addresses)? };
    let expansion = expand(&composed).ok()?;
    let same = expansion.len() == addresses.len()
        && expansion.zip(addresses).all(|(expanded, address)| expanded == address.as_ref());
    same.then_some(composed)
}

fn braces<S: AsRef<str>>(first: &str, addresses: &[S]) -> Option<String> {
    fn common(a: impl Iterator<Item = char>, b: impl Iterator<Item = char>) -> usize {
        a.zip(b).take_while(|(x, y)| x == y).map(|(x, _)| x.len_utf8()).sum()
    }
    let others = || addresses.iter().map(AsRef::as_ref);
    let prefix: usize = others().map(|other| common(first.chars(), other.chars())).min()?;
    let suffix: usize = others().map(|other| common(first.chars().rev(), other.chars().rev())).min()?;
    let middles: Vec<&str> = others()
        .map(|other| other.get(prefix..other.len().checked_sub(suffix)?).filter(|middle| !middle.is_empty()))
        .collect::<Option<_>>()?;
    let (start, end) = (first.get(..prefix)?, first.get(first.len() - suffix..)?);
    Some(format!("{start}{{{}}}{end}", middles.join(",")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_not_expand_to_itself_is_not_written() {
        assert_eq!(compose(&["x-10.tar", "x-1.tar"]), None);
        assert_eq!(compose(&["x-{0..1}.tar"]), None);
        assert_eq!(compose(&["a,b.tar", "c.tar"]), None);
        assert_eq!(compose::<&str>(&[]), None);
    }

    #[test]
    fn braces_in_names_are_kept_where_they_stay_literal() {
        let names = ["x-{0..1}.tar", "x-{2..3}.tar"];
        assert_eq!(compose(&names).as_deref(), Some("x-{{0..1,2..3}}.tar"));
    }
}
