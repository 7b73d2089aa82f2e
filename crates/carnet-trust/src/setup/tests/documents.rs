//! The documents that decide who is trusted, as they are.

use serde_json::{Value, json};

use super::super::{Phases, Scope, SetupError, Subjects, TrustFormat, TrustRequest, setup, write};
use super::{document, json as written, request};

const PLAN: &str = "organization:acme:project:Default Project:workspace:net:run_phase:plan";

#[test]
fn aws_binds_audience_and_subject_under_the_name_of_the_issuer() {
    let mut aws = request("aws", json!({"account-id": "123456789012"}));
    aws.issuer = "https://carnet.example.org/base".into();
    let expected = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": "arn:aws:iam::123456789012:oidc-provider/carnet.example.org/base"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {
                "carnet.example.org/base:aud": "aws.workload.identity",
                "carnet.example.org/base:sub": PLAN,
            }},
        }],
    });
    assert_eq!(document(&aws, "trust-policy-plan"), expected);
    let provider = document(&aws, "open-id-connect-provider");
    let ids = json!(["aws.workload.identity"]);
    assert_eq!(provider, json!({"Url": "https://carnet.example.org/base", "ClientIDList": ids}));
    let variables = written(&aws)["variables"].clone();
    assert_eq!(
        variables[1],
        json!({"key": "TFC_AWS_PLAN_ROLE_ARN", "category": "env",
                                    "value": "arn:aws:iam::123456789012:role/carnet-acme-net-plan"})
    );

    aws.scope = Scope::Project;
    aws.issuer = "https://carnet.example.org".into();
    let condition = document(&aws, "trust-policy-apply")["Statement"][0]["Condition"].clone();
    let expected = json!({
        "StringEquals": {"carnet.example.org:aud": "aws.workload.identity"},
        "StringLike": {"carnet.example.org:sub": "organization:acme:project:Default Project:workspace:*:run_phase:apply"},
    });
    assert_eq!(condition, expected);
    let text = write(&aws, TrustFormat::Terraform).expect("text");
    assert!(text.contains("# WIDE: every workspace of the project Default Project is trusted"), "{text}");
    assert!(text.contains("resource \"tfe_project_variable_set\" \"carnet\""), "{text}");
}

#[test]
fn azure_has_an_exact_credential_for_each_phase_and_no_pattern() {
    let mut azure = request("azure", json!({"subscription-id": "S", "tenant-id": "T"}));
    let expected = json!({
        "name": "carnet-acme-net-plan",
        "issuer": "https://carnet.example.org",
        "subject": PLAN,
        "audiences": ["api://AzureADTokenExchange"],
    });
    assert_eq!(document(&azure, "federated-credential-plan"), expected);
    let keys: Vec<Value> = written(&azure)["variables"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["key"].clone())
        .collect();
    let expected =
        ["TFC_AZURE_PROVIDER_AUTH", "TFC_AZURE_RUN_CLIENT_ID", "ARM_TENANT_ID", "ARM_SUBSCRIPTION_ID"];
    assert_eq!(keys, expected);
    azure.scope = Scope::Organization;
    let refused = setup(&azure).expect_err("no patterns").to_string();
    assert!(refused.contains("character by character"), "{refused}");
}

#[test]
fn azure_can_have_an_application_for_each_phase() {
    let azure = request("azure", json!({"application-per-phase": true}));
    let text = write(&azure, TrustFormat::Terraform).expect("text");
    assert_eq!(text.matches("resource \"azuread_application\" ").count(), 2, "{text}");
    assert!(text.contains("TFC_AZURE_PLAN_CLIENT_ID  = azuread_application.plan.client_id"), "{text}");
    let apply = text.split("resource \"azurerm_role_assignment\" \"apply\"").nth(1).expect("an assignment");
    assert!(
        apply.contains("\"Contributor\"") && !text.contains("a plan has the permissions of an apply"),
        "{text}"
    );
}

