//! The programs of the counterparts, installed by `tools/install.py` when they are first asked for.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
};

use anyhow::{Context, bail};
use tokio::process::Command;

/// A program that the tests need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// The server `bao`.
    OpenBao,
    /// The server `weed`.
    SeaweedFs,
    /// `terraform`, or `tofu` where there is no `terraform`.
    Terraform,
    /// The command line of Kubernetes.
    Kubectl,
    /// The proxy `envoy`.
    Envoy,
    /// A folder with `softhsm2-util` and `libsofthsm2.so`.
    SoftHsm,
    /// A folder with `node` and two implementations of JOSE.
    JoseNode,
    /// A folder with `node` and Microsoft's emulator of Azure's storage.
    Azurite,
    /// A Python with four implementations of JOSE.
    JosePython,
    /// A Python with Schemathesis and a validator of OpenAPI documents.
    Schemathesis,
    /// A Python with pytfe, a client of the API of HCP Terraform.
    Pytfe,
    /// A Python with terrasnek, another client of that API.
    Terrasnek,
    /// A Python with the AWS SDK.
    Boto3,
    /// A Python with the command line of AWS.
    AwsCli,
    /// A Python with Google's authentication library.
    GoogleAuth,
    /// A Python with Microsoft's identity library.
    AzureIdentity,
    /// A Python with the Vault client.
    Hvac,
    /// A Python with the Kubernetes client.
    KubernetesClient,
    /// A Python with Tencent Cloud's SDK.
    TencentCloudSdk,
    /// A file with the attributes of the resources that `carnet trust` writes.
    ProviderSchemas,
}

impl Tool {
    fn name(self) -> &'static str {
        match self {
            Self::OpenBao => "openbao",
            Self::SeaweedFs => "seaweedfs",
            Self::Terraform => "terraform",
            Self::Kubectl => "kubectl",
            Self::Envoy => "envoy",
            Self::SoftHsm => "softhsm",
            Self::JoseNode => "jose-node",
            Self::Azurite => "azurite",
            Self::JosePython => "jose-python",
            Self::Schemathesis => "schemathesis",
            Self::Pytfe => "pytfe",
            Self::Terrasnek => "terrasnek",
            Self::Boto3 => "boto3",
            Self::AwsCli => "aws-cli",
            Self::GoogleAuth => "google-auth",
            Self::AzureIdentity => "azure-identity",
            Self::Hvac => "hvac",
            Self::KubernetesClient => "kubernetes",
            Self::TencentCloudSdk => "tencentcloud",
            Self::ProviderSchemas => "provider-schemas",
        }
    }
}

/// What talks to AWS on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AwsClient {
    /// A filesystem mirror that holds the AWS provider.
    Provider {
        /// The root of the mirror.
        mirror: PathBuf,
    },
    /// A Python that has boto3, where the provider cannot be had.
    Boto3 {
        /// The interpreter.
        python: PathBuf,
    },
}

/// Finds or installs a program.
pub async fn tool(tool: Tool) -> anyhow::Result<PathBuf> {
    install(tool.name()).await
}

/// Finds or installs what talks to AWS.
pub async fn aws_client() -> anyhow::Result<AwsClient> {
    let path = install("aws-client").await?;
    Ok(if path.is_dir() { AwsClient::Provider { mirror: path } } else { AwsClient::Boto3 { python: path } })
}

/// The root folder of the workspace.
pub(crate) fn workspace_root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// Looks a program up in `PATH`.
pub(crate) fn in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|candidate| candidate.is_file())
}

async fn install(name: &str) -> anyhow::Result<PathBuf> {
    let output = Command::new("python3")
        .args(["tools/install.py", name])
        .current_dir(workspace_root())
        .stdin(Stdio::null())
        .output()
        .await
        .context("python3 cannot be started")?;
    let answer = String::from_utf8_lossy(&output.stdout);
    match answer.lines().find_map(|line| line.strip_prefix(name)) {
        Some(path) if output.status.success() => Ok(PathBuf::from(path.trim())),
        _ => bail!("{name} cannot be installed:\n{}", String::from_utf8_lossy(&output.stderr)),
    }
}
