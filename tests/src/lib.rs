//! Fixtures of the whole-product tests.