#[test]
fn google_is_given_a_subject_that_fits() {
    let mut gcp = request("gcp", json!({"project-id": "prod", "project-number": "42"}));
    gcp.workspace_id = Some("ws-1".into());
    let provider = document(&gcp, "workload-identity-pool-provider");
    assert_eq!(
        provider["attributeMapping"]["google.subject"],
        "assertion.terraform_workspace_id + \":\" + assertion.terraform_run_phase"
    );
    assert_eq!(
        provider["attributeCondition"],
        "assertion.terraform_organization_name == \"acme\" && assertion.terraform_project_name == \"Default Project\" && \
         assertion.terraform_workspace_name == \"net\""
    );
    let pool =
        "principal://iam.googleapis.com/projects/42/locations/global/workloadIdentityPools/carnet-acme-net";
    assert_eq!(document(&gcp, "binding-apply")["members"], json!([format!("{pool}/subject/ws-1:apply")]));

    // Without a space in it, and short enough, the subject itself is the name.
    gcp.project = "network".parse().expect("valid");
    let provider = document(&gcp, "workload-identity-pool-provider");
    assert_eq!(provider["attributeMapping"]["google.subject"], "assertion.sub");
    let subject = "organization:acme:project:network:workspace:net:run_phase:plan";
    assert_eq!(document(&gcp, "binding-plan")["members"], json!([format!("{pool}/subject/{subject}")]));
    gcp.workspace = Some("x".repeat(90).parse().expect("valid"));
    let provider = document(&gcp, "workload-identity-pool-provider");
    assert!(provider["attributeMapping"]["google.subject"].as_str().expect("text").contains("workspace_id"));

    gcp.scope = Scope::Organization;
    let members = document(&gcp, "binding-plan")["members"][0].as_str().expect("text").to_owned();
    assert!(
        members.starts_with("principalSet://") && members.ends_with("/attribute.terraform_run_phase/plan")
    );
}

#[test]
fn google_can_be_asked_as_oneself() {
    let gcp = request("gcp", json!({"project-id": "prod", "direct": true}));
    let text = write(&gcp, TrustFormat::Terraform).expect("text");
    assert!(!text.contains("google_service_account"), "{text}");
    assert!(text.contains("TFC_GCP_PRINCIPAL_TYPE         = \"workload_pool\""), "{text}");
}

#[test]
fn vault_binds_the_subject_exactly_or_as_a_glob() {
    let options = json!({"vault-addr": "https://vault.example.org:8200", "policy-plan": ["read"], "policy-apply": ["read", "write"]});
    let mut vault = request("vault", options);
    let expected = json!({
        "role_type": "jwt",
        "bound_audiences": ["vault.workload.identity"],
        "bound_subject": "",
        "bound_claims_type": "string",
        "bound_claims": {"sub": PLAN},
        "user_claim": "terraform_workspace_id",
        "claim_mappings": {"terraform_run_id": "terraform_run_id", "terraform_run_phase": "terraform_run_phase"},
        "token_policies": ["read"],
        "token_ttl": "20m",
    });
    assert_eq!(document(&vault, "role-plan"), expected);
    let json = written(&vault);
    for (index, path) in [
        "sys/auth/jwt",
        "auth/jwt/config",
        "auth/jwt/role/carnet-acme-net-plan",
        "auth/jwt/role/carnet-acme-net-apply",
    ]
    .iter()
    .enumerate()
    {
        assert_eq!(json["requests"][index]["path"], format!("/v1/{path}"));
    }
    assert_eq!(json["variables"][2]["value"], "carnet-acme-net-plan");
    vault.scope = Scope::Organization;
    let role = document(&vault, "role-plan");
    assert_eq!(role["bound_claims_type"], "glob");
    assert_eq!(role["bound_claims"]["sub"], "organization:acme:project:*:workspace:*:run_phase:plan");
}

#[test]
fn kubernetes_names_users_and_for_a_wider_scope_groups() {
    let mut kubernetes = request("kubernetes", Value::Null);
    let jwt = document(&kubernetes, "authentication-configuration")["jwt"][0].clone();
    assert_eq!(jwt["issuer"], json!({"url": "https://carnet.example.org", "audiences": ["kubernetes"]}));
    assert_eq!(
        jwt["claimMappings"]["username"],
        json!({"claim": "sub", "prefix": "https://carnet.example.org#"})
    );
    let binding = document(&kubernetes, "cluster-role-binding-plan");
    assert_eq!(binding["subjects"][0]["name"], format!("https://carnet.example.org#{PLAN}"));
    assert_eq!(binding["roleRef"]["name"], "view");
    kubernetes.scope = Scope::Project;
    let jwt = document(&kubernetes, "authentication-configuration")["jwt"][0].clone();
    let group = "https://carnet.example.org#organization:acme:project:Default Project:run_phase:";
    assert_eq!(
        jwt["claimMappings"]["groups"]["expression"],
        format!("[\"{group}\" + claims.terraform_run_phase]")
    );
    let binding = document(&kubernetes, "cluster-role-binding-apply");
    assert_eq!(binding["subjects"][0]["kind"], "Group");
    assert_eq!(binding["subjects"][0]["name"], format!("{group}apply"));
}

