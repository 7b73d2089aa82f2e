//! What each adapter that comes with this crate puts into a run, and asks of whom.

use secrecy::ExposeSecret;

use super::{secrets, settings, values};
use crate::adapter::{AdapterDefinition, PreparedCall, Secrets, TokenUse, shipped};

const UUID: &str = "01234567-89ab-cdef-0123-456789abcdef";

fn definition(name: &str) -> AdapterDefinition {
    let found = shipped().into_iter().find(|one| one.definition.name() == name);
    found.expect("comes with this crate").definition
}

/// Everything that comes of an adapter, one line for each thing.
fn outcome(definition: &AdapterDefinition, given: &[(&str, &str)]) -> Vec<String> {
    let given = settings(given);
    let (token, bearer) = ("J.W.T".into(), "S".into());
    let answers = secrets(&[("access_token", "A")]);
    let source = Some(("http://127.0.0.1:1/x", &bearer));
    let held = Secrets::Held { token: &token, answers: &answers, source };
    let values = values(definition, &given, held);
    definition.check(&values).expect("good settings");
    let rendered = definition.render(&values).expect("renders");
    let mut lines = Vec::new();
    lines.extend(rendered.env.iter().map(|one| format!("{}={}", one.name, one.value.expose_secret())));
    lines
        .extend(rendered.files.iter().map(|one| format!("/h/{}: {}", one.stem, one.content.expose_secret())));
    let attributes = rendered.attributes.iter();
    lines.extend(attributes.map(|(name, value)| format!("{name} = {}", value.as_deref().unwrap_or("null"))));
    lines.extend(definition.exchange_call(&values).expect("renders").iter().flat_map(request));
    lines.extend(definition.revocation_call(&values).expect("renders").iter().flat_map(request));
    lines
}

fn request(call: &PreparedCall) -> Vec<String> {
    let headers = call.headers.iter().map(|(name, value)| format!("{name}: {}", value.expose_secret()));
    let body =
        call.body.iter().map(|(kind, body)| format!("{}: {}", kind.media_type(), body.expose_secret()));
    std::iter::once(format!("{} {}", call.method, call.url)).chain(headers).chain(body).collect()
}

#[track_caller]
fn check(name: &str, token: TokenUse, given: &[(&str, &str)], expected: &[&str]) {
    let definition = definition(name);
    assert_eq!(definition.token_use(), token);
    assert_eq!(outcome(&definition, given), expected);
}

#[test]
fn alibaba_cloud() {
    check(
        "alibaba_cloud",
        TokenUse::Rotated,
        &[("role_arn", "acs:ram::1:role/t"), ("oidc_provider_arn", "acs:ram::1:oidc-provider/c")],
        &[
            "ALIBABA_CLOUD_OIDC_PROVIDER_ARN=acs:ram::1:oidc-provider/c",
            "ALIBABA_CLOUD_OIDC_TOKEN_FILE=/h/tfc-alibaba-cloud-token",
            "ALIBABA_CLOUD_ROLE_ARN=acs:ram::1:role/t",
            "ALIBABA_CLOUD_ROLE_SESSION_NAME=run-1",
            "/h/tfc-alibaba-cloud-token: J.W.T",
            "oidc_provider_arn = acs:ram::1:oidc-provider/c",
            "oidc_token_file = /h/tfc-alibaba-cloud-token",
            "role_arn = acs:ram::1:role/t",
            "role_session_name = run-1",
        ],
    );
}

#[test]
fn artifactory() {
    let body = concat!(
        r#"application/json: {"grant_type":"urn:ietf:params:oauth:grant-type:token-exchange","#,
        r#""identity_mapping_name":"plan \"1\"","provider_name":"carnet","subject_token":"J.W.T","#,
        r#""subject_token_type":"urn:ietf:params:oauth:token-type:id_token"}"#,
    );
    let given = [
        ("url", "https://e.jfrog.io/"),
        ("provider_name", "carnet"),
        ("identity_mapping_name", "plan \"1\""),
    ];
    let expected = [
        "ARTIFACTORY_ACCESS_TOKEN=A",
        "JFROG_ACCESS_TOKEN=A",
        "JFROG_URL=https://e.jfrog.io/",
        "/h/tfc-artifactory-access-token: A",
        "access_token_file = /h/tfc-artifactory-access-token",
        "url = https://e.jfrog.io/",
        "POST https://e.jfrog.io/access/api/v1/oidc/token",
        body,
        "DELETE https://e.jfrog.io/access/api/v1/tokens/me",
        "Authorization: Bearer A",
    ];
    check("artifactory", TokenUse::Login, &given, &expected);
}

