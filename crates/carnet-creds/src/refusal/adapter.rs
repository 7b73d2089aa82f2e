//! An exchange that an adapter describes, refused.

use super::{
    Advice, Presented, Refusal,
    vault_cause::{is_only_tls, is_without_tls},
};
use crate::exchange::{
    adapter_call::{CallFailure, Cause},
    reachable::Unreachable,
};

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
            .advised(&advice(presented, failure))
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

fn advice(presented: &Presented, failure: &CallFailure) -> Advice {
    let (adapter, url) = (presented.family, failure.url.as_str());
    match &failure.cause {
        Cause::Refused { words, .. }
            if words.to_ascii_lowercase().contains("http request to an https server") =>
        {
            needs_tls(url)
        }
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
        Cause::Unreachable(why) => kept(why, url),
        Cause::NoAnswer { reason, .. } => no_answer(reason, url),
        Cause::Unsendable(_) | Cause::Unreadable(_) => Advice::new(
            "the adapter does not describe what the provider does",
            format!("compare the adapter {adapter} with the documentation of the provider"),
        ),
    }
}

/// A request that the agent does not send, because of where it leads.
fn kept(why: &Unreachable, url: &str) -> Advice {
    let allowance = why.allowance(url).map(|text| format!("or, if it is meant, {text}"));
    let advice = match why {
        Unreachable::NoAddress(_) => {
            Advice::new("what the adapter and its settings make is no address", "correct the address")
        }
        Unreachable::User => Advice::new(
            "an address with a user or a password would show them in logs",
            "take them out of the address",
        ),
        Unreachable::Scheme(_) => Advice::new(
            "the address is one without TLS, which adapters use only where the agent's operator allows it",
            format!("use {}", url.replacen("http://", "https://", 1)),
        ),
        Unreachable::Forbidden(_) => Advice::new(
            "the agent keeps adapters from addresses that only it can reach",
            "correct the address",
        ),
    };
    allowance.into_iter().fold(advice, Advice::and)
}

fn no_answer(reason: &str, url: &str) -> Advice {
    if reason.contains("certificate") {
        return Advice::new(
            "the certificate of the provider is not trusted",
            "install its certificate authority on the agent, or correct the host name",
        );
    }
    if is_only_tls(reason) {
        return needs_tls(url);
    }
    if is_without_tls(reason) {
        return Advice::new(
            "somebody answers at this address, without TLS",
            format!(
                "give the server TLS; or, where the network is trusted, use {}",
                url.replacen("https://", "http://", 1)
            ),
        );
    }
    Advice::new(
        "the provider was not reached",
        "check that the agent can reach the address (name, port, firewall), or correct it",
    )
}

fn needs_tls(url: &str) -> Advice {
    Advice::new(
        "the provider speaks TLS only, and was asked without it",
        format!("use {}", url.replacen("http://", "https://", 1)),
    )
}
