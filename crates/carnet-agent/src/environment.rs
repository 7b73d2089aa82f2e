//! The environment of Terraform: empty, plus an allow list, plus what the workspace and the agent set.

use std::{collections::BTreeMap, path::Path};

use carnet_api::job::{JobDocument, JobVariable};
use secrecy::SecretString;

/// Taken from the agent's own environment.
const ALLOWED: [&str; 9] = [
    "PATH",
    "LANG",
    "TZ",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "LANGUAGE",
];

/// What a workspace cannot set, as a run would leave its own directory or its sandbox.
const RESERVED: [&str; 13] = [
    "HOME",
    "TMPDIR",
    "TF_CLI_CONFIG_FILE",
    "TERRAFORM_CONFIG",
    "TF_WORKSPACE",
    "TF_DATA_DIR",
    "TF_INPUT",
    "TF_IN_AUTOMATION",
    "CHECKPOINT_DISABLE",
    "TFC_RUN_ID",
    "TFC_WORKSPACE_NAME",
    "TFC_WORKSPACE_SLUG",
    "TFC_PROJECT_NAME",
];

/// Reserved with everything that starts like this. The dynamic loader reads `LD_…` before the sandbox stands.
const RESERVED_PREFIXES: [&str; 3] = ["LD_", "GLIBC_", "CARNET_"];

const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// An environment, and what people should know about it.
pub(crate) struct Environment {
    pub(crate) values: BTreeMap<String, SecretString>,
    pub(crate) notices: Vec<String>,
}

impl Environment {
    /// The environment of a run before any credential.
    pub(crate) fn new(host: &BTreeMap<String, String>, document: &JobDocument, home: &Path) -> Self {
        let mut environment = Self { values: BTreeMap::new(), notices: Vec::new() };
        environment.set("PATH", DEFAULT_PATH);
        let is_allowed =
            |name: &str| ALLOWED.contains(&name.to_uppercase().as_str()) || name.starts_with("LC_");
        for (name, value) in host.iter().filter(|(name, _)| is_allowed(name)) {
            environment.set(name, value);
        }
        for variable in document.variables.iter().filter(|variable| variable.category == "env") {
            environment.add_workspace_variable(variable);
        }
        environment.add_own(document, home);
        environment
    }

    /// Sets a value, whatever stood there.
    pub(crate) fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.values.insert(name.into(), SecretString::from(value.into()));
    }

    fn add_workspace_variable(&mut self, variable: &JobVariable) {
        let name = &variable.key;
        if !is_name(name) {
            self.notices.push(format!("the environment variable {name:?} is left out: it has no valid name"));
        } else if is_reserved(name) {
            self.notices
                .push(format!("the environment variable {name} is left out: its value is set by the agent"));
        } else {
            self.values.insert(name.clone(), variable.value.0.clone());
        }
    }

    fn add_own(&mut self, document: &JobDocument, home: &Path) {
        let in_home = |name: &str| home.join(name).to_string_lossy().into_owned();
        self.set("HOME", home.to_string_lossy());
        self.set("TMPDIR", in_home("tmp"));
        self.set("TF_CLI_CONFIG_FILE", in_home("terraformrc"));
        self.set("TF_IN_AUTOMATION", "1");
        self.set("TF_INPUT", "0");
        self.set("CHECKPOINT_DISABLE", "1");
        let identity = &document.identity;
        let slug = format!("{}/{}", identity.organization_name, identity.workspace_name);
        for (name, value) in [
            ("TFC_RUN_ID", identity.run_id.as_str()),
            ("TFC_WORKSPACE_NAME", &identity.workspace_name),
            ("TFC_WORKSPACE_SLUG", &slug),
            ("TFC_PROJECT_NAME", &identity.project_name),
        ] {
            self.set(name, value);
            self.set(format!("TF_VAR_{name}"), value);
        }
    }
}

fn is_reserved(name: &str) -> bool {
    RESERVED.contains(&name) || RESERVED_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0'])
}

/// The name by which configurations call the private registry of whatever server runs them.
const GENERIC_HOST: &str = "localterraform.com";

