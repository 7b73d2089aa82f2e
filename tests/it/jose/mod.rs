//! Tokens of the issuer under the eyes of independent implementations of JOSE.

mod table;
mod verifiers;
