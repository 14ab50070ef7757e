//! The shortest way from one type to another.

use std::collections::{BTreeMap, BTreeSet};

/// A lens between two nodes.
#[derive(Clone, Debug)]
pub(super) struct Edge<N> {
    pub(super) from: N,
    pub(super) to: N,
    pub(super) name: String,
    /// Whether the caller prefers it.
    pub(super) preferred: bool,
}

/// What a search has found: numbers of edges.
#[derive(Debug, PartialEq)]
pub(super) enum Search {
    Nothing,
    Path(Vec<usize>),
    /// Two that are as good as each other.
    Ambiguous(Vec<usize>, Vec<usize>),
}

/// The best ways to a node: as many preferred lenses as possible, and two of them at most.
#[derive(Default)]
struct Best {
    preferred: usize,
    paths: Vec<Vec<usize>>,
}

impl Best {
    fn offer(&mut self, preferred: usize, path: Vec<usize>) {
        if self.paths.is_empty() || preferred > self.preferred {
            *self = Self { preferred, paths: vec![path] };
        } else if preferred == self.preferred && self.paths.len() < 2 {
            self.paths.push(path);
        }
    }
}

/// The path with the fewest edges; of those the one with the most preferred ones.
pub(super) fn shortest<N: Ord>(edges: &[Edge<N>], from: &N, to: &N) -> Search {
    let mut leaving: BTreeMap<&N, Vec<(usize, &Edge<N>)>> = BTreeMap::new();
    for (number, edge) in edges.iter().enumerate() {
        leaving.entry(&edge.from).or_default().push((number, edge));
    }
    leaving.values_mut().for_each(|edges| edges.sort_by(|a, b| a.1.name.cmp(&b.1.name)));
    let mut visited = BTreeSet::from([from]);
    let mut layer = BTreeMap::from([(from, Best { preferred: 0, paths: vec![Vec::new()] })]);
    while !layer.is_empty() {
        let mut next: BTreeMap<&N, Best> = BTreeMap::new();
        for (node, best) in &layer {
            for (number, edge) in leaving.get(node).map(Vec::as_slice).unwrap_or_default() {
                if visited.contains(&edge.to) {
                    continue;
                }
                for path in &best.paths {
                    let path = path.iter().copied().chain([*number]).collect();
                    let preferred = best.preferred + usize::from(edge.preferred);
                    next.entry(&edge.to).or_default().offer(preferred, path);
                }
            }
        }
        if let Some(found) = next.remove(to) {
            let mut paths = found.paths.into_iter();
            return match (paths.next(), paths.next()) {
                (Some(one), Some(other)) => Search::Ambiguous(one, other),
                (Some(one), None) => Search::Path(one),
                _ => Search::Nothing,
            };
        }
        visited.extend(next.keys());
        layer = next;
    }
    Search::Nothing
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edges(list: &[(u8, u8, &str)], preferred: &[&str]) -> Vec<Edge<u8>> {
        let edge = |&(from, to, name): &(u8, u8, &str)| Edge {
            from,
            to,
            name: name.to_owned(),
            preferred: preferred.contains(&name),
        };
        list.iter().map(edge).collect()
    }

    #[test]
    fn the_shortest_path_is_found_through_cycles() {
        let edges = edges(
            &[(1, 2, "a"), (2, 1, "b"), (2, 2, "c"), (2, 3, "d"), (3, 1, "e"), (3, 4, "f"), (1, 5, "g")],
            &[],
        );
        assert_eq!(shortest(&edges, &1, &4), Search::Path(vec![0, 3, 5]));
        assert_eq!(shortest(&edges, &4, &1), Search::Nothing);
        assert_eq!(shortest(&edges, &9, &1), Search::Nothing);
    }

    #[test]
    fn two_shortest_paths_are_told_and_a_preference_decides() {
        let list =
            [(1, 2, "b"), (2, 4, "x"), (1, 3, "a"), (3, 4, "y"), (1, 9, "l"), (9, 8, "l"), (8, 4, "l")];
        assert_eq!(shortest(&edges(&list, &[]), &1, &4), Search::Ambiguous(vec![0, 1], vec![2, 3]));
        assert_eq!(shortest(&edges(&list, &["y"]), &1, &4), Search::Path(vec![2, 3]));
        assert_eq!(shortest(&edges(&list, &["y", "x"]), &1, &4), Search::Ambiguous(vec![0, 1], vec![2, 3]));
        assert_eq!(shortest(&edges(&list, &["y", "x", "b"]), &1, &4), Search::Path(vec![0, 1]));
        // A longer path is not taken for its preferred lenses.
        assert_eq!(shortest(&edges(&list, &["l", "y"]), &1, &4), Search::Path(vec![2, 3]));
    }

    #[test]
    fn many_equal_paths_are_no_explosion() {
        let mut list = Vec::new();
        for layer in 0..120u8 {
            list.extend([
                (2 * layer, 2 * layer + 2, "a"),
                (2 * layer, 2 * layer + 1, "b"),
                (2 * layer, 2 * layer + 2, "c"),
            ]);
        }
        assert!(matches!(shortest(&edges(&list, &[]), &0, &240), Search::Ambiguous(..)));
        assert!(matches!(shortest(&edges(&list, &["c"]), &0, &240), Search::Path(path) if path.len() == 120));
    }
}
