//! What each kind of trust is asked with, besides.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use carnet_trust::setup::{
    AwsOptions, AzureOptions, FamilyOptions, GcpOptions, HcpOptions, KubernetesOptions, TencentCloudOptions,
    VaultBackedAwsOptions, VaultBackedAzureOptions, VaultBackedGcpOptions, VaultOptions,
};
use clap::Args;

use super::target::{certificates, web_address};

/// Options of AWS.
#[derive(Debug, Args)]
pub(crate) struct AwsArgs {
    /// The account; Terraform and the script find it out by themselves.
    #[arg(long, value_name = "ID")]
    account_id: Option<String>,
    /// aws, aws-cn or aws-us-gov.
    #[arg(long, value_name = "NAME")]
    partition: Option<String>,
    /// A managed policy of the plan's role; may be repeated.
    #[arg(long, value_delimiter = ',', value_name = "ARN")]
    policy_arn_plan: Vec<String>,
    /// A managed policy of the apply's role; may be repeated.
    #[arg(long, value_delimiter = ',', value_name = "ARN")]
    policy_arn_apply: Vec<String>,
}

/// Options of Azure.
#[derive(Debug, Args)]
pub(crate) struct AzureArgs {
    /// The tenant; asked for when the trust is applied, if not given.
    #[arg(long, value_name = "ID")]
    tenant_id: Option<String>,
    /// The subscription that the roles are assigned in; asked for as well.
    #[arg(long, value_name = "ID")]
    subscription_id: Option<String>,
    /// The display name of the application.
    #[arg(long, value_name = "NAME")]
    application_name: Option<String>,
    /// An application for each phase, so that a plan cannot do what an apply may.
    #[arg(long)]
    application_per_phase: bool,
    /// The role of the plan [default: Reader].
    #[arg(long, value_name = "ROLE")]
    role_plan: Option<String>,
    /// The role of the apply [default: Contributor].
    #[arg(long, value_name = "ROLE")]
    role_apply: Option<String>,
}

/// Options of Google Cloud.
#[derive(Debug, Args)]
pub(crate) struct GcpArgs {
    /// The project that the pool lies in, by its id; asked for when the trust is applied, if not given.
    #[arg(long, value_name = "ID")]
    project_id: Option<String>,
    /// The number of that project; Terraform and the script find it out by themselves.
    #[arg(long, value_name = "NUMBER")]
    project_number: Option<String>,
    /// The pool [default: one for this trust alone].
    #[arg(long, value_name = "ID")]
    pool: Option<String>,
    /// Runs act as themselves, without service accounts.
    #[arg(long)]
    direct: bool,
    /// A service account for plans that is there already.
    #[arg(long, value_name = "EMAIL")]
    service_account_plan: Option<String>,
    /// A service account for applies that is there already.
    #[arg(long, value_name = "EMAIL")]
    service_account_apply: Option<String>,
    /// The role of the plan in the project [default: roles/viewer].
    #[arg(long, value_name = "ROLE")]
    role_plan: Option<String>,
    /// The role of the apply in the project [default: roles/editor].
    #[arg(long, value_name = "ROLE")]
    role_apply: Option<String>,
}

/// Options of Vault.
#[derive(Debug, Args)]
pub(crate) struct VaultArgs {
    /// The address of Vault as runs reach it; asked for when the trust is applied, if not given.
    #[arg(long, value_parser = web_address, value_name = "URL")]
    vault_addr: Option<String>,
    /// The namespace.
    #[arg(long, value_name = "PATH")]
    namespace: Option<String>,
    /// Where the JWT auth method is, or will be, mounted.
    #[arg(long, default_value = "jwt", value_name = "PATH")]
    mount: String,
    /// The policies of the plan's role, separated by commas, which must exist in Vault; without any an empty one is made.
    #[arg(long, value_delimiter = ',', value_parser = policy, value_name = "NAME")]
    policy_plan: Vec<String>,
    /// The policies of the apply's role, separated by commas.
    #[arg(long, value_delimiter = ',', value_parser = policy, value_name = "NAME")]
    policy_apply: Vec<String>,
    /// The certificate authority of Vault, PEM, if it is not publicly trusted.
    #[arg(long, value_name = "FILE")]
    vault_ca_file: Option<PathBuf>,
    /// How long the Vault token lives between renewals.
    #[arg(long, default_value = "20m", value_name = "DURATION")]
    token_ttl: String,
}

