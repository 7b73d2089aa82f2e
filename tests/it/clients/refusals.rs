//! The stand-ins themselves: each gives a credential for a right token and refuses every other one as the real
//! service does.

use carnet_tests::{
    Answer, Entra, EntraOptions, FederatedCredential, Forgery, Google, GoogleOptions, Hcp, HcpOptions,
    JsonClient, Kubernetes, KubernetesOptions, ServiceAccount, TencentCloud, TencentOptions, TencentRole,
    WorkloadProvider,
};
use serde_json::{Value, json};

use super::bench::{Bench, Case, HOUR, Verdict, subject};

const POOL: &str = "projects/123/locations/global/workloadIdentityPools/p/providers/q";
const TENANT: &str = "00000000-0000-4000-8000-00000000000a";
const CLIENT: &str = "00000000-0000-4000-8000-00000000000b";
const HCP_PROVIDER: &str = "iam/project/p/service-principal/s/workload-identity-provider/w";
const TENCENT_ROLE: &str = "qcs::cam::uin/100:roleName/r";

/// The same verdict on every token that the issuer has not signed.
fn with_forgeries(verdicts: &[Verdict], others: impl Fn(Forgery) -> (u16, &'static str)) -> Vec<Verdict> {
    let forgeries = Forgery::ALL.map(|forgery| {
        let (status, code) = others(forgery);
        (Case::Forged(forgery), status, code)
    });
    verdicts.iter().copied().chain(forgeries).collect()
}

/// A text in an answer; an answer without it is one that was accepted.
fn text(value: &Value) -> String {
    value.as_str().unwrap_or("accepted").to_owned()
}

#[tokio::test]
async fn google_exchanges_and_impersonates_for_the_bound_subject_only() -> anyhow::Result<()> {
    let audience = format!("//iam.googleapis.com/{POOL}");
    let bench = Bench::start(&audience).await?;
    let email = "deployer@project.iam.gserviceaccount.com";
    let options = GoogleOptions {
        issuer: bench.trusted(),
        provider: POOL.to_owned(),
        audiences: Vec::new(),
        organization: "acme".to_owned(),
        service_accounts: vec![ServiceAccount { email: email.to_owned(), subject: subject() }],
        token_lifetime: HOUR,
    };
    let google = Google::start(&bench.ca, options).await?;
    let client = JsonClient::new(&google.url(), Some(bench.ca.pem()))?;
    let exchange = async |token: String, audience: &str| {
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("audience", audience),
            ("scope", "https://www.googleapis.com/auth/iam"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token", &token),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ];
        client.post_form("/v1/token", &fields).await
    };
    let verdicts = [
        (Case::Good, 200, "accepted"),
        // Another phase comes in: what it may impersonate is decided below.
        (Case::OtherPhase, 200, "accepted"),
        (Case::OtherOrganization, 400, "unauthorized_client"),
        (Case::OtherAudience, 400, "invalid_grant"),
        (Case::OtherIssuer, 400, "invalid_grant"),
        (Case::Expired, 400, "invalid_grant"),
        (Case::NotYetValid, 400, "invalid_grant"),
        (Case::Rubbish, 400, "invalid_grant"),
    ];
    let verdicts = with_forgeries(&verdicts, |_| (400, "invalid_grant"));
    let present = async |token| exchange(token, &audience).await;
    let code = |answer: &Answer| text(&answer.body["error"]);
    bench.check(&verdicts, present, code, || google.record()).await?;
    let other = exchange(bench.token(Case::Good).await?, "//iam.googleapis.com/projects/1").await?;
    assert_eq!(other.body["error"], "invalid_target");

    let path = format!("/v1/projects/-/serviceAccounts/{email}:generateAccessToken");
    let body = json!({"scope": ["https://www.googleapis.com/auth/cloud-platform"], "lifetime": "3600s"});
    for (case, status) in [(Case::Good, 200), (Case::OtherPhase, 403)] {
        let federated = exchange(bench.token(case).await?, &audience).await?.success()?;
        let bearer = format!("Bearer {}", text(&federated["access_token"]));
        let impersonating = client.clone().with_header("authorization", &bearer);
        let answer = impersonating.request("POST", &path, Some(&body)).await?;
        assert_eq!(answer.status, status, "{case:?}: {}", answer.body);
        if status == 200 {
            let path = format!("/tokeninfo?access_token={}", text(&answer.body["accessToken"]));
            assert_eq!(client.request("GET", &path, None).await?.success()?["email"], email);
        }
    }
    let anonymous = client.request("POST", &path, Some(&body)).await?;
    assert_eq!((anonymous.status, &anonymous.body["error"]["status"]), (401, &json!("UNAUTHENTICATED")));
    Ok(())
}

#[tokio::test]
async fn entra_compares_issuer_subject_and_audience_exactly() -> anyhow::Result<()> {
    let bench = Bench::start("api://AzureADTokenExchange").await?;
    let credential = FederatedCredential {
        client_id: CLIENT.to_owned(),
        subject: subject(),
        audience: bench.audience.clone(),
    };
    let options = EntraOptions {
        issuer: bench.trusted(),
        tenant: TENANT.to_owned(),
        credentials: vec![credential],
        token_lifetime: HOUR,
    };
    let entra = Entra::start(&bench.ca, options).await?;
    let client = JsonClient::new(&entra.url(), Some(bench.ca.pem()))?;
    let ask = async |tenant: &str, id: &str, token: String| {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", id),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &token),
            ("scope", "https://management.azure.com/.default"),
        ];
        client.post_form(&format!("/{tenant}/oauth2/v2.0/token"), &fields).await
    };
    let verdicts = [
        (Case::Good, 200, "accepted"),
        (Case::OtherPhase, 401, "700213"),
        (Case::OtherOrganization, 401, "700213"),
        (Case::OtherAudience, 401, "700212"),
        (Case::OtherIssuer, 401, "700211"),
        (Case::Expired, 401, "700024"),
        (Case::NotYetValid, 401, "700024"),
        (Case::Rubbish, 401, "700211"),
    ];
    let verdicts = with_forgeries(&verdicts, |forgery| match forgery {
        Forgery::OtherClaims => (401, "700213"),
        Forgery::OtherKey
        | Forgery::UnknownKey
        | Forgery::NoSignature
        | Forgery::PublicKeyAsSecret
        | Forgery::ShortSignature => (400, "50027"),
    });
    let code = |answer: &Answer| match answer.body["error_codes"][0].as_u64() {
        Some(code) => code.to_string(),
        None => "accepted".to_owned(),
    };
    bench.check(&verdicts, async |token| ask(TENANT, CLIENT, token).await, code, || entra.record()).await?;

    let token = bench.token(Case::Good).await?;
    let [tenant, application] =
        [ask("nobody", CLIENT, token.clone()).await?, ask(TENANT, "nobody", token.clone()).await?];
    assert_eq!((tenant.status, code(&tenant)), (400, "90002".to_owned()));
    assert_eq!((application.status, code(&application)), (400, "700016".to_owned()));
    let granted = ask(TENANT, CLIENT, token).await?.success()?;
    for (access, status) in [(text(&granted["access_token"]), 200), ("of-nobody".to_owned(), 401)] {
        let client = client.clone().with_header("authorization", &format!("Bearer {access}"));
        let answer = client.request("GET", "/subscriptions?api-version=2022-12-01", None).await?;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    Ok(())
}

#[tokio::test]
async fn kubernetes_checks_the_token_of_every_request() -> anyhow::Result<()> {
    let bench = Bench::start("kubernetes").await?;
    let options = KubernetesOptions {
        issuer: bench.trusted(),
        audiences: vec!["kubernetes".to_owned()],
        username_prefix: "carnet#".to_owned(),
        viewers: vec![format!("carnet#{}", subject())],
        editors: Vec::new(),
    };
    let kubernetes = Kubernetes::start(&bench.ca, options).await?;
    let client = JsonClient::new(&kubernetes.url(), Some(bench.ca.pem()))?;
    let list = async |token: String| {
        let client = client.clone().with_header("authorization", &format!("Bearer {token}"));
        client.request("GET", "/api/v1/namespaces", None).await
    };
    let verdicts = [
        (Case::Good, 200, "accepted"),
        (Case::OtherPhase, 403, "Forbidden"),
        (Case::OtherOrganization, 403, "Forbidden"),
        (Case::OtherAudience, 401, "Unauthorized"),
        (Case::OtherIssuer, 401, "Unauthorized"),
        (Case::Expired, 401, "Unauthorized"),
        (Case::NotYetValid, 401, "Unauthorized"),
        (Case::Rubbish, 401, "Unauthorized"),
    ];
    let verdicts = with_forgeries(&verdicts, |_| (401, "Unauthorized"));
    let code = |answer: &Answer| text(&answer.body["reason"]);
    bench.check(&verdicts, list, code, || kubernetes.record()).await?;
    assert_eq!(client.request("GET", "/version", None).await?.status, 401);
    let token = bench.token(Case::Good).await?;
    let viewer = client.with_header("authorization", &format!("Bearer {token}"));
    let body = json!({"metadata": {"name": "new"}});
    assert_eq!(viewer.request("POST", "/api/v1/namespaces", Some(&body)).await?.status, 403);
    Ok(())
}

#[tokio::test]
async fn hcp_exchanges_for_the_provider_of_the_subject_only() -> anyhow::Result<()> {
    let bench = Bench::start(HCP_PROVIDER).await?;
    let provider = WorkloadProvider {
        resource_name: HCP_PROVIDER.to_owned(),
        audiences: Vec::new(),
        subject: subject(),
    };
    let options = HcpOptions { issuer: bench.trusted(), providers: vec![provider], token_lifetime: HOUR };
    let hcp = Hcp::start(&bench.ca, options).await?;
    let client = JsonClient::new(&hcp.url(), Some(bench.ca.pem()))?;
    let exchange = async |name: &str, token: String| {
        let path = format!("/2019-12-10/{name}/exchange-token");
        client.request("POST", &path, Some(&json!({"jwt_token": token}))).await
    };
    let verdicts = [
        (Case::Good, 200, "accepted"),
        (Case::OtherPhase, 403, "7"),
        (Case::OtherOrganization, 403, "7"),
        (Case::OtherAudience, 401, "16"),
        (Case::OtherIssuer, 401, "16"),
        (Case::Expired, 401, "16"),
        (Case::NotYetValid, 401, "16"),
        (Case::Rubbish, 401, "16"),
    ];
    let verdicts = with_forgeries(&verdicts, |_| (401, "16"));
    let code =
        |answer: &Answer| answer.body["code"].as_u64().map_or("accepted".to_owned(), |c| c.to_string());
    bench.check(&verdicts, async |token| exchange(HCP_PROVIDER, token).await, code, || hcp.record()).await?;

    let token = bench.token(Case::Good).await?;
    assert_eq!(exchange("iam/project/p", token.clone()).await?.status, 404);
    let access = exchange(HCP_PROVIDER, token).await?.success()?;
    let bearer = format!("Bearer {}", text(&access["access_token"]));
    assert_eq!(client.request("GET", "/iam/2019-12-10/caller-identity", None).await?.status, 401);
    let client = client.with_header("authorization", &bearer);
    client.request("GET", "/iam/2019-12-10/caller-identity", None).await?.success()?;
    Ok(())
}

#[tokio::test]
async fn tencent_gives_keys_for_the_role_of_the_subject_only() -> anyhow::Result<()> {
    let bench = Bench::start("tencentcloud.workload.identity").await?;
    let options = TencentOptions {
        issuer: bench.trusted(),
        provider: "carnet".to_owned(),
        audience: bench.audience.clone(),
        roles: vec![TencentRole { arn: TENCENT_ROLE.to_owned(), subject: subject() }],
        credential_lifetime: HOUR,
    };
    let tencent = TencentCloud::start(&bench.ca, options).await?;
    let client = JsonClient::new(&tencent.url(), Some(bench.ca.pem()))?
        .with_header("x-tc-action", "AssumeRoleWithWebIdentity")
        .with_header("x-tc-version", "2018-08-13");
    let assume = async |role: &str, token: String| {
        let body = json!({"ProviderId": "carnet", "WebIdentityToken": token, "RoleArn": role,
                          "RoleSessionName": "run-1", "DurationSeconds": 7200});
        client.request("POST", "/", Some(&body)).await
    };
    const TOKEN_ERROR: &str = "InvalidParameter.WebIdentityTokenError";
    let verdicts = [
        (Case::Good, 200, "accepted"),
        (Case::OtherPhase, 200, "UnauthorizedOperation"),
        (Case::OtherOrganization, 200, "UnauthorizedOperation"),
        (Case::OtherAudience, 200, TOKEN_ERROR),
        (Case::OtherIssuer, 200, TOKEN_ERROR),
        (Case::Expired, 200, TOKEN_ERROR),
        (Case::NotYetValid, 200, TOKEN_ERROR),
        (Case::Rubbish, 200, TOKEN_ERROR),
    ];
    let verdicts = with_forgeries(&verdicts, |_| (200, TOKEN_ERROR));
    let code = |answer: &Answer| text(&answer.body["Response"]["Error"]["Code"]);
    bench
        .check(&verdicts, async |token| assume(TENCENT_ROLE, token).await, code, || tencent.record())
        .await?;
    let answer = assume("qcs::cam::uin/100:roleName/other", bench.token(Case::Good).await?).await?;
    assert_eq!(code(&answer), "ResourceNotFound.RoleNotFound");
    Ok(())
}
