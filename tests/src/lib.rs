//! Fixtures of the whole-product tests: the real counterparts, each in a process of its own.
//!
//! Every fixture listens on a free port of the loopback interface, keeps its files and its log in a temporary
//! directory, and ends its process when it is dropped. When the test fails the end of the log is printed.

mod api_client;
mod archive;
mod azurite;
mod carnet_agent;
mod carnet_server;
mod certificate_authority;
mod envoy;
mod issuer_server;
mod json_client;
mod open_bao;
mod port;
mod postgres;
mod process;
mod rotation;
mod seaweed_fs;
mod soak;
mod stand_in;
mod terraform_cli;
mod tool;
mod witness;

pub use api_client::ApiClient;
pub use archive::Archive;
pub use azurite::Azurite;
pub use carnet_agent::CarnetAgent;
pub use carnet_server::{BOOTSTRAP_TOKEN, CarnetServer, EmbeddedAgent, ServerOptions, carnet_binary};
pub use certificate_authority::{CertificateAuthority, ServerCertificate};
pub use envoy::{Envoy, EnvoyOptions};
pub use issuer_server::IssuerServer;
pub use json_client::{Answer, JsonClient};
pub use open_bao::{JwtRole, OpenBao, VaultLogin};
pub use postgres::PostgresDatabase;
pub use process::{ChildProcess, wait_for};
pub use rotation::{ProtocolAgent, ProtocolJob, Rotating, RotationOptions, RotationReport, rotation};
pub use seaweed_fs::{Access, SeaweedFs, SeaweedOptions, TrustedRole};
pub use soak::{SoakOptions, SoakProgress, SoakReport, SoakRow, soak};
pub use stand_in::{
    Entra, EntraOptions, Exchange, FederatedCredential, Forgery, Google, GoogleOptions, GoogleStorage, Hcp,
    HcpOptions, Iam, IamOptions, Kubernetes, KubernetesOptions, ServiceAccount, TencentCloud, TencentOptions,
    TencentRole, TrustedIssuer, WorkloadProvider,
};
pub use terraform_cli::{RunningTerraform, TerraformCli, TerraformOutput, without_colour};
pub use tool::{AwsClient, Tool, aws_client, tool};
pub use witness::Witness;
