//! How Google Cloud refuses an identity, and what helps.

use super::{
    Advice, Difference, Presented,
    signature::{Party, Refused, Signature},
};

pub(super) const PARTY: Party = Party {
    name: "Google",
    tried,
    starts: &[],
    ends: &["\"}", "\\\"}", "\", ", "\","],
    signatures: &[
        Signature::new(&["the audience in id token"], audience),
        Signature::new(&["the issuer in id token"], issuer),
        Signature::new(&["rejected by the attribute condition"], condition),
        Signature::new(&["is stale to sign-in"], clock),
        Signature::new(&["lifetime of the id token"], lifetime),
        Signature::new(&["exceeds the 127 bytes limit"], length),
        Signature::new(&["error connecting to the given credential's issuer"], unreachable),
        Signature::new(&["not signed by a key of"], keys),
        Signature::new(&["invalid jwt signature"], keys),
        Signature::new(&["could not obtain a value for google.subject"], mapping),
        Signature::new(&["the target service indicated by the"], target),
        Signature::new(
            &["invalid value for", "audience", "full resource name of the identity provider"],
            target,
        ),
        Signature::new(&["iam.serviceaccounts.getaccesstoken"], impersonation),
        Signature::new(&["gaia id not found for email"], account),
        Signature::new(&["iam service account credentials api has not been used"], api),
        Signature::new(&["invalid_grant", "sts.googleapis.com"], other),
        Signature::new(&["invalid_grant", "oauth2/google"], other),
        Signature::new(&["invalid_grant", "credentials: status code"], other),
    ],
};

const FAMILY: &str = "TFC_GCP";
const EMAIL: &str = "SERVICE_ACCOUNT_EMAIL";
const AUDIENCE: &str = "TFC_GCP_WORKLOAD_IDENTITY_AUDIENCE";

fn tried(presented: &Presented) -> String {
    let provider = presented.identity_provider.as_deref().unwrap_or("(none)");
    let account = match &presented.role {
        Some(email) => {
            format!(", then as {email} (from {})", presented.role_variables(FAMILY, EMAIL))
        }
        None => String::new(),
    };
    format!("the token exchange of {provider}{account}")
}

/// The pool and the provider, as gcloud takes them.
fn provider_flags(one: &Presented) -> String {
    let name =
        one.identity_provider.as_deref().unwrap_or_default().trim_start_matches("//iam.googleapis.com/");
    let part = |wanted: &str| {
        let mut parts = name.split('/').skip_while(|part| *part != wanted).skip(1);
        parts.next().unwrap_or("...").to_owned()
    };
    format!(
        "{} --workload-identity-pool={} --project={} --location=global",
        part("providers"),
        part("workloadIdentityPools"),
        part("projects")
    )
}

fn pool(one: &Presented) -> &str {
    let name = one.identity_provider.as_deref().unwrap_or_default();
    name.split("/providers/").next().unwrap_or_default()
}

fn audience(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    let seen = refused.between("the audience in id token [", "]");
    Advice::new(
        "the audience of the token is none that the workload identity provider allows",
        format!(
            "gcloud iam workload-identity-pools providers update-oidc {} --allowed-audiences={}; or remove {}, so that the \
             name of the provider is the audience",
            provider_flags(one),
            one.audience(),
            one.variable(AUDIENCE)
        ),
    )
    .differing(seen.and_then(|seen| {
        Difference::between(("the run's token has", one.audience()), ("Google was given", seen))
    }))
}

fn issuer(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    // The list of expected issuers ends with a full stop.
    let expected = refused.between("the expected ones:", "\"").map(|text| {
        let first = text.split([',', '\n']).next().unwrap_or_default();
        first.trim().trim_end_matches(['.', '}', '"']).to_owned()
    });
    Advice::new(
        "the workload identity provider belongs to another issuer",
        format!(
            "gcloud iam workload-identity-pools providers update-oidc {} --issuer-uri={}",
            provider_flags(one),
            one.issuer()
        ),
    )
    .differing(expected.and_then(|expected| {
        Difference::between(("the run's token has", one.issuer()), ("Google expects", &expected))
    }))
}

