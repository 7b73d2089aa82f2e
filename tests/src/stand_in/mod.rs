//! Stand-ins for services that cannot run here.
//!
//! Each listens over TLS on a free port of the loopback interface, verifies identity tokens as the real service
//! documents it, answers in the real service's shapes, and keeps a record of every request.

mod entra;
mod forgery;
mod google;
mod google_storage;
mod grants;
mod hcp;
mod iam;
mod kubernetes;
mod kubernetes_documents;
mod listener;
mod tencent;
mod verifier;

pub use entra::{Entra, EntraOptions, FederatedCredential};
pub use forgery::Forgery;
pub use google::{Google, GoogleOptions, ServiceAccount};
pub use google_storage::GoogleStorage;
pub use hcp::{Hcp, HcpOptions, WorkloadProvider};
pub use iam::{Iam, IamOptions};
pub use kubernetes::{Kubernetes, KubernetesOptions};
pub use listener::Exchange;
pub use tencent::{TencentCloud, TencentOptions, TencentRole};
pub use verifier::TrustedIssuer;
