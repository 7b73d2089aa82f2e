//! How Microsoft Entra refuses an identity, and what helps.

use super::{
    Advice, Difference, Presented,
    signature::{Party, Refused, Signature},
};
use crate::provider_env::ARM_TENANT_ID;

pub(super) const PARTY: Party = Party {
    name: "Entra",
    tried,
    starts: &[],
    ends: &[
        " trace id:",
        "\\r\\n",
        "\\n",
        " check your federated identity credential",
        " please check your federated",
    ],
    signatures: &[
        // Longer codes first: they start like shorter ones.
        Signature::new(&["aadsts7002138"], subject_case),
        Signature::new(&["aadsts7002121"], audience),
        Signature::new(&["aadsts700211"], issuer),
        Signature::new(&["aadsts700212"], audience),
        Signature::new(&["aadsts700213"], subject),
        Signature::new(&["aadsts700222"], other_token),
        Signature::new(&["aadsts700226"], other_token),
        Signature::new(&["aadsts700223"], disabled),
        Signature::new(&["aadsts700238"], disabled),
        Signature::new(&["aadsts700236"], disabled),
        Signature::new(&["aadsts70021:"], record),
        Signature::new(&["aadsts70025"], no_record),
        Signature::new(&["aadsts70023:"], lifetime),
        Signature::new(&["aadsts700024"], clock),
        Signature::new(&["aadsts700027"], keys),
        Signature::new(&["aadsts700016"], client),
        Signature::new(&["aadsts7000112"], client),
        Signature::new(&["aadsts7000229"], client),
        Signature::new(&["aadsts7000215"], secret),
        Signature::new(&["aadsts7000222"], secret),
        Signature::new(&["aadsts50027"], keys),
        Signature::new(&["aadsts5002730"], keys),
        Signature::new(&["aadsts90061"], unreachable),
        Signature::new(&["aadsts90002:"], tenant),
        Signature::new(&["aadsts900023"], tenant),
        Signature::new(&["aadsts53003"], conditional_access),
    ],
};

const FAMILY: &str = "TFC_AZURE";
const CLIENT: &str = "CLIENT_ID";

fn tried(presented: &Presented) -> String {
    format!(
        "oauth2/v2.0/token of tenant {}, client id {} (from {})",
        presented.env.get(ARM_TENANT_ID).unwrap_or("(that of the provider block)"),
        presented.role(),
        presented.role_variables(FAMILY, CLIENT)
    )
}

/// The federated credential that would let exactly this token in.
fn create(advice: Advice, one: &Presented) -> Advice {
    let parameters = serde_json::json!({
        "name": "NAME", "issuer": one.issuer(), "subject": one.subject(), "audiences": [one.audience()],
    });
    advice
        .and(format!("  az ad app federated-credential create --id {} --parameters '{parameters}'", one.role()))
        .and("  (for a managed identity: az identity federated-credential create); it takes some minutes to work everywhere")
}

/// What Entra says it was presented, where that is not what the run has: another token was presented.
fn seen(refused: &Refused<'_>, before: &str, own: &str) -> Option<Difference> {
    let seen = refused.between(before, "'")?;
    Difference::between(("the run's token has", own), ("Entra was given", seen))
}

fn subject(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    let advice = Advice::new(
        "no federated credential of this client id has exactly this subject",
        format!("{} add", one.own_role_first(FAMILY, CLIENT)),
    );
    create(advice, one).differing(seen(refused, "presented assertion subject '", one.subject()))
}

fn subject_case(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    Advice::new(
        "a federated credential has this subject but for upper and lower case, which are told apart",
        format!(
            "correct the subject of the federated credential of {} to exactly \"{}\"",
            one.role(),
            one.subject()
        ),
    )
    .differing(seen(refused, "presented assertion subject '", one.subject()))
}

fn issuer(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    let advice = Advice::new(
        "no federated credential of this client id has exactly this issuer; a slash at its end counts",
        format!("{} add", one.own_role_first(FAMILY, CLIENT)),
    );
    create(advice, one).differing(seen(refused, "presented assertion issuer '", one.issuer()))
}

