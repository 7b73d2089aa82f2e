//! A server, everybody who trusts it, and a workspace that uses them all.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;

use super::{configuration::Places, options::SoakOptions, recorder::Recorder};
use crate::{
    api_client::ApiClient,
    carnet_server::{CarnetServer, ServerOptions},
    certificate_authority::CertificateAuthority,
    open_bao::OpenBao,
    seaweed_fs::{Access, SeaweedFs, SeaweedOptions, TrustedRole},
    stand_in::{
        Entra, EntraOptions, FederatedCredential, Google, GoogleOptions, ServiceAccount, TrustedIssuer,
    },
    tool::AwsClient,
};

/// Where the objects go.
pub(super) const BUCKET: &str = "soak";

const ORGANIZATION: &str = "acme";
const PLAN_LEASE: Duration = Duration::from_mins(20);
const WORKSPACE: &str = "soak";
const AWS_AUDIENCE: &str = "aws.workload.identity";
const AZURE_AUDIENCE: &str = "api://AzureADTokenExchange";
const VAULT_AUDIENCE: &str = "vault.workload.identity";
const TENANT: &str = "00000000-0000-4000-8000-00000000000a";
const APPLICATION: &str = "00000000-0000-4000-8000-00000000000b";
const SUBSCRIPTION: &str = "00000000-0000-4000-8000-00000000000c";
const POOL_PROVIDER: &str = "projects/123/locations/global/workloadIdentityPools/carnet/providers/carnet";
const SERVICE_ACCOUNT: &str = "deployer@project.iam.gserviceaccount.com";

/// Everything that takes part.
#[derive(Debug)]
pub(super) struct Site {
    ca: CertificateAuthority,
    server: CarnetServer,
    pub(super) api: ApiClient,
    pub(super) seaweed: SeaweedFs,
    pub(super) sts: Recorder,
    pub(super) bao: OpenBao,
    pub(super) entra: Entra,
    pub(super) google: Google,
    pub(super) workspace: String,
}

impl Site {
    pub(super) async fn start(options: &SoakOptions, aws: &AwsClient) -> anyhow::Result<Self> {
        let plugin_dir = match aws {
            AwsClient::Provider { mirror } => Some(mirror.clone()),
            AwsClient::Boto3 { .. } => None,
        };
        let ca = CertificateAuthority::new()?;
        let server = CarnetServer::start(ServerOptions { plugin_dir, ..Default::default() }).await?;
        let seaweed = seaweed_options(&server);
        let (seaweed, bao, entra, google) = tokio::try_join!(
            SeaweedFs::start_with_sessions(&seaweed, options.role_session),
            OpenBao::start(&ca),
            Entra::start(&ca, entra_options(&server, options)),
            Google::start(&ca, google_options(&server, options)),
        )?;
        seaweed.create_bucket(BUCKET).await?;
        let sts = Recorder::start(seaweed.endpoint()).await?;
        set_up_vault(&bao, &server, options.vault_token).await?;
        let api = server.api()?;
        api.create_organization(ORGANIZATION).await?;
        let workspace = api.create_workspace(ORGANIZATION, WORKSPACE).await?;
        let site = Self { ca, server, api, seaweed, sts, bao, entra, google, workspace };
        site.set_variables().await?;
        Ok(site)
    }

    async fn set_variables(&self) -> anyhow::Result<()> {
        let [reader, writer] = ["reader", "writer"].map(SeaweedFs::role_arn);
        let vault_ca = BASE64_STANDARD.encode(self.bao.ca_pem());
        let variables = [
            ("TFC_AWS_PROVIDER_AUTH", "true"),
            ("TFC_AWS_PLAN_ROLE_ARN", &reader),
            ("TFC_AWS_APPLY_ROLE_ARN", &writer),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL_STS", self.sts.url()),
            ("AWS_ENDPOINT_URL_S3", self.seaweed.endpoint()),
            ("TFC_VAULT_PROVIDER_AUTH", "true"),
            ("TFC_VAULT_ADDR", self.bao.address()),
            ("TFC_VAULT_PLAN_ROLE", "plan"),
            ("TFC_VAULT_APPLY_ROLE", "apply"),
            ("TFC_VAULT_ENCODED_CACERT", &vault_ca),
            ("TFC_AZURE_PROVIDER_AUTH", "true"),
            ("TFC_AZURE_RUN_CLIENT_ID", APPLICATION),
            // The other source is one token for the whole phase: nothing about it could expire.
            ("TFC_AZURE_TOKEN_SOURCE", "request_url"),
            ("ARM_TENANT_ID", TENANT),
            ("ARM_SUBSCRIPTION_ID", SUBSCRIPTION),
            ("TFC_GCP_PROVIDER_AUTH", "true"),
            ("TFC_GCP_WORKLOAD_PROVIDER_NAME", POOL_PROVIDER),
            ("TFC_GCP_RUN_SERVICE_ACCOUNT_EMAIL", SERVICE_ACCOUNT),
        ];
        self.api.set_environment(&self.workspace, &variables).await
    }