/// Options of Kubernetes.
#[derive(Debug, Args)]
pub(crate) struct KubernetesArgs {
    /// The address of the API server, as runs reach it; asked for when the trust is applied, if not given.
    #[arg(long, value_parser = web_address, value_name = "URL")]
    host: Option<String>,
    /// The ClusterRole of the plan [default: view].
    #[arg(long, value_name = "NAME")]
    cluster_role_plan: Option<String>,
    /// The ClusterRole of the apply [default: edit].
    #[arg(long, value_name = "NAME")]
    cluster_role_apply: Option<String>,
    /// The version of AuthenticationConfiguration: v1, or v1beta1 before Kubernetes 1.34 [default: v1].
    #[arg(long, value_name = "VERSION")]
    api_version: Option<String>,
}

/// Options of HCP.
#[derive(Debug, Args)]
pub(crate) struct HcpArgs {
    /// The project of HCP, by its id; asked for when the trust is applied, if not given.
    #[arg(long, value_name = "ID")]
    hcp_project_id: Option<String>,
    /// The role of the plan in the project [default: roles/viewer].
    #[arg(long, value_name = "ROLE")]
    role_plan: Option<String>,
    /// The role of the apply in the project [default: roles/contributor].
    #[arg(long, value_name = "ROLE")]
    role_apply: Option<String>,
}

/// Options of Tencent Cloud.
#[derive(Debug, Args)]
pub(crate) struct TencentCloudArgs {
    /// The account (UIN); asked for when the trust is applied, if not given.
    #[arg(long, value_name = "UIN")]
    account_uin: Option<String>,
    /// A policy of the plan's role, by its name; may be repeated.
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    policy_plan: Vec<String>,
    /// A policy of the apply's role, by its name; may be repeated.
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    policy_apply: Vec<String>,
}

/// Options of AWS keys that Vault makes.
#[derive(Debug, Args)]
pub(crate) struct VaultBackedAwsArgs {
    #[command(flatten)]
    vault: VaultArgs,
    /// Where the secrets engine is mounted [default: aws].
    #[arg(long, value_name = "PATH")]
    engine: Option<String>,
    /// The AWS role that plans get keys of; asked for when the trust is applied, if not given.
    #[arg(long, value_name = "ARN")]
    role_arn_plan: Option<String>,
    /// The AWS role that applies get keys of; asked for as well.
    #[arg(long, value_name = "ARN")]
    role_arn_apply: Option<String>,
}

/// Options of Azure secrets that Vault makes.
#[derive(Debug, Args)]
pub(crate) struct VaultBackedAzureArgs {
    #[command(flatten)]
    vault: VaultArgs,
    /// Where the secrets engine is mounted [default: azure].
    #[arg(long, value_name = "PATH")]
    engine: Option<String>,
    /// The tenant; asked for when the trust is applied, if not given.
    #[arg(long, value_name = "ID")]
    tenant_id: Option<String>,
    /// The subscription that the roles are in; asked for as well.
    #[arg(long, value_name = "ID")]
    subscription_id: Option<String>,
    /// The role of the plan [default: Reader].
    #[arg(long, value_name = "ROLE")]
    role_plan: Option<String>,
    /// The role of the apply [default: Contributor].
    #[arg(long, value_name = "ROLE")]
    role_apply: Option<String>,
}

/// Options of Google credentials that Vault makes.
#[derive(Debug, Args)]
pub(crate) struct VaultBackedGcpArgs {
    #[command(flatten)]
    vault: VaultArgs,
    /// Where the secrets engine is mounted [default: gcp].
    #[arg(long, value_name = "PATH")]
    engine: Option<String>,
    /// The project, by its id; asked for when the trust is applied, if not given.
    #[arg(long, value_name = "ID")]
    project_id: Option<String>,
    /// The role of the plan in the project [default: roles/viewer].
    #[arg(long, value_name = "ROLE")]
    role_plan: Option<String>,
    /// The role of the apply in the project [default: roles/editor].
    #[arg(long, value_name = "ROLE")]
    role_apply: Option<String>,
}

fn policy(text: &str) -> Result<String, String> {
    let is_name =
        !text.is_empty() && text.chars().all(|character| !character.is_whitespace() && character != '"');
    if is_name { Ok(text.to_owned()) } else { Err("a policy has a name without spaces".to_owned()) }
}