#[test]
fn cloudflare() {
    let form = concat!(
        "application/x-www-form-urlencoded: ",
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=J.W.T",
        "&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt&scope=dns%20zones",
    );
    let expected = [
        "CLOUDFLARE_API_TOKEN=A",
        "/h/tfc-cloudflare-api-token: A",
        "api_token_file = /h/tfc-cloudflare-api-token",
        "POST https://x.example.com/cf/token",
        form,
        "POST https://x.example.com/cf/revoke",
        "application/x-www-form-urlencoded: token=A",
    ];
    let given = [("exchange_url", "https://x.example.com/cf"), ("scope", "dns zones")];
    check("cloudflare", TokenUse::Login, &given, &expected);
}

#[test]
fn databricks() {
    check(
        "databricks",
        TokenUse::Rotated,
        &[("host", "https://d.cloud.databricks.com"), ("client_id", UUID)],
        &[
            "DATABRICKS_AUTH_TYPE=file-oidc",
            "DATABRICKS_CLIENT_ID=01234567-89ab-cdef-0123-456789abcdef",
            "DATABRICKS_HOST=https://d.cloud.databricks.com",
            "DATABRICKS_OIDC_TOKEN_FILEPATH=/h/tfc-databricks-token",
            "/h/tfc-databricks-token: J.W.T",
            "account_id = null",
            "client_id = 01234567-89ab-cdef-0123-456789abcdef",
            "host = https://d.cloud.databricks.com",
            "token_file = /h/tfc-databricks-token",
        ],
    );
}

#[test]
fn datadog() {
    let expected =
        ["DD_ORG_UUID=01234567-89ab-cdef-0123-456789abcdef", "TFC_WORKLOAD_IDENTITY_TOKEN_DATADOG=J.W.T"];
    check("datadog", TokenUse::Phase, &[("org_uuid", UUID)], &expected);
}

#[test]
fn github_style() {
    let expected = [
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN=S",
        "ACTIONS_ID_TOKEN_REQUEST_URL=http://127.0.0.1:1/x?api-version=2.0",
    ];
    check("github_style", TokenUse::Source, &[], &expected);
    assert!(definition("github_style").needs_token_source());
}

#[test]
fn ibm() {
    let form = concat!(
        "application/x-www-form-urlencoded: ",
        "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=J.W.T",
        "&subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt&audience=Profile-1",
    );
    let expected = [
        "IC_IAM_PROFILE_ID=Profile-1",
        "IC_IAM_TOKEN=Bearer A",
        "/h/tfc-ibm-iam-token: A",
        "iam_profile_id = Profile-1",
        "iam_token_file = /h/tfc-ibm-iam-token",
        "POST https://x.example.com/ibm/token",
        form,
    ];
    let given = [("exchange_url", "https://x.example.com/ibm"), ("profile_id", "Profile-1")];
    check("ibm", TokenUse::Login, &given, &expected);
}

#[test]
fn oracle() {
    check(
        "oracle",
        TokenUse::Rotated,
        &[("domain_url", "https://idcs-0.identity.oraclecloud.com"), ("client_id", "c0ffee")],
        &[
            "OCI_AUTH=WorkloadIdentityFederation",
            "OCI_TOKEN_EXCHANGE_AUTH=OAuthClientCredentials",
            "OCI_TOKEN_EXCHANGE_CLIENT_ID=c0ffee",
            "OCI_TOKEN_EXCHANGE_DOMAIN_URL=https://idcs-0.identity.oraclecloud.com",
            "OCI_TOKEN_EXCHANGE_REQUESTED_TOKEN_TYPE=urn:oci:token-type:oci-upst",
            "OCI_TOKEN_EXCHANGE_SUBJECT_TOKEN_TYPE=jwt",
            "OCI_WORKLOAD_IDENTITY_TOKEN_PATH=/h/tfc-oracle-token",
            "/h/tfc-oracle-token: J.W.T",
            "client_id = c0ffee",
            "domain_url = https://idcs-0.identity.oraclecloud.com",
            "token_file = /h/tfc-oracle-token",
        ],
    );
}

