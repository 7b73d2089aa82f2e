//! How a Kubernetes API server refuses an identity, and what helps.

use super::{
    Advice, Presented,
    signature::{Party, Refused, Signature},
};
use crate::provider_env::KUBE_HOST;

pub(super) const PARTY: Party = Party {
    name: "Kubernetes",
    tried,
    starts: &[],
    ends: &[],
    signatures: &[
        Signature::new(&["credentials configured in the provider block are not accepted by the"], token),
        Signature::new(&["the server has asked for the client to provide credentials"], token),
        // The word alone is anybody's.
        Signature::new(&["unauthorized", "kubernetes"], token),
        Signature::new(&["unauthorized", "helm_release"], token),
        Signature::new(&["unauthorized", "hashicorp/helm"], token),
        Signature::new(&["is forbidden: user \"system:anonymous\"", "cannot"], not_presented),
        Signature::new(&["is forbidden: user \"", "cannot"], permission),
    ],
};

fn tried(presented: &Presented) -> String {
    format!(
        "a request with the token as bearer to {}",
        presented.env.get(KUBE_HOST).unwrap_or("the host of the provider block")
    )
}

fn token(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    Advice::new(
        "the API server trusts another issuer, other audiences or other keys, cannot fetch the keys of the issuer, or the \
         token has ended; only its own log says which",
        format!(
            "in its AuthenticationConfiguration (or its --oidc-* flags) there must be issuer.url \"{}\" and \"{}\" among \
             issuer.audiences; or set {} to an audience that is there",
            one.issuer(),
            one.audience(),
            one.variable("TFC_KUBERNETES_WORKLOAD_IDENTITY_AUDIENCE")
        ),
    )
}

fn permission(refused: &Refused<'_>) -> Advice {
    let one = refused.presented;
    let user = refused.between("is forbidden: user \"", "\"").unwrap_or_default();
    if !user.contains(one.subject()) {
        return Advice::new(
            format!("the API server knows the request as \"{user}\", which is not the subject of this token"),
            "see whether the claim mapping of the server makes this user name of the claims above; if not, the provider \
             block presents something else than the token of the run",
        );
    }
    Advice::new(
        format!("the API server accepted the token as user \"{user}\", who may not do this"),
        format!(
            "if this workspace and this phase may do it: kubectl create clusterrolebinding NAME --clusterrole=ROLE \
             --user='{user}'"
        ),
    )
}

fn not_presented(_: &Refused<'_>) -> Advice {
    Advice::new(
        "no token was presented: the API server took the request for an anonymous one",
        "with aliases every provider block must have token = \
         file(var.tfc_kubernetes_dynamic_credentials.aliases[\"TAG\"].token_path), or .default.token_path",
    )
}