/// Options as the generator takes them; files are read here.
pub(crate) trait Family {
    fn into_options(self) -> anyhow::Result<FamilyOptions>;
}

impl VaultArgs {
    fn read(self) -> anyhow::Result<VaultOptions> {
        let ca = self.vault_ca_file.as_deref().map(certificates).transpose()?;
        Ok(VaultOptions {
            vault_addr: self.vault_addr,
            namespace: self.namespace,
            mount: Some(self.mount),
            policy_plan: self.policy_plan,
            policy_apply: self.policy_apply,
            encoded_ca: ca.map(|pem| STANDARD.encode(pem)),
            token_ttl: Some(self.token_ttl),
        })
    }
}

impl Family for AwsArgs {
    fn into_options(self) -> anyhow::Result<FamilyOptions> {
        Ok(FamilyOptions::Aws(AwsOptions {
            account_id: self.account_id,
            partition: self.partition,
            policy_arns_plan: self.policy_arn_plan,
            policy_arns_apply: self.policy_arn_apply,
        }))
    }
}

impl Family for AzureArgs {
    fn into_options(self) -> anyhow::Result<FamilyOptions> {
        let Self {
            tenant_id,
            subscription_id,
            application_name,
            application_per_phase,
            role_plan,
            role_apply,
        } = self;
        Ok(FamilyOptions::Azure(AzureOptions {
            tenant_id,
            subscription_id,
            application_name,
            application_per_phase,
            role_plan,
            role_apply,
        }))
    }
}

impl Family for GcpArgs {
    fn into_options(self) -> anyhow::Result<FamilyOptions> {
        Ok(FamilyOptions::Gcp(GcpOptions {
            project_id: self.project_id,
            project_number: self.project_number,
            pool: self.pool,
            direct: self.direct,
            service_account_plan: self.service_account_plan,
            service_account_apply: self.service_account_apply,
            role_plan: self.role_plan,
            role_apply: self.role_apply,
        }))
    }
}

impl Family for VaultArgs {
    fn into_options(self) -> anyhow::Result<FamilyOptions> {
        Ok(FamilyOptions::Vault(self.read()?))
    }
}

impl Family for KubernetesArgs {
    fn into_options(self) -> anyhow::Result<FamilyOptions> {
        Ok(FamilyOptions::Kubernetes(KubernetesOptions {
            host: self.host,
            cluster_role_plan: self.cluster_role_plan,
            cluster_role_apply: self.cluster_role_apply,
            api_version: self.api_version,
        }))
    }
}

impl Family for HcpArgs {
    fn into_options(self) -> anyhow::Result<FamilyOptions> {
        Ok(FamilyOptions::Hcp(HcpOptions {
            hcp_project_id: self.hcp_project_id,
            role_plan: self.role_plan,
            role_apply: self.role_apply,
        }))
    }
}

impl Family for TencentCloudArgs {
    fn into_options(self) -> anyhow::Result<FamilyOptions> {
        Ok(FamilyOptions::TencentCloud(TencentCloudOptions {
            account_uin: self.account_uin,
            policies_plan: self.policy_plan,
            policies_apply: self.policy_apply,
        }))
    }
}

impl Family for VaultBackedAwsArgs {
    fn into_options(self) -> anyhow::Result<FamilyOptions> {
        Ok(FamilyOptions::VaultBackedAws(VaultBackedAwsOptions {
            vault: self.vault.read()?,
            engine: self.engine,
            role_arn_plan: self.role_arn_plan,
            role_arn_apply: self.role_arn_apply,
        }))
    }
}

impl Family for VaultBackedAzureArgs {
    fn into_options(self) -> anyhow::Result<FamilyOptions> {
        Ok(FamilyOptions::VaultBackedAzure(VaultBackedAzureOptions {
            vault: self.vault.read()?,
            engine: self.engine,
            tenant_id: self.tenant_id,
            subscription_id: self.subscription_id,
            role_plan: self.role_plan,
            role_apply: self.role_apply,
        }))
    }
}

impl Family for VaultBackedGcpArgs {
    fn into_options(self) -> anyhow::Result<FamilyOptions> {
        Ok(FamilyOptions::VaultBackedGcp(VaultBackedGcpOptions {
            vault: self.vault.read()?,
            engine: self.engine,
            project_id: self.project_id,
            role_plan: self.role_plan,
            role_apply: self.role_apply,
        }))
    }
}
