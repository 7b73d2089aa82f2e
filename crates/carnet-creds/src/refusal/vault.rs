//! A login to Vault, refused.

use super::{
    Advice, Refusal,
    vault_cause::{Cause, Trust, Way},
    vault_commands::Commands,
};
use crate::{
    exchange::{
        claims::Claims,
        vault_wire::{Failure, VaultFailure},
    },
    family::{Tag, titled},
    lexicon::variable_name,
    provider::VaultLogin,
    resolve::Configured,
};

impl Refusal {
    /// A login that did not succeed.
    pub(crate) fn of_login(
        configured: &Configured,
        login: &VaultLogin,
        claims: &Claims,
        failure: &VaultFailure,
    ) -> Self {
        let title = titled(configured.family, configured.tag.as_ref());
        let namespace = login.namespace.as_deref().unwrap_or("(none)");
        let (method, url) = (&failure.method, &failure.url);
        let tried = format!(
            "{method} {url}, role \"{}\" (from {}), namespace {namespace}",
            login.role, login.role_variable
        );
        let named = named_claim(&failure.failure);
        Self::of(format!("failed authenticating to {title}: {failure}"))
            .tried(&tried)
            .presented(claims)
            .also_presented(claims, named)
            .said("Vault", &answer(&failure.failure))
            .advised(&Known { configured, login, claims, named }.advice(&failure.failure))
            .passing(failure.failure.is_transient())
    }

    /// A server that could not even be asked, because its certificate authority cannot be used.
    pub(crate) fn of_certificate(configured: &Configured, login: &VaultLogin, reason: &str) -> Self {
        let title = titled(configured.family, configured.tag.as_ref());
        let variable = own_variable("TFC_VAULT_ENCODED_CACERT", configured.tag.as_ref());
        Self::of(format!("failed authenticating to {title}: no certificate authority can be used: {reason}"))
            .tried(&format!("{}, role \"{}\"", login.address, login.role))
            .advised(&Advice::new(
                "the agent has no certificate authority that it could trust",
                format!(
                    "put the CA of this server into {variable}, as base64 of PEM, or install the certificate authorities \
                     of the system on the agent"
                ),
            ))
    }
}

/// What Vault has said, line by line.
pub(super) fn answer(failure: &Failure) -> Vec<String> {
    match failure {
        Failure::Refused { status, errors } if errors.is_empty() => vec![format!("{status}, nothing else")],
        Failure::Refused { errors, .. } => errors.clone(),
        // The summary says why nothing was reached.
        Failure::NoAnswer { .. } => Vec::new(),
        Failure::Unreadable { reason } => vec![format!("something unexpected: {reason}")],
    }
}

/// What is known when looking for a way out.
struct Known<'a> {
    configured: &'a Configured,
    login: &'a VaultLogin,
    claims: &'a Claims,
    /// The claim that Vault names.
    named: Option<&'a str>,
}