/// The configuration of the Terraform command: the run's token for its own server, under the generic name, too, and where
/// providers come from.
pub(crate) fn cli_config(server_url: &str, run_token: &str, plugin_dir: Option<&Path>) -> String {
    let mut text = "disable_checkpoint = true\n".to_owned();
    for host in host_of(server_url).into_iter().chain([GENERIC_HOST]) {
        text.push_str(&format!(
            "credentials {} {{\n  token = {}\n}}\n",
            json_text(host),
            json_text(run_token)
        ));
    }
    let registry = format!("{}/api/registry/v1", server_url.trim_end_matches('/'));
    text.push_str(&format!(
        "host {} {{\n  services = {{\n    \"modules.v1\" = {}\n    \"providers.v1\" = {}\n  }}\n}}\n",
        json_text(GENERIC_HOST),
        json_text(&format!("{registry}/modules/")),
        json_text(&format!("{registry}/providers/"))
    ));
    if let Some(folder) = plugin_dir {
        let mirrored: Vec<String> = mirrored_providers(folder).iter().map(|name| json_text(name)).collect();
        let list = mirrored.join(", ");
        text.push_str(&format!(
            "provider_installation {{\n  filesystem_mirror {{\n    path = {}\n    include = [{list}]\n  }}\n  direct {{\n    \
             exclude = [{list}]\n  }}\n}}\n",
            json_text(&folder.to_string_lossy())
        ));
    }
    text
}

/// Quoted as in HCL, for texts without `${`.
fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn host_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let host = rest.split('/').next()?;
    (!host.is_empty()).then_some(host)
}

/// The providers of a filesystem mirror, as `HOST/NAMESPACE/TYPE`.
fn mirrored_providers(folder: &Path) -> Vec<String> {
    let names = |path: &Path| -> Vec<String> {
        let list = std::fs::read_dir(path).into_iter().flatten().flatten();
        let mut names: Vec<String> = list
            .filter(|entry| entry.path().is_dir())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort();
        names
    };
    let mut found = Vec::new();
    for host in names(folder) {
        for namespace in names(&folder.join(&host)) {
            for kind in names(&folder.join(&host).join(&namespace)) {
                found.push(format!("{host}/{namespace}/{kind}"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;
    use crate::fixture;

    fn environment(host: &[(&str, &str)], workspace: &[(&str, &str)]) -> Environment {
        let mut document = fixture::document("plan");
        document.variables =
            workspace.iter().map(|(key, value)| fixture::variable(key, value, "env")).collect();
        let host = host.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Environment::new(&host, &document, Path::new("/tmp/carnet-run-1"))
    }

    #[test]
    fn only_allowed_names_of_the_host_get_through() {
        let values =
            environment(&[("AWS_SECRET_ACCESS_KEY", "x"), ("LC_ALL", "C"), ("https_proxy", "p")], &[]).values;
        assert!(!values.contains_key("AWS_SECRET_ACCESS_KEY"));
        assert_eq!(values["LC_ALL"].expose_secret(), "C");
        assert_eq!(values["https_proxy"].expose_secret(), "p");
        assert_eq!(values["TF_VAR_TFC_WORKSPACE_SLUG"].expose_secret(), "acme/net");
    }

    #[test]
    fn a_workspace_sets_what_it_likes_but_not_what_is_reserved() {
        let environment = environment(
            &[("PATH", "/host")],
            &[("PATH", "/mine"), ("TF_LOG", "debug"), ("HOME", "/root"), ("LD_PRELOAD", "x"), ("a=b", "x")],
        );
        assert_eq!(environment.values["PATH"].expose_secret(), "/mine");
        assert_eq!(environment.values["HOME"].expose_secret(), "/tmp/carnet-run-1");
        assert!(environment.values.contains_key("TF_LOG") && !environment.values.contains_key("LD_PRELOAD"));
        assert_eq!(environment.notices.len(), 3);
    }

    #[test]
    fn providers_of_the_mirror_come_from_nowhere_else() {
        let mirror = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(mirror.path().join("registry.terraform.io/hashicorp/aws/5.100.0")).unwrap();
        let text = cli_config("https://carnet.example.com:8443/x", "t", Some(mirror.path()));
        assert!(text.contains("credentials \"carnet.example.com:8443\" {\n  token = \"t\"\n}"));
        assert!(text.contains("credentials \"localterraform.com\" {\n  token = \"t\"\n}"));
        let modules = "\"modules.v1\" = \"https://carnet.example.com:8443/x/api/registry/v1/modules/\"";
        assert!(text.contains(&format!("host \"localterraform.com\" {{\n  services = {{\n    {modules}\n")));
        assert!(text.contains("include = [\"registry.terraform.io/hashicorp/aws\"]"));
        assert!(text.contains("exclude = [\"registry.terraform.io/hashicorp/aws\"]"));
    }
}