#[test]
fn the_conditions_for_kubernetes_and_google_are_true_for_this_workspace_alone() {
    for (family, name, claims) in [
        ("gcp", "workload-identity-pool-provider", "assertion"),
        ("kubernetes", "authentication-configuration", "claims"),
    ] {
        let request = request(family, Value::Null);
        let document = document(&request, name);
        let condition = document["attributeCondition"]
            .as_str()
            .or_else(|| document["jwt"][0]["claimValidationRules"][0]["expression"].as_str())
            .expect("a condition");
        let holds = |workspace: &str, project: &str| {
            let subject = format!("organization:acme:project:{project}:workspace:{workspace}:run_phase:plan");
            let token = json!({"sub": subject, "terraform_organization_name": "acme", "terraform_project_name": project,
                               "terraform_workspace_name": workspace, "terraform_run_phase": "plan"});
            let mut context = cel::Context::default();
            context.add_variable(claims, token).expect("a value");
            let program = cel::Program::compile(condition).expect("CEL");
            program.execute(&context).expect("a verdict") == cel::Value::Bool(true)
        };
        assert!(holds("net", "Default Project"), "{condition}");
        assert!(!holds("net-prod", "Default Project") && !holds("net", "Other"), "{condition}");
    }
}

#[test]
fn hcp_compares_the_subject_or_matches_all_of_it() {
    let mut hcp = request("hcp", json!({"hcp-project-id": "11eb"}));
    let provider = document(&hcp, "workload-identity-provider-plan");
    assert_eq!(provider["conditional_access"], format!("jwt_claims.sub == \"{PLAN}\""));
    let name = "iam/project/11eb/service-principal/carnet-acme-net-plan/workload-identity-provider/carnet-acme-net-plan";
    assert_eq!(written(&hcp)["variables"][1]["value"], name);
    hcp.scope = Scope::Project;
    let provider = document(&hcp, "workload-identity-provider-plan");
    let expected = "jwt_claims.sub matches \"^organization:acme:project:Default Project:workspace:[^:]+:run_phase:plan$\"";
    assert_eq!(provider["conditional_access"], expected);
}

#[test]
fn tencent_cloud_binds_issuer_audience_and_subject() {
    let tencent = request("tencentcloud", json!({"account-uin": "100000000001"}));
    let provider = document(&tencent, "oidc-config");
    assert_eq!(
        (&provider["Name"], &provider["ClientId"]),
        (&json!("carnet"), &json!(["tencentcloud.workload.identity"]))
    );
    let statement = document(&tencent, "trust-policy-plan")["statement"][0].clone();
    assert_eq!(
        statement["principal"]["federated"],
        json!(["qcs::cam::uin/100000000001:oidc-provider/carnet"])
    );
    let expected = json!({"string_equal": {
        "oidc:iss": ["https://carnet.example.org"],
        "oidc:aud": ["tencentcloud.workload.identity"],
        "oidc:sub": [PLAN],
    }});
    assert_eq!(statement["condition"], expected);
}

#[test]
fn keys_that_vault_makes_can_be_read_by_the_role_of_the_phase() {
    for (family, path) in [
        ("vault-aws", "aws/sts/carnet-acme-net-plan"),
        ("vault-azure", "azure/creds/carnet-acme-net-plan"),
        ("vault-gcp", "gcp/roleset/carnet-acme-net-plan/token"),
    ] {
        let request = request(family, Value::Null);
        let json = written(&request);
        let requests = json["requests"].as_array().expect("requests");
        let policy = requests
            .iter()
            .find(|one| one["path"] == json!(format!("/v1/sys/policies/acl/carnet-acme-net-plan-{family}")));
        let rules = policy.expect("a policy")["body"]["policy"].as_str().expect("rules");
        assert!(rules.contains(&format!("path \"{path}\" {{ capabilities = [\"read\"] }}")), "{rules}");
        let policies = document(&request, "role-plan")["token_policies"].clone();
        assert_eq!(policies, json!([format!("carnet-acme-net-plan-{family}")]));
    }
}

#[test]
fn other_subjects_are_taken_as_they_are() {
    let mut aws = request("aws", json!({"account-id": "123456789012"}));
    aws.subjects =
        Subjects { plan: Some("acme@org-1/net:plan".into()), apply: Some("acme@org-1/net:apply".into()) };
    let condition = document(&aws, "trust-policy-plan")["Statement"][0]["Condition"]["StringEquals"].clone();
    assert_eq!(condition["carnet.example.org:sub"], "acme@org-1/net:plan");
    aws.scope = Scope::Project;
    assert!(matches!(setup(&aws), Err(SetupError::Option { option: "--subject-plan", .. })));
}

