//! What every kind of trust is asked with: for whom, in which phases, written how.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use carnet_issuer::IssuerUrl;
use carnet_model::{OrgName, ProjectName, WorkspaceName};
use carnet_trust::setup::{
    FamilyOptions, Phases, Scope, SetupError, Subjects, TrustFormat, TrustRequest, Variables, write,
};
use clap::Args;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

/// Whose runs are trusted, and how that is written.
#[derive(Debug, Args)]
pub(crate) struct TrustTarget {
    /// The issuer of identity tokens: the server's URL unless it was given another.
    #[arg(long, value_name = "URL")]
    url: IssuerUrl,

    /// The address of the application, if it is not the issuer's.
    #[arg(long, value_parser = web_address, value_name = "URL")]
    app_url: Option<String>,

    /// The organization.
    #[arg(long, value_name = "NAME")]
    org: OrgName,

    /// The project.
    #[arg(long, default_value = "Default Project", value_name = "NAME")]
    project: ProjectName,

    /// The workspace; not with a wider --scope.
    #[arg(long, value_name = "NAME")]
    workspace: Option<WorkspaceName>,

    /// Whose runs are trusted: of the workspace, or of every workspace of the project or organization. What is wider than a
    /// workspace is explained in the output.
    #[arg(long, default_value = "workspace", value_name = "workspace|project|organization")]
    scope: Scope,

    /// The phases that are trusted, each as an identity of its own.
    #[arg(long, default_value = "both", value_name = "plan|apply|both")]
    phase: Phases,

    /// The tag of the configuration, for several of one family in a workspace.
    #[arg(long, value_name = "TAG")]
    tag: Option<String>,

    /// The audience of the tokens, if not the family's own.
    #[arg(long, value_name = "AUDIENCE")]
    audience: Option<String>,

    /// The subject of plans, if it is not that of HCP Terraform.
    #[arg(long, value_name = "SUBJECT")]
    subject_plan: Option<String>,

    /// The subject of applies, if it is not that of HCP Terraform.
    #[arg(long, value_name = "SUBJECT")]
    subject_apply: Option<String>,

    /// The provider, pool or mount of this issuer is there already, of the trust of another workspace: do not make it again.
    #[arg(long)]
    knows_issuer: bool,

    /// The certificate authority of the issuer, PEM, if it is not publicly trusted.
    #[arg(long, value_name = "FILE")]
    issuer_ca_file: Option<PathBuf>,

    /// The key set of the issuer (its /.well-known/jwks), for relying parties that cannot fetch it.
    #[arg(long, value_name = "FILE")]
    issuer_keys_file: Option<PathBuf>,

    /// Write the variables into the workspace, or only show them, for somebody else to write.
    #[arg(long, default_value = "write", value_name = "write|show")]
    variables: Variables,

    /// How the trust is written: a configuration of Terraform, a script of the provider's commands, or its policies as JSON.
    #[arg(long, default_value = "terraform", value_name = "terraform|cli|json")]
    format: TrustFormat,
}

impl TrustTarget {
    /// The trust as text.
    pub(super) fn text(&self, family: FamilyOptions) -> anyhow::Result<String> {
        let issuer = self.url.as_str().to_owned();
        let request = TrustRequest {
            application: self.app_url.clone().unwrap_or_else(|| issuer.clone()),
            issuer,
            issuer_ca: self.issuer_ca_file.as_deref().map(certificates).transpose()?,
            issuer_keys: self.issuer_keys_file.as_deref().map(keys).transpose()?,
            organization: self.org.clone(),
            project: self.project.clone(),
            workspace: self.workspace.clone(),
            workspace_id: None,
            scope: self.scope,
            phases: self.phase,
            tag: self.tag.clone(),
            subjects: Subjects { plan: self.subject_plan.clone(), apply: self.subject_apply.clone() },
            audience: self.audience.clone(),
            knows_issuer: self.knows_issuer,
            variables: self.variables,
            family,
        };
        // What cannot be is a matter of the options: the process ends with their code.
        Ok(write(&request, self.format).unwrap_or_else(|error| refuse(&error)))
    }
}

fn refuse(error: &SetupError) -> ! {
    clap::Error::raw(clap::error::ErrorKind::ValueValidation, format!("{error}\n")).exit()
}

/// Reads an address of the web.
pub(super) fn web_address(text: &str) -> Result<String, String> {
    // The address stands in a script, in quotes.
    let is_plain = text.chars().all(|one| one.is_ascii_graphic() && !"'\"\\$`;&|<>()".contains(one));
    match reqwest::Url::parse(text) {
        Ok(url) if is_plain && matches!(url.scheme(), "https" | "http") && url.has_host() => {
            Ok(text.trim_end_matches('/').to_owned())
        }
        Ok(_) | Err(_) => Err("an address looks like https://host.example.org:8200".to_owned()),
    }
}

/// Reads certificates and refuses anything else.
pub(super) fn certificates(file: &Path) -> anyhow::Result<String> {
    let pem = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let found = CertificateDer::pem_slice_iter(pem.as_bytes()).collect::<Result<Vec<_>, _>>();
    match found {
        Ok(found) if !found.is_empty() => Ok(pem),
        Ok(_) | Err(_) => bail!("{} holds no certificate in PEM", file.display()),
    }
}

/// Reads a key set and refuses anything else.
fn keys(file: &Path) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let set: serde_json::Value =
        serde_json::from_str(&text).with_context(|| format!("{} is no JSON", file.display()))?;
    if !set["keys"].is_array() {
        bail!("{} holds no key set: there is no list \"keys\"", file.display());
    }
    Ok(set.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_relying_party_would_misread_is_refused() {
        assert!(web_address("127.0.0.1:8200").is_err() && web_address("https://vault:8200/").is_ok());
        assert!(
            web_address("https://vault:8200/'; id; '").is_err() && web_address("https://v:1/$(id)").is_err()
        );
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        assert!(certificates(&manifest).is_err() && keys(&manifest).is_err());
    }
}
