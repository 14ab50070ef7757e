//! Content identifiers.