#[test]
fn an_issuer_that_is_known_is_not_made_again() {
    for (family, made) in [
        ("aws", "resource \"aws_iam_openid_connect_provider\""),
        ("vault", "resource \"vault_jwt_auth_backend\""),
        ("gcp", "resource \"google_iam_workload_identity_pool\""),
        ("tencentcloud", "resource \"tencentcloud_cam_role_sso\""),
    ] {
        let mut request: TrustRequest = request(family, Value::Null);
        assert!(write(&request, TrustFormat::Terraform).expect("text").contains(made), "{family}");
        request.knows_issuer = true;
        assert!(!write(&request, TrustFormat::Terraform).expect("text").contains(made), "{family}");
    }
}

#[test]
fn the_phases_of_a_workspace_share_a_provider_of_google_whoever_is_trusted_first() {
    let mut gcp = request("gcp", json!({"project-id": "prod", "project-number": "42"}));
    let both = document(&gcp, "workload-identity-pool-provider");
    let name = written(&gcp)["variables"][1]["value"].clone();
    for phases in [Phases::Plan, Phases::Apply] {
        gcp.phases = phases;
        assert_eq!(document(&gcp, "workload-identity-pool-provider"), both);
        assert_eq!(written(&gcp)["variables"][1]["value"], name);
    }
    gcp.knows_issuer = true;
    for format in [TrustFormat::Terraform, TrustFormat::Cli] {
        let text = write(&gcp, format).expect("text");
        assert!(!text.contains("oidc \\") && !text.contains("attribute_condition"), "{text}");
        assert!(!text.contains("create-oidc") && !text.contains("update-oidc"), "{text}");
    }
    assert_eq!(written(&gcp)["variables"][1]["value"], name);
}

#[test]
fn a_pool_of_google_that_others_use_has_a_provider_for_each_trust() {
    let options = json!({"project-id": "prod", "project-number": "42", "pool": "shared"});
    let mut gcp = request("gcp", options);
    gcp.knows_issuer = true;
    let provider =
        |gcp: &TrustRequest| written(gcp)["variables"][1]["value"].as_str().expect("text").to_owned();
    let net = provider(&gcp);
    gcp.workspace = Some("dns".parse().expect("valid"));
    assert!(net.ends_with("/workloadIdentityPools/shared/providers/carnet-acme-net"), "{net}");
    assert_ne!(net, provider(&gcp));
    assert!(write(&gcp, TrustFormat::Cli).expect("text").contains("create-oidc"));
    gcp.scope = Scope::Project;
    assert!(matches!(setup(&gcp), Err(SetupError::Option { option: "--pool", .. })));
}

#[test]
fn a_second_workspace_of_a_cluster_joins_the_entry_of_its_issuer() {
    let mut kubernetes = request("kubernetes", Value::Null);
    let entry = document(&kubernetes, "authentication-configuration")["jwt"][0].clone();
    kubernetes.knows_issuer = true;
    let rule = document(&kubernetes, "claim-validation-rule");
    assert_eq!(rule["expression"], entry["claimValidationRules"][0]["expression"]);
    assert_eq!(
        entry["claimValidationRules"].as_array().map(Vec::len),
        Some(1),
        "several would all have to hold"
    );
    for format in [TrustFormat::Terraform, TrustFormat::Cli, TrustFormat::Json] {
        let text = write(&kubernetes, format).expect("text");
        assert!(!text.contains("\"jwt\"") && text.contains("||"), "{text}");
    }
}

#[test]
fn a_mount_of_vault_that_knows_the_issuer_is_left_as_it_is() {
    let mut vault = request("vault", Value::Null);
    let paths = |vault: &TrustRequest| written(vault)["requests"].to_string();
    assert!(paths(&vault).contains("auth/jwt/config") && paths(&vault).contains("sys/auth/jwt"));
    vault.knows_issuer = true;
    assert!(!paths(&vault).contains("auth/jwt/config") && !paths(&vault).contains("sys/auth/jwt"));
    assert!(!write(&vault, TrustFormat::Cli).expect("text").contains("write auth/jwt/config"));
}

#[test]
fn no_policy_variable_of_aws_comes_from_a_subject() {
    let mut aws = request("aws", json!({"account-id": "123456789012"}));
    aws.subjects.plan = Some("${carnet.example.org:sub}".into());
    aws.audience = Some("a${aws:username}".into());
    let condition = document(&aws, "trust-policy-plan")["Statement"][0]["Condition"]["StringEquals"].clone();
    assert_eq!(condition["carnet.example.org:sub"], "${$}{carnet.example.org:sub}");
    assert_eq!(condition["carnet.example.org:aud"], "a${$}{aws:username}");
}

#[test]
fn aws_is_told_that_an_issuer_has_no_port() {
    let mut aws = request("aws", Value::Null);
    assert!(!write(&aws, TrustFormat::Terraform).expect("text").contains("a port"));
    aws.issuer = "https://carnet.example.org:8443".into();
    assert!(write(&aws, TrustFormat::Terraform).expect("text").contains("a port"));
}
