//! An exchange that an adapter describes, refused.

use super::{Advice, Presented, Refusal};
use crate::exchange::adapter_call::{CallFailure, Cause};

impl Refusal {
    /// The exchange of an adapter that did not succeed.
    pub(crate) fn of_adapter(presented: &Presented, failure: &CallFailure) -> Self {
        let title = presented.title();
        let role = presented.role.as_deref().map(|role| format!(", role {role}")).unwrap_or_default();
        let said = match &failure.cause {
            Cause::Refused { status, words } if words.is_empty() => vec![format!("{status}, nothing else")],
            Cause::Refused { words, .. } => vec![words.clone()],
            Cause::Unreadable(reason) => vec![format!("something unexpected: {reason}")],
            // The summary says why nothing was reached.
            Cause::NoAnswer { .. } | Cause::Unreachable(_) | Cause::Unsendable(_) => Vec::new(),
        };
        Self::of(format!("failed trading the identity token for {title} credentials: {failure}"))
            .tried(&format!("{} {}{role}", failure.method, failure.url))
            .presented(&presented.claims)
            .said(&title, &said)
            .advised(&advice(presented, &failure.cause))
            .passing(failure.is_transient())
    }

    /// An exchange of an adapter whose answer or description cannot be used.
    pub(crate) fn of_unusable_adapter(presented: &Presented, reason: &str) -> Self {
        let title = presented.title();
        Self::of(format!("failed trading the identity token for {title} credentials: {reason}"))
            .presented(&presented.claims)
            .advised(&Advice::new(
                "the adapter does not describe what the provider does",
                format!("compare the adapter {} with the documentation of the provider", presented.family),
            ))
    }
}

fn advice(presented: &Presented, cause: &Cause) -> Advice {
    let adapter = presented.family;
    match cause {
        Cause::Refused { status: 401 | 403, .. } => Advice::new(
            "the provider was reached, and does not trust this token: another issuer, subject or audience, or keys that it \
             cannot fetch",
            format!(
                "let the provider trust exactly issuer \"{}\", subject \"{}\" and audience \"{}\", or correct the settings \
                 of {adapter} in the workspace",
                presented.issuer(),
                presented.subject(),
                presented.audience()
            ),
        ),
        Cause::Refused { status: 404 | 405, .. } => Advice::new(
            "the address is not that of the exchange, or names something that the provider does not have",
            format!("correct the settings of {adapter} in the workspace, or the address in the adapter"),
        ),
        Cause::Refused { status: 429 | 500..=599, .. } => {
            Advice::new("the provider is overloaded or broken", "run again later")
        }
        Cause::Refused { .. } => Advice::new(
            "the provider was reached, and does not take the request: the token, or what the adapter sends with it",
            format!(
                "compare what the provider said with the claims above and with the settings of {adapter} in the workspace"
            ),
        ),
        Cause::Unreachable(_) => Advice::new(
            "the agent keeps adapters from addresses that only it can reach",
            "correct the address; if it is meant, the operator of the agent can allow the host",
        ),
        Cause::NoAnswer { reason, .. } if reason.contains("certificate") => Advice::new(
            "the certificate of the provider is not trusted",
            "install its certificate authority on the agent, or correct the host name",
        ),
        Cause::NoAnswer { .. } => Advice::new(
            "the provider was not reached",
            "check that the agent can reach the address (name, port, firewall), or correct it",
        ),
        Cause::Unsendable(_) | Cause::Unreadable(_) => Advice::new(
            "the adapter does not describe what the provider does",
            format!("compare the adapter {adapter} with the documentation of the provider"),
        ),
    }
}
