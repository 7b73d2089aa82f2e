use super::*;

const PROVIDER: &str =
    "//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/pool/providers/carnet";
const EMAIL: &str = "terraform@host-project.iam.gserviceaccount.com";

fn gcp() -> Presented {
    Presented { identity_provider: Some(PROVIDER.to_owned()), ..presented(FamilyName::Gcp, EMAIL, PROVIDER) }
}

fn said(code: &str, text: &str) -> String {
    format!(
        "Error when reading or editing Project Service: Get \"https://storage.googleapis.com/storage/v1/b\": oauth2/google: \
         status code 400: {{\"error\":\"{code}\",\"error_description\":\"{text}\"}}"
    )
}

#[test]
fn every_refusal_of_google_has_its_own_advice() {
    let flags = "carnet --workload-identity-pool=pool --project=123 --location=global";
    let cases = [
        (
            "invalid_grant",
            "The audience in ID Token [//iam.googleapis.com/x] does not match the expected audience.",
            "Google was given    //iam.googleapis.com/x",
        ),
        (
            "invalid_grant",
            "The issuer in ID Token https://carnet.example does not match the expected ones: https://carnet.example/.",
            "--issuer-uri=https://carnet.example",
        ),
        (
            "unauthorized_client",
            "The given credential is rejected by the attribute condition.",
            "assertion.sub.startsWith(\"organization:acme:project:Default Project:workspace:net:\"), with the closing colon",
        ),
        ("invalid_grant", "ID Token issued at 1713260741 is stale to sign-in.", "compare the clock"),
        ("invalid_grant", "Error connecting to the given credential's issuer.", "--jwk-json-path=FILE"),
        (
            "invalid_request",
            "The size of mapped attribute google.subject exceeds the 127 bytes limit. Either modify your attribute mapping",
            "assertion.terraform_workspace_id + \\\":\\\" + assertion.terraform_run_phase",
        ),
        (
            "invalid_request",
            "Invalid value for \\\"audience\\\". This value should be the full resource name of the Identity Provider. See",
            "it must hold the number of the project",
        ),
        (
            "invalid_target",
            "The target service indicated by the \\\"audience\\\" parameters is invalid. This might either be because",
            "correct TFC_GCP_WORKLOAD_PROVIDER_NAME",
        ),
        ("invalid_grant", "Something that nobody has seen yet.", flags),
    ];
    for (code, text, advice) in cases {
        let advice = advice.replace("\\\"", "\"");
        check(&gcp(), &said(code, text), "", &["GCP: Google refused the identity of the run", &advice]);
    }
}

#[test]
fn the_words_of_google_are_taken_out_of_their_json() {
    let text = "The given credential is rejected by the attribute condition.";
    check(
        &gcp(),
        &said("unauthorized_client", text),
        "",
        &["Google said: rejected by the attribute condition.\n"],
    );
    let text = "Invalid value for \\\"audience\\\". This value should be the full resource name of the Identity Provider.";
    let words = "Google said: Invalid value for \"audience\". This value should be the full resource name of the Identity \
                 Provider.\n";
    check(&gcp(), &said("invalid_request", text), "", &[words]);
}

#[test]
fn an_issuer_that_google_does_not_expect_is_compared() {
    let text = "The issuer in ID Token https://carnet.example does not match the expected ones: https://carnet.examples.";
    check(
        &gcp(),
        &said("invalid_grant", text),
        "",
        &[
            "  differs:    the run's token has https://carnet.example\n",
            "Google expects      https://carnet.examples\n",
            "^ at character 23\n",
        ],
    );
}

#[test]
fn a_service_account_that_the_run_may_not_act_as_is_shown_with_the_binding() {
    let body = "{ \"error\": { \"code\": 403, \"message\": \"Permission 'iam.serviceAccounts.getAccessToken' denied on \
                resource (or it may not exist).\", \"status\": \"PERMISSION_DENIED\", \"details\": [] } }";
    check(
        &gcp(),
        &format!("Failed to get existing workspaces: oauth2/google: status code 403: {body}"),
        "",
        &[
            "tried:      the token exchange of //iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/pool/\
             providers/carnet, then as terraform@host-project.iam.gserviceaccount.com (from \
             TFC_GCP_PLAN_SERVICE_ACCOUNT_EMAIL or TFC_GCP_RUN_SERVICE_ACCOUNT_EMAIL)",
            "denied on resource (or it may not exist).\n",
            "add-iam-policy-binding terraform@host-project.iam.gserviceaccount.com --role=roles/iam.workloadIdentityUser \
             --member='principal://iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/pool/subject/\
             organization:acme:project:Default Project:workspace:net:run_phase:plan'",
        ],
    );
    check(
        &gcp(),
        "IAM Service Account Credentials API has not been used in project 123",
        "",
        &["--project=host-project"],
    );
    check(&gcp(), "Not found; Gaia id not found for email x", "", &["there is no service account"]);
}
