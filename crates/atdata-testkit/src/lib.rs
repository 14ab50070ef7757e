//! Conformance suites, fixtures and fuzz bodies of `atdata`.
