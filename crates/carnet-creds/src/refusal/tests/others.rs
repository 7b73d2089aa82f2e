use super::*;

fn kubernetes() -> Presented {
    Presented {
        env: env(&[("KUBE_HOST", "https://10.0.0.1:6443")]),
        ..presented(FamilyName::Kubernetes, "", "kubernetes")
    }
}

#[test]
fn an_api_server_that_does_not_take_the_token_is_explained() {
    let parts = [
        "Kubernetes refused the identity of the run",
        "a request with the token as bearer to https://10.0.0.1:6443",
        "issuer.url \"https://carnet.example\" and \"kubernetes\" among issuer.audiences",
        "TFC_KUBERNETES_WORKLOAD_IDENTITY_AUDIENCE",
    ];
    let place = "with kubernetes_namespace.n, on main.tf line 1, in resource \"kubernetes_namespace\" \"n\"";
    check(&kubernetes(), "Unauthorized", place, &parts);
    check(
        &kubernetes(),
        "Invalid credentials",
        "The credentials configured in the provider block are not accepted by the API server. Error: Unauthorized",
        &parts,
    );
    let unreachable =
        "Kubernetes cluster unreachable: the server has asked for the client to provide credentials";
    check(&kubernetes(), unreachable, "", &parts);
    check_nothing(&kubernetes(), "Unauthorized");
    check_nothing(&kubernetes(), "error reading from Vault: 401 Unauthorized");
}

#[test]
fn a_user_without_permission_is_named() {
    let forbidden = |user: &str| {
        format!(
            "namespaces is forbidden: User \"{user}\" cannot create resource \"namespaces\" in API group \"\" at the \
             cluster scope"
        )
    };
    let user = format!("{ISSUER}#{PLAN}");
    check(&kubernetes(), &forbidden(&user), "", &[&format!("--user='{user}'")]);
    check(&kubernetes(), &forbidden("jane"), "", &["as \"jane\", which is not the subject of this token"]);
    check(&kubernetes(), &forbidden("system:anonymous"), "", &["no token was presented"]);
}

#[test]
fn every_refusal_of_hcp_has_its_own_advice() {
    let name = "iam/project/1/service-principal/p/workload-identity-provider/w";
    let hcp = presented(FamilyName::Hcp, name, name);
    let cases = [
        ("404", "workload identity provider not found", "correct TFC_HCP_PLAN_PROVIDER_RESOURCE_NAME or"),
        ("401", "token audience is not allowed", "to the allowed audiences of iam/project/1"),
        ("401", "token issuer does not match", "to exactly \"https://carnet.example\""),
        ("401", "token is expired", "compare the clock"),
        (
            "403",
            "token does not satisfy the conditional access statement",
            "jwt_claims.sub == `organization:acme",
        ),
        ("401", "something else", "compare the issuer"),
    ];
    for (status, text, advice) in cases {
        let summary = format!(
            "unable to get project: Get \"https://api.cloud.hashicorp.com/x\": exchange token status code {status}: \
             {{\"code\":16,\"message\":\"{text}\",\"details\":[]}}"
        );
        check(&hcp, &summary, "", &[&format!("HCP said:   exchange token status code {status}"), advice]);
    }
}

#[test]
fn every_refusal_of_tencent_cloud_has_its_own_advice() {
    let role = "qcs::cam::uin/100:roleName/terraform";
    let tencent = presented(FamilyName::TencentCloud, role, "tencentcloud.workload.identity");
    let cases = [
        (
            "InvalidParameter.WebIdentityTokenError",
            "The web identity token is invalid.",
            "its client id \"tencentcloud.",
        ),
        (
            "ResourceNotFound.RoleNotFound",
            "The role does not exist.",
            "correct TFC_TENCENTCLOUD_PLAN_ROLE_ARN or",
        ),
        ("InvalidParameter.OverTimeError", "The duration is too long.", "lower session_duration"),
        ("UnauthorizedOperation", "AssumeRoleWithWebIdentity is refused.", "\"string_equal\""),
        ("InvalidParameter.ParamError", "AssumeRoleWithWebIdentity: wrong.", "correct provider_id"),
    ];
    for (code, text, advice) in cases {
        let error = format!("[TencentCloudSDKError] Code={code}, Message={text}, RequestId=1-2-3");
        let said = format!("Tencent Cloud said: [TencentCloudSDKError] Code={code}, Message={text}\n");
        check(&tencent, &error, "", &[&said, advice]);
    }
}

#[test]
fn credentials_of_vault_that_are_too_new_need_a_pause() {
    let keys = Presented { claims: Claims::default(), ..presented(FamilyName::VaultBackedAws, "d", "") };
    let error = "operation error STS: GetCallerIdentity, https response error StatusCode: 403, RequestID: x, api error \
                 InvalidClientTokenId: The security token included in the request is invalid.";
    let found = explained(std::slice::from_ref(&keys), error, "");
    let text = found[0].to_string();
    assert!(text.contains("set TFC_VAULT_BACKED_AWS_SLEEP_SECONDS to 10"), "{text}");
    assert!(!text.contains("presented:"), "{text}");
    let secret = Presented { family: FamilyName::VaultBackedAzure, ..keys };
    let error = "AADSTS7000215: Invalid client secret provided.";
    check(&secret, error, "", &["set TFC_VAULT_BACKED_AZURE_SLEEP_SECONDS to 60"]);
}
