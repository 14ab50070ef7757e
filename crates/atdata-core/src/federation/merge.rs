//! Several listings as one.

use std::cmp::Ordering;

use futures::StreamExt;
use futures::stream::{self, BoxStream};

use crate::Result;

/// A listing, and the next item of it.
struct Listing<'a, T> {
    head: Option<T>,
    /// None at its end.
    rest: Option<BoxStream<'a, Result<T>>>,
}

/// Merges streams that are in order into one that is in order: of equal items that of the earlier stream comes first. The
/// first error ends it.
pub(super) fn merged<'a, T: Send + 'a>(
    streams: Vec<BoxStream<'a, Result<T>>>,
    order: impl Fn(&T, &T) -> Ordering + Clone + Send + Sync + 'a,
) -> BoxStream<'a, Result<T>> {
    let listings = streams.into_iter().map(|stream| Listing { head: None, rest: Some(stream) });
    let merged = stream::unfold(Some(listings.collect::<Vec<_>>()), move |listings| {
        let order = order.clone();
        async move {
            let mut listings = listings?;
            match next(&mut listings, order).await {
                Ok(item) => Some((Ok(item?), Some(listings))),
                Err(error) => Some((Err(error), None)),
            }
        }
    });
    merged.boxed()
}

async fn next<T>(listings: &mut [Listing<'_, T>], order: impl Fn(&T, &T) -> Ordering) -> Result<Option<T>> {
    for listing in &mut *listings {
        if listing.head.is_none()
            && let Some(rest) = &mut listing.rest
        {
            listing.head = rest.next().await.transpose()?;
            if listing.head.is_none() {
                listing.rest = None;
            }
        }
    }
    let first = listings.iter_mut().filter(|listing| listing.head.is_some()).reduce(|first, other| {
        match (&first.head, &other.head) {
            (Some(a), Some(b)) if order(b, a) == Ordering::Less => other,
            _ => first,
        }
    });
    Ok(first.and_then(|listing| listing.head.take()))
}

#[cfg(test)]
mod tests {
    use futures::TryStreamExt;
    use futures::executor::block_on;

    use super::*;
    use crate::Error;

    fn listing(items: &[(u8, char)]) -> BoxStream<'static, Result<(u8, char)>> {
        stream::iter(items.to_vec()).map(Ok).boxed()
    }

    #[test]
    fn the_order_is_kept_and_equal_items_come_from_the_first() {
        let streams =
            vec![listing(&[(1, 'a'), (3, 'a')]), listing(&[]), listing(&[(0, 'c'), (1, 'c'), (4, 'c')])];
        let all: Vec<_> = block_on(merged(streams, |a, b| a.0.cmp(&b.0)).try_collect()).unwrap();
        assert_eq!(all, [(0, 'c'), (1, 'a'), (1, 'c'), (3, 'a'), (4, 'c')]);
    }

    #[test]
    fn an_error_ends_it() {
        let broken = listing(&[(1, 'b')]).chain(stream::iter([Err(Error::corrupt("x"))])).boxed();
        let mut all = merged(vec![listing(&[(2, 'a')]), broken], |a, b| a.0.cmp(&b.0));
        assert_eq!(block_on(all.next()).unwrap().unwrap(), (1, 'b'));
        assert!(block_on(all.next()).unwrap().is_err());
        assert!(block_on(all.next()).is_none());
    }
}
