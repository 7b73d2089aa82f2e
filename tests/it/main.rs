//! Whole-product tests.

mod layers;
