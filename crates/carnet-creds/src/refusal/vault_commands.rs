//! Commands for the administrator of Vault, ready to run.

use serde_json::{Value, json};

use crate::{exchange::claims::Claims, provider::VaultLogin, shell::shell_quoted};

/// The audience of the roles that `carnet trust vault` describes.
const AUDIENCE: &str = "vault.workload.identity";
/// The project that `carnet trust vault` takes when none is named.
const PROJECT: &str = "Default Project";

/// Commands about the authentication method of a login.
pub(super) struct Commands<'a> {
    pub(super) login: &'a VaultLogin,
    pub(super) claims: &'a Claims,
}

impl Commands<'_> {
    /// A command of the Vault client, in the namespace of the login.
    pub(super) fn vault(&self, command: &str, path: &str) -> String {
        vault(command, self.login.namespace.as_deref(), path)
    }

    /// Changes members of the role that are plain texts.
    pub(super) fn write_role(&self, members: &[(&str, &str)]) -> String {
        let members = members.iter().map(|(name, value)| format!(" {name}={}", shell_quoted(value)));
        // Without it Vault takes the role for one of OIDC, and refuses the change.
        format!("{} role_type=jwt{}", self.vault("write", &self.role_path()), members.collect::<String>())
    }

    /// Binds the role to exactly these claims, beside the subject.
    pub(super) fn bind_role(&self, claim: Option<(&str, &str)>) -> String {
        let mut claims = json!({ "sub": self.subject() });
        if let Some((name, value)) = claim {
            claims[name] = Value::from(value);
        }
        let body = json!({ "role_type": "jwt", "bound_claims_type": "string", "bound_claims": claims });
        let body = shell_quoted(&body.to_string());
        format!("echo {body} | {} -", self.vault("write", &self.role_path()))
    }

    /// Makes the authentication method trust the issuer of the token.
    pub(super) fn write_configuration(&self) -> String {
        let path = format!("auth/{}/config", self.login.auth_path);
        let issuer = shell_quoted(self.claims.iss.as_deref().unwrap_or_default());
        format!("{} oidc_discovery_url={issuer} bound_issuer={issuer}", self.vault("write", &path))
    }

    /// The command that prints the whole trust of a workspace, and what that is; none for tokens that it does not suit.
    pub(super) fn trust(&self) -> Option<[String; 2]> {
        if self.claims.aud.as_deref() != Some(AUDIENCE) {
            return None;
        }
        let (organization, rest) = self.subject().strip_prefix("organization:")?.split_once(":project:")?;
        let (place, _) = rest.rsplit_once(":run_phase:")?;
        let (project, workspace) = place.rsplit_once(":workspace:")?;
        let VaultLogin { address, auth_path, .. } = self.login;
        let mut options = vec![("url", self.claims.iss.as_deref()?), ("org", organization)];
        options.extend((project != PROJECT).then_some(("project", project)));
        options.push(("workspace", workspace));
        options.extend((auth_path != "jwt").then_some(("mount", auth_path.as_str())));
        options.extend([
            ("policy-plan", "POLICY"),
            ("policy-apply", "POLICY"),
            ("vault-addr", address.as_str()),
        ]);
        let options = options.iter().map(|(name, value)| format!(" --{name} {}", shell_quoted(value)));
        Some([
            format!(
                "all of it, for the roles carnet-{organization}-{workspace}-plan and carnet-{organization}-{workspace}-apply \
                 and with the variables that choose them, is printed by"
            ),
            format!("  carnet trust vault{}", options.collect::<String>()),
        ])
    }

    pub(super) fn role_path(&self) -> String {
        format!("auth/{}/role/{}", self.login.auth_path, self.login.role)
    }

    pub(super) fn subject(&self) -> &str {
        self.claims.sub.as_deref().unwrap_or_default()
    }
}

/// A command of the Vault client; some have no path.
pub(super) fn vault(command: &str, namespace: Option<&str>, path: &str) -> String {
    let namespace =
        namespace.map(|namespace| format!(" -namespace={}", shell_quoted(namespace))).unwrap_or_default();
    let path = if path.is_empty() { String::new() } else { format!(" {}", shell_quoted(path)) };
    format!("vault {command}{namespace}{path}")
}
