use super::*;

const ROLE: &str = "arn:aws:iam::123456789012:role/terraform";

fn aws() -> Presented {
    Presented {
        env: env(&[("AWS_REGION", "eu-west-1")]),
        ..presented(FamilyName::Aws, ROLE, "aws.workload.identity")
    }
}

fn sdk(status: u16, error: &str) -> String {
    format!(
        "Retrieving AWS account details: validating provider credentials: retrieving caller identity from STS: operation \
         error STS: GetCallerIdentity, get identity: get credentials: failed to refresh cached credentials, failed to \
         retrieve credentials, operation error STS: AssumeRoleWithWebIdentity, https response error StatusCode: {status}, \
         RequestID: 4a8524d5-fc0e-46ff-9000-fd823d1b8661, {error}"
    )
}

#[test]
fn a_role_that_does_not_trust_the_run_is_shown_with_the_condition_that_would() {
    let error = "api error AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity";
    let found =
        explained(&[aws()], &sdk(403, error), "with provider[\"registry.terraform.io/hashicorp/aws\"]");
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].to_string(),
        "AWS refused the identity of the run\n\
         \u{20} tried:      AssumeRoleWithWebIdentity at https://sts.eu-west-1.amazonaws.com, role \
         arn:aws:iam::123456789012:role/terraform (from TFC_AWS_PLAN_ROLE_ARN or TFC_AWS_RUN_ROLE_ARN)\n\
         \u{20} presented:  iss = https://carnet.example\n\
         \u{20}             sub = organization:acme:project:Default Project:workspace:net:run_phase:plan\n\
         \u{20}             aud = aws.workload.identity\n\
         \u{20}             exp = 1970-01-01T00:00:00Z\n\
         \u{20} AWS said:   api error AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity\n\
         \u{20} cause:      the trust policy of the role does not let this token in (another subject, audience or identity \
         provider), or the role does not exist; AWS does not say which\n\
         \u{20} likely fix: if arn:aws:iam::123456789012:role/terraform belongs to another phase or workspace, give the plan \
         its own with TFC_AWS_PLAN_ROLE_ARN and TFC_AWS_APPLY_ROLE_ARN; only if it is meant for this workspace and this \
         phase, its trust policy must have a statement with\n\
         \u{20}               \"Action\": \"sts:AssumeRoleWithWebIdentity\",\n\
         \u{20}               \"Principal\": {\"Federated\":\"arn:aws:iam::123456789012:oidc-provider/carnet.example\"},\n\
         \u{20}               \"Condition\": {\"StringEquals\":{\"carnet.example:aud\":\"aws.workload.identity\",\
         \"carnet.example:sub\":\"organization:acme:project:Default Project:workspace:net:run_phase:plan\"}}"
    );
}

#[test]
fn every_refusal_of_aws_has_its_own_advice() {
    let cases = [
        (
            "api error InvalidIdentityToken: No OpenIDConnect provider found in your account for https://carnet.example",
            "--url https://carnet.example --client-id-list aws.workload.identity",
        ),
        (
            "api error InvalidIdentityToken: Incorrect token audience",
            "--open-id-connect-provider-arn arn:aws:iam::123456789012:oidc-provider/carnet.example --client-id aws.workload",
        ),
        (
            "api error InvalidIdentityToken: OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint",
            "update-open-id-connect-provider-thumbprint",
        ),
        (
            "api error InvalidIdentityToken: Couldn't retrieve verification key from your identity provider,  please \
             reference AssumeRoleWithWebIdentity documentation for requirements",
            "https://carnet.example/.well-known/openid-configuration",
        ),
        (
            "api error IDPCommunicationError: Couldn't retrieve verification key from your identity provider",
            "reachable from the internet",
        ),
        (
            "api error ExpiredTokenException: Token expired: current date/time 1 must be before the expiration date/time 0",
            "compare the clock of the server",
        ),
        ("api error ValidationError: Request ARN is invalid", "arn:aws:iam::ACCOUNT:role/NAME"),
        (
            "api error RegionDisabledException: STS is not activated in this region for account:1",
            "https://sts.eu-west-1.amazonaws.com is not active",
        ),
        (
            "api error InvalidIdentityToken: Provided Token is not a Login With Amazon token",
            "character by character",
        ),
    ];
    for (error, advice) in cases {
        // The text of AWS has two spaces in one place, which Terraform's line breaks do not keep.
        let said = error.split_whitespace().collect::<Vec<_>>().join(" ");
        check(&aws(), &sdk(400, error), "", &[&format!("AWS said:   {said}"), advice]);
    }
}

#[test]
fn other_clients_say_it_in_other_words() {
    let boto = "botocore.exceptions.ClientError: An error occurred (AccessDenied) when calling the \
                AssumeRoleWithWebIdentity operation: trust policy denies web identity assumption";
    let output = format!("terraform_data.copy (local-exec): {boto}\n");
    let found = find(&messages(&output), &[aws()]);
    assert_eq!(found.len(), 1);
    let said = "AWS said:   An error occurred (AccessDenied) when calling the AssumeRoleWithWebIdentity operation: trust \
                policy denies web identity assumption";
    assert!(found[0].to_string().contains(said), "{}", found[0]);
    check(
        &aws(),
        "WebIdentityErr: failed to retrieve credentials",
        "caused by: InvalidIdentityToken: Incorrect token audience status code: 400, request id: x",
        &["AWS said:   InvalidIdentityToken: Incorrect token audience\n"],
    );
    check(
        &aws(),
        "No valid credential sources found",
        "Error: failed to refresh cached credentials, no EC2 IMDS role found",
        &["var.tfc_aws_dynamic_credentials.aliases"],
    );
}

#[test]
fn an_account_that_looked_for_another_issuer_is_compared() {
    let error = "api error InvalidIdentityToken: No OpenIDConnect provider found in your account for \
                 https://carnet.example/";
    check(
        &aws(),
        &sdk(400, error),
        "",
        &[
            "  differs:    the run's token has https://carnet.example\n",
            "AWS looked for      https://carnet.example/\n",
            "^ at character 23: AWS looked for has a slash at its end",
        ],
    );
}

#[test]
fn what_is_no_refusal_of_the_identity_is_left_alone() {
    check_nothing(&aws(), "operation error S3: PutObject, api error AccessDenied: Access Denied");
    check_nothing(&aws(), "Error acquiring the state lock");
    let azure = presented(FamilyName::Azure, "c", "a");
    check_nothing(&azure, &sdk(403, "api error AccessDenied: Not authorized"));
}
