//! One file for each family: what it needs to know, and the trust that comes of it.

mod aws;
mod azure;
mod gcp;
mod hcp;
mod kubernetes;
mod tencentcloud;
mod vault;
mod vault_backed;

pub use aws::AwsOptions;
pub use azure::AzureOptions;
pub use gcp::GcpOptions;
pub use hcp::HcpOptions;
pub use kubernetes::KubernetesOptions;
pub use tencentcloud::TencentCloudOptions;
pub use vault::VaultOptions;
pub use vault_backed::{VaultBackedAwsOptions, VaultBackedAzureOptions, VaultBackedGcpOptions};

use carnet_model::Phase;

use super::family_options::FamilyOptions;
use super::outline::TrustSetup;
use super::request::{SetupError, TrustRequest};

pub(super) fn setup(request: &TrustRequest) -> Result<TrustSetup, SetupError> {
    match &request.family {
        FamilyOptions::Aws(options) => aws::setup(request, options),
        FamilyOptions::Azure(options) => azure::setup(request, options),
        FamilyOptions::Gcp(options) => gcp::setup(request, options),
        FamilyOptions::Vault(options) => vault::setup(request, options),
        FamilyOptions::Kubernetes(options) => kubernetes::setup(request, options),
        FamilyOptions::Hcp(options) => hcp::setup(request, options),
        FamilyOptions::TencentCloud(options) => tencentcloud::setup(request, options),
        FamilyOptions::VaultBackedAws(options) => vault_backed::aws(request, options),
        FamilyOptions::VaultBackedAzure(options) => vault_backed::azure(request, options),
        FamilyOptions::VaultBackedGcp(options) => vault_backed::gcp(request, options),
    }
}

/// The values of the two phases.
#[derive(Debug, Clone, Copy)]
struct ByPhase<T> {
    plan: T,
    apply: T,
}

impl<T: Copy> ByPhase<T> {
    fn of(self, phase: Phase) -> T {
        match phase {
            Phase::Plan => self.plan,
            Phase::Apply => self.apply,
        }
    }
}

/// The name of an input of a phase: `plan_client_id`.
fn of_phase(phase: Phase, name: &str) -> String {
    format!("{phase}_{name}")
}