#[test]
fn snowflake() {
    check(
        "snowflake",
        TokenUse::Phase,
        &[("user", "TERRAFORM"), ("role", "DEPLOYER")],
        &[
            "SNOWFLAKE_AUTHENTICATOR=WORKLOAD_IDENTITY",
            "SNOWFLAKE_ROLE=DEPLOYER",
            "SNOWFLAKE_TOKEN=J.W.T",
            "SNOWFLAKE_USER=TERRAFORM",
            "SNOWFLAKE_WORKLOAD_IDENTITY_PROVIDER=OIDC",
            "/h/tfc-snowflake-token: J.W.T",
            "role = DEPLOYER",
            "token_file = /h/tfc-snowflake-token",
            "user = TERRAFORM",
        ],
    );
}

#[test]
fn tailscale() {
    check(
        "tailscale",
        TokenUse::Phase,
        &[("client_id", "T1-k1")],
        &[
            "TAILSCALE_IDENTITY_TOKEN=J.W.T",
            "TAILSCALE_OAUTH_CLIENT_ID=T1-k1",
            "/h/tfc-tailscale-token: J.W.T",
            "client_id = T1-k1",
            "tailnet = null",
            "token_file = /h/tfc-tailscale-token",
        ],
    );
}

#[test]
fn audiences_have_the_defaults_of_their_vendors() {
    let defaults: Vec<_> = shipped()
        .into_iter()
        .filter_map(|one| {
            let default = one.definition.setting("audience")?.default.clone()?;
            Some((one.definition.name().to_owned(), default))
        })
        .collect();
    let expected = [
        ("alibaba_cloud", "sts.aliyuncs.com"),
        ("oracle", "https://cloud.oracle.com"),
        ("snowflake", "snowflakecomputing.com"),
    ];
    assert_eq!(defaults, expected.map(|(name, default)| (name.to_owned(), default.to_owned())));
}

/// What people read about adapters.
const GUIDE: &str = include_str!("../../../../../docs/adapters.md");

#[test]
fn the_guide_names_what_each_reads_and_sets() {
    for one in shipped().iter().map(|one| &one.definition) {
        let start = format!("| [`{}`]({}) |", one.name(), one.source());
        let row = GUIDE
            .lines()
            .find(|line| line.starts_with(&start))
            .unwrap_or_else(|| panic!("{start} is missing"));
        let upper = one.name().to_ascii_uppercase();
        for setting in one.settings() {
            let name = setting.variables().next().expect("has a name");
            let common =
                [format!("TFC_{upper}_PROVIDER_AUTH"), format!("TFC_{upper}_WORKLOAD_IDENTITY_AUDIENCE")];
            let written = if setting.is_required { format!(" `{name}`") } else { format!("*`{name}`*") };
            assert!(
                common.iter().any(|one| one == name) || row.contains(&written),
                "{written} is not in {row}"
            );
        }
        for (name, _) in one.env() {
            assert!(row.contains(&format!("`{name}`")), "{name} is not in {row}");
        }
        if let Some(default) = one.setting("audience").and_then(|setting| setting.default.as_ref()) {
            assert!(row.contains(&format!("| `{default}` |")), "{default} is not in {row}");
        }
    }
}

#[test]
fn the_example_of_the_guide_is_a_document() {
    let (_, rest) = GUIDE.split_once("```toml\n").expect("has an example");
    let (example, _) = rest.split_once("```\n").expect("ends");
    let definition = AdapterDefinition::parse(example).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(definition.name(), "acme");
}
