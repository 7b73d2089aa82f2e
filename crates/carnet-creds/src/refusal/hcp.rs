//! How HCP refuses an identity, and what helps.

use super::{
    Advice, Presented,
    signature::{Party, Refused, Signature},
};

pub(super) const PARTY: Party = Party {
    name: "HCP",
    tried,
    starts: &[],
    ends: &[],
    signatures: &[
        Signature::new(&["exchange token status code 404"], provider),
        Signature::new(&["exchange token status code", "audience"], audience),
        Signature::new(&["exchange token status code", "issuer"], issuer),
        Signature::new(&["exchange token status code", "expired"], clock),
        Signature::new(&["exchange token status code", "conditional access"], condition),
        Signature::new(&["exchange token status code 403"], condition),
        Signature::new(&["exchange token status code 40"], other),
        Signature::new(&["invalid response from exchange token endpoint"], unreachable),
    ],
};

const FAMILY: &str = "TFC_HCP";
const RESOURCE_NAME: &str = "PROVIDER_RESOURCE_NAME";

fn tried(presented: &Presented) -> String {
    format!("{}/exchange-token (from {})", presented.role(), presented.role_variables(FAMILY, RESOURCE_NAME))
}

fn provider(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    Advice::new(
        "there is no such workload identity provider",
        format!("correct {}", one.role_variables(FAMILY, RESOURCE_NAME)),
    )
}

fn audience(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    Advice::new(
        "the audience of the token is none that the workload identity provider allows",
        format!(
            "add \"{}\" to the allowed audiences of {}; or set {} to one that is allowed",
            one.audience(),
            one.role(),
            one.variable("TFC_HCP_WORKLOAD_IDENTITY_AUDIENCE")
        ),
    )
}

fn issuer(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    Advice::new(
        "the workload identity provider belongs to another issuer",
        format!("set the issuer of {} to exactly \"{}\"", one.role(), one.issuer()),
    )
}

fn condition(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    Advice::new(
        "the conditional access statement of the workload identity provider is not true for this token",
        format!(
            "{} make it jwt_claims.sub == `{}`",
            one.own_role_first(FAMILY, RESOURCE_NAME),
            one.subject()
        ),
    )
}

fn clock(_: &Refused<'_>) -> Advice {
    Advice::new(
        "the token had ended when it was presented, or the clock of the issuer is wrong",
        "compare the clock of the server with the true time",
    )
}

fn other(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    Advice::new(
        "HCP does not accept the token",
        format!(
            "compare the issuer, the allowed audiences and the conditional access of {} with the claims above",
            one.role()
        ),
    )
}

fn unreachable(_: &Refused<'_>) -> Advice {
    Advice::new(
        "HCP did not answer",
        "let the agent reach the API of HCP (name, firewall, proxy), or run again later",
    )
}