impl Known<'_> {
    fn advice(&self, failure: &Failure) -> Advice {
        let cause = Cause::of(failure);
        let fix = match cause {
            Cause::Trust(trust) => self.on_trust(trust),
            Cause::Way(way) => self.on_the_way(way),
        };
        Advice { cause: cause.text(&self.login.auth_path), fix, difference: None }
    }

    fn commands(&self) -> Commands<'_> {
        Commands { login: self.login, claims: self.claims }
    }

    fn on_trust(&self, trust: Trust) -> Vec<String> {
        let commands = self.commands();
        let (role, path) = (&self.login.role, &self.login.auth_path);
        let mut fix = match trust {
            Trust::Role => vec![format!(
                "create role \"{role}\" for exactly this subject, or correct {} ({} shows the roles)",
                self.login.role_variable,
                commands.vault("list", &format!("auth/{path}/role"))
            )],
            Trust::Audience => self.on_audience(),
            Trust::Issuer | Trust::Configuration => self.on_configuration(),
            Trust::BoundSubject => self.on_bound_subject(),
            Trust::Subject => self.on_subject(),
            Trust::Claim => self.on_claim(),
            Trust::UserClaim => vec![commands.write_role(&[("user_claim", "terraform_workspace_id")])],
            Trust::GroupsClaim => vec![commands.write_role(&[("groups_claim", "")])],
            Trust::RoleType => vec![format!(
                "name a role for machines in {}, or make this one such: {}",
                self.login.role_variable,
                commands.bind_role(None)
            )],
            Trust::Clock => vec![
                "compare the clocks of the Vault server and of the issuer; about a minute of difference is tolerated"
                    .to_owned(),
            ],
            Trust::Fetch | Trust::Keys => vec![format!(
                "let the Vault server fetch {}/.well-known/openid-configuration and the keys named there (address, \
                 firewall, oidc_discovery_ca_pem), and check that auth/{path}/config names this issuer",
                self.claims.iss.as_deref().unwrap_or_default()
            )],
            Trust::Unknown => vec![format!(
                "compare auth/{path}/config (issuer) and auth/{path}/role/{role} (audience, subject, claims) with what was presented"
            )],
        };
        let is_described = !matches!(trust, Trust::Clock | Trust::Fetch | Trust::Keys | Trust::GroupsClaim);
        fix.extend(commands.trust().filter(|_| is_described).into_iter().flatten());
        fix
    }

    fn on_audience(&self) -> Vec<String> {
        let audience = self.claims.aud.as_deref().unwrap_or_default();
        vec![
            format!(
                "{} (it replaces the list, so name all that are needed, separated by commas)",
                self.commands().write_role(&[("bound_audiences", audience)])
            ),
            format!(
                "or set {} to an audience that is bound",
                self.variable("TFC_VAULT_WORKLOAD_IDENTITY_AUDIENCE")
            ),
        ]
    }

    fn on_configuration(&self) -> Vec<String> {
        vec![
            format!("{} (exactly so, without a trailing slash)", self.commands().write_configuration()),
            "with oidc_discovery_ca_pem as before (@FILE), because every write replaces the whole configuration"
                .to_owned(),
        ]
    }

    fn on_bound_subject(&self) -> Vec<String> {
        let commands = self.commands();
        let cleared = commands.write_role(&[("bound_subject", "")]);
        let mut fix = self.on_phase();
        fix.extend([
            format!("clear it, if bound_claims has the subject already: {cleared}"),
            format!(
                "or set it to the exact subject: {}",
                commands.write_role(&[("bound_subject", commands.subject())])
            ),
        ]);
        fix
    }

    fn on_subject(&self) -> Vec<String> {
        let commands = self.commands();
        let mut fix = self.on_phase();
        fix.push(format!(
            "only if this workspace and this phase should have role \"{}\": {} (it replaces all bound claims)",
            self.login.role,
            commands.bind_role(None)
        ));
        fix
    }

    // A role that is opened to the other phase would let every plan do what an apply may do. Vault does not tell which subject the
    // role is bound to, so that the name of the role decides what is more likely.
    fn on_phase(&self) -> Vec<String> {
        let VaultLogin { role, role_variable, .. } = self.login;
        let subject = self.claims.sub.as_deref().unwrap_or_default();
        let changed = "the subject is another one than the role was bound to if the workspace, its project or the organization was \
                       renamed or moved, or if the template of subjects was changed: carnet subject show tells what it is now";
        let Some((_, phase)) = subject.rsplit_once(":run_phase:") else {
            return vec![
                changed.to_owned(),
                format!("correct {role_variable} if role \"{role}\" belongs to others"),
            ];
        };
        let (plan, apply) = (self.variable("TFC_VAULT_PLAN_ROLE"), self.variable("TFC_VAULT_APPLY_ROLE"));
        let own = format!("give each phase its own role with {plan} and {apply}");
        if role.rsplit(['-', '_', '/', '.']).next() == Some(phase) {
            return vec![
                changed.to_owned(),
                format!("or role \"{role}\" (chosen by {role_variable}) belongs to another workspace: {own}"),
            ];
        }
        vec![
            format!(
                "the subject ends in run_phase:{phase}, and role \"{role}\" (chosen by {role_variable}) probably belongs to \
                 another phase or workspace: {own}"
            ),
            format!("or {changed}"),
        ]
    }

    fn on_claim(&self) -> Vec<String> {
        let commands = self.commands();
        let name = self.named.unwrap_or_default();
        let read = commands.vault("read -field=bound_claims", &commands.role_path());
        let value = self.claims.value(name);
        let changed = match &value {
            Some(value) => commands.bind_role(Some((name, value))),
            None => commands.bind_role(None),
        };
        let what = match value {
            Some(_) => format!("if \"{name}\" should have this value"),
            None => format!("to do without \"{name}\", which the token does not have"),
        };
        vec![
            format!(
                "{read} shows what is demanded; correct {} if the role belongs to others",
                self.login.role_variable
            ),
            format!("{what}: {changed} (it replaces all bound claims)"),
        ]
    }

    fn on_the_way(&self, way: Way) -> Vec<String> {
        let VaultLogin { auth_path: path, address, .. } = self.login;
        let commands = self.commands();
        let address_variable = self.variable("TFC_VAULT_ADDR");
        let mounted = format!(
            "check that a JWT method is mounted at auth/{path} in this namespace (vault auth list), or correct {} or {}",
            self.variable("TFC_VAULT_AUTH_PATH"),
            self.variable("TFC_VAULT_NAMESPACE")
        );
        let first = match way {
            Way::Namespace => format!(
                "correct {}; the namespace does not exist on this server",
                self.variable("TFC_VAULT_NAMESPACE")
            ),
            Way::Mount => {
                let read = commands.vault("read -field=token_bound_cidrs", &commands.role_path());
                let allowed = format!(
                    "or let the agent's address in: {read} shows who may log in, and anybody may when it is empty"
                );
                return vec![mounted, allowed];
            }
            Way::OtherMethod => mounted,
            Way::Standby => {
                "the server is sealed, starting or overloaded; unseal it, or run again later".to_owned()
            }
            Way::Certificate => format!(
                "put the CA of this server into {}, or correct the host name in {address_variable}",
                self.variable("TFC_VAULT_ENCODED_CACERT"),
            ),
            Way::Expired => format!(
                "the certificate of {address} has expired: renew it, or correct the clock of the agent"
            ),
            Way::NoTls => format!(
                "give the server TLS; or, where the network is trusted, set {address_variable} to {}",
                address.replacen("https://", "http://", 1)
            ),
            Way::NeedsTls => {
                format!("set {address_variable} to {}", address.replacen("http://", "https://", 1))
            }
            Way::Unreachable => format!(
                "check that the agent can reach {address} (name, port, firewall, http or https), or correct {address_variable}"
            ),
            Way::Slow => format!(
                "the server took longer than {} s; raise {} if it is only slow",
                self.login.timeout.as_secs(),
                self.variable("TFC_VAULT_CLIENT_TIMEOUT")
            ),
            Way::NotVault => format!(
                "check that {address_variable} is the address of a Vault server, without /v1 or another path"
            ),
        };
        vec![first]
    }

    fn variable(&self, base: &str) -> String {
        own_variable(base, self.configured.tag.as_ref())
    }
}

/// The claim that Vault names in what it says.
fn named_claim(failure: &Failure) -> Option<&str> {
    let Failure::Refused { errors, .. } = failure else { return None };
    errors.iter().find_map(|text| {
        let (_, rest) = text.split_once("claim \"")?;
        rest.split_once('"').map(|(name, _)| name)
    })
}

fn own_variable(base: &str, tag: Option<&Tag>) -> String {
    variable_name(base, tag.map(Tag::as_str))
}