fn condition(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    Advice::new(
        "the attribute condition of the workload identity provider is not true for this token",
        format!(
            "compare the condition with the claims above; one that lets this workspace in is \
             assertion.sub.startsWith(\"{}\"), with the closing colon",
            workspace(one.subject())
        ),
    )
    .and(format!("  gcloud iam workload-identity-pools providers describe {} shows it", provider_flags(one)))
}

/// The part of a subject that both phases share, with the colon behind it.
fn workspace(subject: &str) -> &str {
    subject.find("run_phase:").map_or(subject, |end| &subject[..end])
}

fn clock(_: &Refused<'_>) -> Advice {
    Advice::new(
        "the token had ended when it was presented: its file was not read again, or the clock of the issuer is wrong",
        "compare the clock of the server with the true time",
    )
}

fn lifetime(_: &Refused<'_>) -> Advice {
    Advice::new("the token lives longer than a day", "set TFC_WORKLOAD_IDENTITY_TTL to less")
}

fn length(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    Advice::new(
        format!("the subject has {} bytes, and google.subject may have 127", one.subject().len()),
        format!(
            "gcloud iam workload-identity-pools providers update-oidc {} with --attribute-mapping google.subject = \
             assertion.terraform_workspace_id + \":\" + assertion.terraform_run_phase; or shorten the names",
            provider_flags(one)
        ),
    )
}

fn unreachable(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    Advice::new(
        "Google could not fetch the keys of the issuer, or the keys that were put into the provider are not these",
        format!(
            "{}/.well-known/openid-configuration and the key set it names must be reachable from the internet over https, \
             with a publicly trusted certificate; where that cannot be, put the key set into the provider (gcloud iam \
             workload-identity-pools providers update-oidc {} --jwk-json-path=FILE), and again after every change of keys",
            one.issuer(),
            provider_flags(one)
        ),
    )
}

fn keys(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    Advice::new(
        "the key of this token is not among those that Google knows of the issuer",
        format!(
            "after a change of keys try again in a few minutes; a key set that was put into the provider must be put there \
             again: gcloud iam workload-identity-pools providers update-oidc {} --jwk-json-path=FILE",
            provider_flags(one)
        ),
    )
}

fn mapping(refused: &Refused<'_>) -> Advice {
    Advice::new(
        "the attribute mapping of the workload identity provider makes no google.subject of this token",
        format!(
            "gcloud iam workload-identity-pools providers update-oidc {} with --attribute-mapping google.subject = \
             assertion.sub",
            provider_flags(refused.presented)
        ),
    )
}

fn target(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    let names = ["TFC_GCP_WORKLOAD_PROVIDER_NAME", "TFC_GCP_PROJECT_NUMBER"].map(|name| one.variable(name));
    Advice::new(
        "there is no such workload identity provider, or it is disabled or deleted",
        format!(
            "correct {} (or {} and the ids of pool and provider); it must hold the number of the project, not its id",
            names[0], names[1]
        ),
    )
}

fn impersonation(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    let member = format!("principal:{}/subject/{}", pool(one), one.subject());
    Advice::new(
        format!(
            "Google accepted the token, but its identity in the pool may not act as {}, or there is no such service account",
            one.role()
        ),
        format!("{} grant", one.own_role_first(FAMILY, EMAIL)),
    )
    .and(format!(
        "  gcloud iam service-accounts add-iam-policy-binding {} --role=roles/iam.workloadIdentityUser --member='{member}'",
        one.role()
    ))
    .and("  (the subject is that of the attribute mapping); it takes some minutes to work everywhere")
}

fn account(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    Advice::new(
        format!("there is no service account {}", one.role()),
        format!("correct {}", one.role_variables(FAMILY, EMAIL)),
    )
}

fn api(refused: &Refused<'_>) -> Advice {
    let project = refused.presented.role().split_once('@').and_then(|(_, host)| host.split('.').next());
    Advice::new(
        "the API that makes access tokens of service accounts is not switched on in their project",
        format!(
            "gcloud services enable iamcredentials.googleapis.com --project={}",
            project.unwrap_or("PROJECT")
        ),
    )
}

fn other(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    Advice::new(
        "Google does not accept the token",
        format!(
            "compare issuer, audiences and attribute condition of the provider with the claims above: gcloud iam \
             workload-identity-pools providers describe {}",
            provider_flags(one)
        ),
    )
}
