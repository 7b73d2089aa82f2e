//! How AWS's token service refuses an identity, and what helps.

use super::{
    Advice, Presented,
    signature::{Party, Refused, Signature},
};

pub(super) const PARTY: Party = Party {
    name: "AWS",
    tried,
    starts: &["api error ", "an error occurred (", "invalididentitytoken:", "expiredtokenexception:"],
    ends: &[" status code: "],
    signatures: &[
        Signature::new(&["no openidconnect provider found"], provider_absent),
        Signature::new(&["incorrect token audience"], audience),
        Signature::new(&["invalid token audience"], audience),
        Signature::new(&["configured thumbprint"], thumbprint),
        Signature::new(&["retrieve verification key from your identity provider"], keys),
        Signature::new(&["idpcommunicationerror"], keys),
        Signature::new(&["idprejectedclaim"], trust),
        Signature::new(&["expiredtoken", "assumerolewithwebidentity"], clock),
        Signature::new(&["token expired: current date/time"], clock),
        Signature::new(&["not authorized to perform sts:assumerolewithwebidentity"], trust),
        Signature::new(&["accessdenied", "assumerolewithwebidentity"], trust),
        Signature::new(&["request arn is invalid", "assumerolewithwebidentity"], role_arn),
        Signature::new(&["validationerror", "assumerolewithwebidentity"], role_arn),
        Signature::new(&["maxsessionduration", "assumerolewithwebidentity"], duration),
        Signature::new(&["regiondisabled"], region),
        Signature::new(&["invalididentitytoken"], token),
        // The provider looked for credentials of the machine, because its block knows nothing of the run's.
        Signature::new(&["no valid credential sources found", "imds"], not_mapped),
    ],
};

const FAMILY: &str = "TFC_AWS";
const ROLE: &str = "ROLE_ARN";

fn tried(presented: &Presented) -> String {
    format!(
        "AssumeRoleWithWebIdentity at {}, role {} (from {})",
        presented.env.aws_sts(),
        presented.role(),
        presented.role_variables(FAMILY, ROLE)
    )
}

/// The parts of `arn:PARTITION:iam::ACCOUNT:role/NAME` that other names are made of.
fn partition_and_account(presented: &Presented) -> (&str, &str) {
    let mut parts = presented.role().split(':').skip(1);
    let partition = parts.next().filter(|partition| !partition.is_empty()).unwrap_or("aws");
    let account = parts.nth(2).filter(|account| account.len() == 12).unwrap_or("ACCOUNT");
    (partition, account)
}

fn provider_arn(presented: &Presented) -> String {
    let (partition, account) = partition_and_account(presented);
    format!("arn:{partition}:iam::{account}:oidc-provider/{}", presented.issuer_host())
}

fn trust(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    let host = one.issuer_host();
    let principal = serde_json::json!({"Federated": provider_arn(one)});
    let mut claims = serde_json::Map::new();
    claims.insert(format!("{host}:aud"), one.audience().into());
    claims.insert(format!("{host}:sub"), one.subject().into());
    let condition = serde_json::json!({ "StringEquals": claims });
    Advice::new(
        "the trust policy of the role does not let this token in (another subject, audience or identity provider), or the \
         role does not exist; AWS does not say which",
        format!("{} its trust policy must have a statement with", one.own_role_first(FAMILY, ROLE)),
    )
    .and("  \"Action\": \"sts:AssumeRoleWithWebIdentity\",")
    .and(format!("  \"Principal\": {principal},"))
    .and(format!("  \"Condition\": {condition}"))
}

fn provider_absent(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    let (_, account) = partition_and_account(one);
    let expected = refused.between("found in your account for ", "\n");
    let difference = expected.and_then(|found| {
        let found = found.split_whitespace().next().unwrap_or_default();
        super::Difference::between(("the run's token has", one.issuer()), ("AWS looked for", found))
    });
    Advice::new(
        format!("account {account} has no OIDC identity provider whose URL is exactly the issuer of the token"),
        format!(
            "create it: aws iam create-open-id-connect-provider --url {} --client-id-list {}; or correct the account in {}",
            one.issuer(),
            one.audience(),
            one.role_variables(FAMILY, ROLE)
        ),
    )
    .differing(difference)
}

fn audience(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    Advice::new(
        "the audience of the token is not in the client id list of the OIDC identity provider",
        format!(
            "aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn {} --client-id {}; or set {} \
             to an audience that is in the list",
            provider_arn(one),
            one.audience(),
            one.variable("TFC_AWS_WORKLOAD_IDENTITY_AUDIENCE")
        ),
    )
}

fn keys(refused: &Refused<'_>) -> Advice {
    let issuer = refused.presented.issuer();
    Advice::new(
        "AWS could not fetch the keys of the issuer, or found the key of this token not among them",
        format!(
            "{issuer}/.well-known/openid-configuration and the key set it names must be reachable from the internet over \
             https, with a certificate that AWS trusts; after a change of keys try again in a few minutes"
        ),
    )
}

fn thumbprint(refused: &Refused<'_>) -> Advice {
    Advice::new(
        "the certificate of the issuer is signed by an authority that AWS does not know, and the thumbprint of the OIDC \
         identity provider is another one",
        format!(
            "aws iam update-open-id-connect-provider-thumbprint --open-id-connect-provider-arn {} --thumbprint-list with \
             the SHA-1 of the certificate authority's certificate",
            provider_arn(refused.presented)
        ),
    )
}

fn clock(_: &Refused<'_>) -> Advice {
    Advice::new(
        "the token had ended when it was presented: its file was not read again, or the clock of the issuer is wrong",
        "compare the clock of the server with the true time; a program that keeps a copy of the token must read its file \
         again",
    )
}

fn role_arn(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    let variables = one.role_variables(FAMILY, ROLE);
    Advice::new(
        "the name of the role is not one",
        format!("correct {variables}: arn:aws:iam::ACCOUNT:role/NAME, not \"{}\"", one.role()),
    )
}

fn duration(refused: &Refused<'_>) -> Advice {
    Advice::new(
        "a session longer than the role allows was asked for, which the run's own files do not do",
        format!(
            "remove the duration from the provider block, or raise the maximum session duration of {}",
            refused.presented.role()
        ),
    )
}

fn region(refused: &Refused<'_>) -> Advice {
    Advice::new(
        format!("the token service at {} is not active in the account", refused.presented.env.aws_sts()),
        "activate it in the account settings of IAM, or set AWS_REGION to another region",
    )
}

fn token(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    Advice::new(
        "AWS takes the token for none of this issuer",
        format!(
            "compare the URL of {} with the issuer, character by character; a provider block with a \
             web_identity_token of its own presents another token",
            provider_arn(one)
        ),
    )
}

fn not_mapped(_: &Refused<'_>) -> Advice {
    Advice::new(
        "no token was presented: the provider block was not told where the credentials of the run are",
        "with aliases every provider block must have shared_config_files = \
         [var.tfc_aws_dynamic_credentials.aliases[\"TAG\"].shared_config_file], or .default.shared_config_file",
    )
}
