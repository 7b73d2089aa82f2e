//! How clouds refuse credentials that Vault has just made, and what helps.

use super::{
    Advice, Presented,
    signature::{Party, Refused, Signature},
};

pub(super) const AWS: Party = Party {
    name: "AWS",
    tried: |_| "the keys that were read from Vault".to_owned(),
    starts: &["api error ", "an error occurred ("],
    ends: &[" status code: "],
    signatures: &[
        Signature::new(&["invalidclienttokenid"], new_keys),
        Signature::new(&["the security token included in the request is invalid"], new_keys),
        Signature::new(&["invalidaccesskeyid"], new_keys),
        Signature::new(&["expiredtoken"], ended),
    ],
};

pub(super) const AZURE: Party = Party {
    name: "Entra",
    tried: |_| "the client secret that was read from Vault".to_owned(),
    starts: &[],
    ends: &[" trace id:", "\\r\\n", "\\n"],
    signatures: &[
        Signature::new(&["aadsts7000215"], new_secret),
        Signature::new(&["aadsts700016"], new_secret),
        Signature::new(&["aadsts7000222"], ended),
    ],
};

fn new_keys(refused: &Refused<'_>) -> Advice {
    settling(refused.presented, "TFC_VAULT_BACKED_AWS_SLEEP_SECONDS", "10")
}

fn new_secret(refused: &Refused<'_>) -> Advice {
    settling(refused.presented, "TFC_VAULT_BACKED_AZURE_SLEEP_SECONDS", "60")
}

fn settling(one: &Presented, variable: &str, seconds: &str) -> Advice {
    Advice::new(
        "the credentials are so new that they do not work everywhere yet, or somebody has deleted them",
        format!("set {} to {seconds}, so that the run waits before Terraform starts", one.variable(variable)),
    )
}

fn ended(_: &Refused<'_>) -> Advice {
    Advice::new(
        "the credentials had ended when they were used",
        "raise the TTL that the secrets engine gives, or shorten the phase",
    )
}
