//! Whole-product tests.

mod counterparts;
mod layers;
mod reference;
