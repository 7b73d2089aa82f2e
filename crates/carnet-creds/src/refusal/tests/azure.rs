use super::*;

const CLIENT: &str = "af3110ba-0ba9-4412-b1a0-59f50b7e9273";
const TAIL: &str = " Trace ID: 8335980a-8604-4005-a5e1-f678003d5b01 Correlation ID: c3a1f4bb-2b8a-4486-ac4a-fdd45ed43116 \
                    Timestamp: 2024-05-31 14:26:23Z";

fn azure() -> Presented {
    Presented {
        env: env(&[("ARM_TENANT_ID", "tenant-1")]),
        ..presented(FamilyName::Azure, CLIENT, "api://AzureADTokenExchange")
    }
}

fn said(text: &str) -> String {
    format!(
        "building account: could not acquire access token to parse claims: clientCredentialsToken: received HTTP status \
         401 with response: {{\"error\":\"invalid_client\",\"error_description\":\"{text}{TAIL}\",\"error_codes\":[1]}}"
    )
}

#[test]
fn a_subject_without_a_federated_credential_is_shown_with_the_one_that_it_needs() {
    let text = format!(
        "AADSTS700213: No matching federated identity record found for presented assertion subject '{PLAN}'. Please check \
         your federated identity credential Subject, Audience and Issuer against the presented assertion. \
         https://docs.microsoft.com/en-us/azure/active-directory/develop/workload-identity-federation"
    );
    check(
        &azure(),
        &said(&text),
        "",
        &[
            "Azure: Entra refused the identity of the run",
            "tenant tenant-1, client id af3110ba-0ba9-4412-b1a0-59f50b7e9273 (from TFC_AZURE_PLAN_CLIENT_ID or \
             TFC_AZURE_RUN_CLIENT_ID)",
            &format!(
                "  Entra said: AADSTS700213: No matching federated identity record found for presented assertion subject \
                 '{PLAN}'.\n  cause:"
            ),
            "az ad app federated-credential create --id af3110ba-0ba9-4412-b1a0-59f50b7e9273 --parameters \
             '{\"audiences\":[\"api://AzureADTokenExchange\"],\"issuer\":\"https://carnet.example\",\"name\":\"NAME\",\
             \"subject\":\"organization:acme:project:Default Project:workspace:net:run_phase:plan\"}'",
        ],
    );
}

#[test]
fn a_token_that_is_not_the_runs_shows_where_it_differs() {
    let text = "AADSTS700213: No matching federated identity record found for presented assertion subject \
                'organization:acme:project:Default Project:workspace:web:run_phase:plan'.";
    check(
        &azure(),
        &said(text),
        "",
        &[
            "  differs:    the run's token has organization:acme:project:Default Project:workspace:net:run_phase:plan\n",
            "Entra was given     organization:acme:project:Default Project:workspace:web:run_phase:plan\n",
            "^ at character 53\n",
        ],
    );
}

#[test]
fn every_refusal_of_entra_has_its_own_advice() {
    let cases = [
        (
            "AADSTS70021: No matching federated identity record found for presented assertion. Assertion Issuer: \
             'https://carnet.example'. Assertion Subject: 'x'. Assertion Audience: 'api://AzureADTokenExchange'.",
            "^ at character 1\n",
        ),
        (
            "AADSTS700211: No matching federated identity record found for presented assertion issuer \
             'https://carnet.example/'.",
            "Entra was given has a slash at its end",
        ),
        (
            "AADSTS700212: No matching federated identity record found for presented assertion audience 'my.audience'.",
            "set TFC_AZURE_WORKLOAD_IDENTITY_AUDIENCE to the one it has",
        ),
        (
            "AADSTS7002138: No matching federated identity record found for presented assertion subject 'x'. The subject \
             matches with case-insensitive comparison, but not with case-sensitive comparison.",
            "but for upper and lower case",
        ),
        (
            "AADSTS700222: AAD-issued tokens may not be used for federated identity flows.",
            "a token that Entra has made",
        ),
        ("AADSTS700223: Federation is disabled.", "the tenant does not allow federated credentials"),
        (
            "AADSTS70025: The client 'x' has no configured federated identity credentials.",
            "no federated credential at all",
        ),
        (
            "AADSTS700024: Client assertion is not within its valid time range. Current time: \
             2025-01-14T13:07:27.7294524Z, assertion valid from 2025-01-14T12:23:32.0000000Z",
            "set TFC_AZURE_TOKEN_SOURCE to request_url",
        ),
        (
            "AADSTS700016: Application with identifier 'x' was not found in the directory 'mydirectory'.",
            "correct TFC_AZURE_PLAN_CLIENT_ID or TFC_AZURE_RUN_CLIENT_ID, or ARM_TENANT_ID",
        ),
        ("AADSTS7000215: Invalid client secret provided.", "remove ARM_CLIENT_SECRET"),
        ("AADSTS50027: JWT token is invalid or malformed.", "could not verify the token"),
        ("AADSTS90061: Request to External OIDC endpoint failed.", "publicly trusted certificate"),
        ("AADSTS90002: Tenant 'x' not found.", "correct ARM_TENANT_ID, which is \"tenant-1\""),
    ];
    for (text, advice) in cases {
        let code = text.split(':').next().unwrap();
        check(&azure(), &said(text), "", &[&format!("Entra said: {code}: "), advice]);
    }
}

#[test]
fn the_words_of_entra_end_where_its_numbers_start() {
    let text = "AADSTS90061: Request to External OIDC endpoint failed.\\r\\nTrace ID: 86c81de3";
    check(
        &azure(),
        &said(text),
        "",
        &["Entra said: AADSTS90061: Request to External OIDC endpoint failed.\n"],
    );
}