    /// Lets the identity tokens of the phases to come live for this long.
    pub(super) async fn shorten_tokens(&self, life: Duration) -> anyhow::Result<()> {
        let life = format!("{}s", life.as_secs());
        self.api.set_environment(&self.workspace, &[("TFC_WORKLOAD_IDENTITY_TTL", &life)]).await
    }

    /// Where the configuration finds the stand-ins.
    pub(super) fn addresses(&self) -> Places {
        Places { entra: self.entra.url(), google: self.google.url(), ca_pem: self.ca.pem().to_owned() }
    }

    /// Nobody needs the logs of the servers any more.
    pub(super) fn forget_logs(&mut self) {
        self.server.forget_log();
        self.seaweed.process().forget_log();
        self.bao.process().forget_log();
    }
}

fn subject(phase: &str) -> String {
    format!("organization:{ORGANIZATION}:project:Default Project:workspace:{WORKSPACE}:run_phase:{phase}")
}

fn issuer(server: &CarnetServer) -> TrustedIssuer {
    TrustedIssuer { url: server.url(), ca_pem: server.ca_pem().to_owned() }
}

fn seaweed_options(server: &CarnetServer) -> SeaweedOptions {
    let role =
        |name: &str, phase, access| TrustedRole { name: name.to_owned(), subject: subject(phase), access };
    SeaweedOptions {
        issuer_url: server.url(),
        jwks_url: format!("{}/.well-known/jwks", server.url()),
        issuer_ca: server.ca_file(),
        audience: AWS_AUDIENCE.to_owned(),
        roles: vec![role("reader", "plan", Access::Read), role("writer", "apply", Access::Write)],
    }
}

fn entra_options(server: &CarnetServer, options: &SoakOptions) -> EntraOptions {
    let credential = FederatedCredential {
        client_id: APPLICATION.to_owned(),
        subject: subject("apply"),
        audience: AZURE_AUDIENCE.to_owned(),
    };
    EntraOptions {
        issuer: issuer(server),
        tenant: TENANT.to_owned(),
        credentials: vec![credential],
        token_lifetime: options.access_token,
    }
}

fn google_options(server: &CarnetServer, options: &SoakOptions) -> GoogleOptions {
    let account = ServiceAccount { email: SERVICE_ACCOUNT.to_owned(), subject: subject("apply") };
    GoogleOptions {
        issuer: issuer(server),
        provider: POOL_PROVIDER.to_owned(),
        audiences: Vec::new(),
        organization: ORGANIZATION.to_owned(),
        service_accounts: vec![account],
        token_lifetime: options.access_token,
    }
}

async fn set_up_vault(bao: &OpenBao, server: &CarnetServer, lease: Duration) -> anyhow::Result<()> {
    bao.trust_issuer("jwt", &server.url(), server.ca_pem()).await?;
    bao.write_secret("app", json!({"content": "soaked"})).await?;
    bao.write_reader_policy("reader", "app").await?;
    // The plan is over soon: its token needs no renewal.
    for (phase, lease) in [("plan", PLAN_LEASE), ("apply", lease)] {
        let role = json!({
            "role_type": "jwt",
            "user_claim": "terraform_workspace_id",
            "bound_audiences": [VAULT_AUDIENCE],
            "bound_subject": subject(phase),
            // The audit log names the identity token of a login this way.
            "claim_mappings": {"jti": "jti"},
            "token_policies": ["reader"],
            "token_ttl": format!("{}s", lease.as_secs()),
        });
        bao.admin("POST", &format!("auth/jwt/role/{phase}"), role).await?;
    }
    Ok(())
}
