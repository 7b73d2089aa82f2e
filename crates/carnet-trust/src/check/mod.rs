//! What a relying party would say to a token, why, and the smallest change after which it says yes.
//!
//! Evaluators judge claims, never a signature. A judgement names the first condition that fails and carries a changed policy
//! that was evaluated again and does accept the token, and no other subject that was refused before.

pub(crate) mod aws;
pub(crate) mod azure;
mod cause;
mod claims;
mod compare;
mod difference;
pub(crate) mod document;
mod expression;
mod family;
pub(crate) mod gcp;
mod glob;
mod issuer;
mod judge;
mod judgement;
pub(crate) mod kubernetes;
mod report;
pub(crate) mod subject;
mod times;
pub(crate) mod vault;
mod visible;
pub(crate) mod work;

pub use cause::Cause;
pub use claims::Claims;
pub use difference::Difference;
pub use document::{Edit, Part, Trust};
pub use family::{Family, UnknownFamily};
pub use glob::{Wildcards, matches};
pub use judge::{Question, judge};
pub use judgement::{Finding, Judgement, Patch};
