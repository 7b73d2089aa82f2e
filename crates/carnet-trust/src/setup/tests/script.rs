//! The script, run by a shell.

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Output};

use serde_json::json;

use super::super::{Scope, TrustFormat, write};
use super::request;

/// A `curl` that knows a workspace with two variables of one name, and refuses one variable.
const CURL: &str = r#"#!/bin/sh
grep -q '^Authorization: Bearer secret$' || exit 9
for argument; do body=$last; last=$argument; done
case "$*" in
  *"-X GET"*/vars) printf '{"data":[%s,%s]}\n200' \
    '{"id":"var-old","type":"vars","attributes":{"category":"terraform","key":"TFC_VAULT_ADDR","value":"{\"id\":\"var-x"}}' \
    '{"id":"var-env","type":"vars","attributes":{"category":"env","key":"TFC_VAULT_ADDR","value":"x"}}' ;;
  *"-X GET"*projects*) printf '{"data":[]}\n200' ;;
  *"-X GET"*) printf '{"data":{"id":"ws-1","type":"workspaces"}}\n200' ;;
  *REFUSED*) printf '{"errors":["this one is refused"]}\n422' ;;
  *) echo "$5 $last $body" >> "$CALLS"; printf '{}\n201' ;;
esac
"#;

/// A Vault whose mount knows this issuer; without one it is not configured.
const VAULT: &str = r#"#!/bin/sh
case "$*" in
  "read -field=oidc_discovery_url auth/jwt/config") [ -n "$KNOWN" ] && echo "$KNOWN" ;;
  "read -field=bound_issuer auth/jwt/config") echo "$KNOWN" ;;
  "read auth/jwt/config") echo "No value found at auth/jwt/config" >&2; exit 2 ;;
  read*) exit 2 ;;
  write*) echo "$2" >> "$CALLS.vault"; cat > /dev/null ;;
esac
"#;

/// A `kubectl` that keeps what it is to apply.
const KUBECTL: &str = "#!/bin/sh\ncat >> \"$CALLS.kubectl\"\n";

/// A folder with them.
struct Programs(tempfile::TempDir);

impl Programs {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        for (name, text) in [("curl", CURL), ("bao", VAULT), ("kubectl", KUBECTL)] {
            let path = folder.path().join(name);
            std::fs::write(&path, text).expect("a file");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).expect("a program");
        }
        Self(folder)
    }

    fn run(&self, script: &str, known: &str) -> Output {
        let folder = self.0.path();
        std::fs::write(folder.join("trust.sh"), script).expect("a file");
        let path = format!("{}:/usr/bin:/bin", folder.display());
        let mut command = Command::new("sh");
        command.arg(folder.join("trust.sh")).env_clear().env("PATH", path).env("CARNET_TOKEN", "secret");
        command
            .env("VAULT_ADDR", "https://vault.example.org:8200")
            .env("VAULT", folder.join("bao"))
            .env("CALLS", folder.join("calls"))
            .env("KNOWN", known)
            .current_dir(folder);
        command.stdin(std::process::Stdio::null()).output().expect("a shell")
    }

    /// What was asked of Carnet, or written to Vault.
    fn calls(&self, name: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.0.path().join(name)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}

fn script() -> String {
    let options =
        json!({"vault-addr": "https://vault.example.org:8200", "policy-plan": ["r"], "policy-apply": ["w"]});
    write(&request("vault", options), TrustFormat::Cli).expect("text")
}

#[test]
fn variables_that_are_there_are_updated_and_refusals_are_shown() {
    let programs = Programs::new();
    let script = script();
    let output = programs.run(&script, "");
    assert!(output.status.success(), "{output:?}");
    let calls = programs.calls("calls");
    assert_eq!(calls.len(), 4, "{calls:?}");
    assert!(
        calls[0].starts_with("POST https://carnet.example.org/api/v2/workspaces/ws-1/vars "),
        "{calls:?}"
    );
    assert!(calls[1].contains("PATCH https://carnet.example.org/api/v2/workspaces/ws-1/vars/var-env "));
    assert!(
        calls[1]
            .contains(r#""key":"TFC_VAULT_ADDR","value":"https://vault.example.org:8200","category":"env""#)
    );

    let output = programs.run(&script.replace("PLAN_ROLE carnet-acme-net-plan", "PLAN_ROLE REFUSED"), "");
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("this one is refused"), "{output:?}");
}

#[test]
fn the_configuration_of_a_mount_is_written_once_and_never_over_that_of_another_issuer() {
    let written = |known: &str| {
        let programs = Programs::new();
        let output = programs.run(&script(), known);
        (output.status.success(), programs.calls("calls.vault"), output)
    };
    let (is_done, paths, output) = written("");
    assert!(is_done && paths.contains(&"auth/jwt/config".to_owned()), "{output:?}");
    let (is_done, paths, output) = written("https://carnet.example.org");
    assert!(is_done && !paths.contains(&"auth/jwt/config".to_owned()) && !paths.is_empty(), "{output:?}");
    let (is_done, _, output) = written("https://other.example.org");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!is_done && said.contains("for another issuer (https://other.example.org)"), "{said}");
}

#[test]
fn a_project_that_is_not_there_makes_no_set_for_everybody() {
    let mut wide = request("vault", json!({"vault-addr": "https://vault.example.org:8200"}));
    wide.scope = Scope::Project;
    let programs = Programs::new();
    let output = programs.run(&write(&wide, TrustFormat::Cli).expect("text"), "");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("there is no such project of acme"), "{said}");
    assert!(programs.calls("calls").is_empty(), "{:?}", programs.calls("calls"));
}

#[test]
fn the_files_of_kubernetes_are_written_and_applied() {
    let mut kubernetes = request("kubernetes", json!({ "host": "https://k:6443" }));
    kubernetes.variables = super::super::Variables::Show;
    let script = write(&kubernetes, TrustFormat::Cli).expect("a script");
    let programs = Programs::new();
    let output = programs.run(&script, "");
    assert!(output.status.success(), "{script}\n{output:?}");
    let file = std::fs::read_to_string(programs.0.path().join("authentication-configuration.json"));
    let file: serde_json::Value = serde_json::from_str(&file.expect("a file")).expect("JSON");
    assert_eq!(file["jwt"][0]["issuer"]["url"], "https://carnet.example.org");
    let applied = programs.calls("calls.kubectl").concat();
    assert!(
        applied.contains("carnet-acme-net-plan") && applied.contains("carnet-acme-net-apply"),
        "{applied}"
    );
}