fn audience(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    Advice::new(
        "the federated credential with this issuer and subject has another audience",
        format!(
            "set the audience of the federated credential of {} to exactly \"{}\", or set {} to the one it has",
            one.role(),
            one.audience(),
            one.variable("TFC_AZURE_WORKLOAD_IDENTITY_AUDIENCE")
        ),
    )
    .differing(seen(refused, "presented assertion audience '", one.audience()))
}

fn record(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    let advice = Advice::new(
        "no federated credential of this client id has exactly this issuer, subject and audience, or it is only minutes old",
        format!("{} add", one.own_role_first(FAMILY, CLIENT)),
    );
    let parts = [
        ("assertion subject: '", one.subject()),
        ("assertion issuer: '", one.issuer()),
        ("assertion audience: '", one.audience()),
    ];
    let difference = parts.into_iter().find_map(|(before, own)| seen(refused, before, own));
    create(advice, one).differing(difference)
}

fn no_record(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    let advice = Advice::new(
        "this client id has no federated credential at all",
        format!("correct {}, or add", one.role_variables(FAMILY, CLIENT)),
    );
    create(advice, one)
}

fn other_token(_: &Refused<'_>) -> Advice {
    Advice::new(
        "Entra was given a token that Entra has made itself, and not the run's",
        "remove use_msi, use_cli and oidc_token from the provider block; use_oidc = true is all it needs",
    )
}

fn disabled(_: &Refused<'_>) -> Advice {
    Advice::new(
        "the tenant does not allow federated credentials, or not this issuer",
        "have an administrator of the tenant allow workload identity federation for this issuer",
    )
}

fn lifetime(refused: &Refused<'_>) -> Advice {
    Advice::new(
        "the token lives longer than Entra accepts, as it must last for the whole phase",
        format!(
            "set {} to request_url, or shorten the time limit of the phase",
            refused.presented.variable("TFC_AZURE_TOKEN_SOURCE")
        ),
    )
}

fn clock(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    Advice::new(
        "the token was presented after its end, or before its start by Entra's clock",
        format!(
            "compare the clock of the server with the true time; if the phase was longer than the token lives, set {} to \
             request_url, so that the provider asks for a new one",
            one.variable("TFC_AZURE_TOKEN_SOURCE")
        ),
    )
}

fn keys(refused: &Refused<'_>) -> Advice {
    let issuer = refused.presented.issuer();
    Advice::new(
        "Entra could not verify the token with the keys that the issuer publishes",
        format!(
            "compare {issuer}/.well-known/openid-configuration and the key set it names with what the server signs with; \
             Entra keeps keys for some time, so after a change of keys try again later"
        ),
    )
}

fn unreachable(refused: &Refused<'_>) -> Advice {
    let issuer = refused.presented.issuer();
    Advice::new(
        "Entra could not fetch the documents of the issuer",
        format!(
            "{issuer}/.well-known/openid-configuration and the key set it names must be reachable from the internet over \
             https, with a publicly trusted certificate"
        ),
    )
}

fn client(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    Advice::new(
        format!("the tenant has no application or managed identity {} that can be used", one.role()),
        format!(
            "correct {}, or {ARM_TENANT_ID} if it is another tenant's",
            one.role_variables(FAMILY, CLIENT)
        ),
    )
}

fn secret(_: &Refused<'_>) -> Advice {
    Advice::new(
        "a client secret was presented, and not the identity of the run",
        "remove ARM_CLIENT_SECRET from the workspace and client_secret from the provider block",
    )
}

fn tenant(refused: &Refused<'_>) -> Advice {
    Advice::new(
        "there is no such tenant",
        match refused.presented.env.get(ARM_TENANT_ID) {
            Some(tenant) => format!("correct {ARM_TENANT_ID}, which is \"{tenant}\""),
            None => format!("set {ARM_TENANT_ID}, or correct tenant_id in the provider block"),
        },
    )
}

fn conditional_access(_: &Refused<'_>) -> Advice {
    Advice::new(
        "a Conditional Access policy of the tenant blocks this workload identity, probably by its location",
        "add the address of the agent to the named locations that the policy allows",
    )
}
