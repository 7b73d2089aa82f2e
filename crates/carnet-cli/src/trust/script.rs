//! The trust as a script that may be run again: what is there already is brought up to date.

use super::vault::{Request, VaultTrust};

/// How a variable gets into the workspace.
const VARIABLES: &str = include_str!("variables.sh");

const HEAD: &str = r#"#!/bin/sh
# Run it where VAULT_ADDR and a token of an administrator of Vault are set, and CARNET_TOKEN, an API token; with CURL_CA_BUNDLE
# where Carnet's certificate is not publicly trusted. The policies that the roles name must exist already.
# It may be run again: it updates the roles and the variables that it names, and leaves all others.
set -eu
: "${CARNET_TOKEN:?must be an API token of Carnet}"
VAULT=${VAULT:-$(command -v vault || command -v bao)} || {
  echo 'neither vault nor bao is on the PATH; set VAULT to one of them' >&2
  exit 1
}

"#;

/// A script for a POSIX shell: first the Vault side, then the variables of the workspace.
pub(super) fn script(options: &VaultTrust, requests: &[Request], variables: &[(&str, String)]) -> String {
    let mut text = HEAD.to_owned();
    for request in requests {
        if request.may_exist {
            text.push_str(&format!("\"$VAULT\" read {0} >/dev/null 2>&1 || ", request.path));
        }
        text.push_str(&format!("\"$VAULT\" write {} - <<'EOF'\n{:#}\nEOF\n\n", request.path, request.body));
    }
    text.push_str(VARIABLES);
    let (url, organization, workspace) = (options.app_url(), &options.org, &options.workspace);
    text.push_str(&format!(
        "url={url}\nrequest GET organizations/{organization}/workspaces/{workspace}\n\
         workspace=$(printf '%s\\n' \"$answer\" | sed -n 's/^{{\"data\":{{\"id\":\"\\(ws-[A-Za-z0-9]*\\)\".*/\\1/p')\n\
         request GET \"workspaces/$workspace/vars\"\nvariables=$answer\n"
    ));
    for (key, value) in variables {
        text.push_str(&format!("variable {key} '{value}'\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    use std::process::{Command, Output};

    use crate::trust::TrustFormat;
    use crate::trust::vault::tests::{options, printed};

    /// A `curl` that knows a workspace with two variables of one name, and refuses one variable.
    const CURL: &str = r#"#!/bin/sh
grep -q '^Authorization: Bearer secret$' || exit 9
for argument; do body=$last; last=$argument; done
case "$*" in
  *"-X GET"*/vars) printf '{"data":[%s,%s]}\n200' \
    '{"id":"var-old","type":"vars","attributes":{"category":"terraform","key":"TFC_VAULT_ADDR","value":"{\"id\":\"var-x"}}' \
    '{"id":"var-env","type":"vars","attributes":{"category":"env","key":"TFC_VAULT_ADDR","value":"x"}}' ;;
  *"-X GET"*) printf '{"data":{"id":"ws-1","type":"workspaces"}}\n200' ;;
  *REFUSED*) printf '{"errors":["this one is refused"]}\n422' ;;
  *) echo "$5 $last $body" >> "$CALLS"; printf '{}\n201' ;;
esac
"#;

    fn run(script: &str, folder: &Path) -> Output {
        std::fs::write(folder.join("trust.sh"), script).expect("a file");
        let path = format!("{}:/usr/bin:/bin", folder.display());
        let mut command = Command::new("sh");
        command.arg(folder.join("trust.sh")).env_clear().env("PATH", path).env("CARNET_TOKEN", "secret");
        command.env("VAULT", folder.join("bao")).env("CALLS", folder.join("calls"));
        command.stdin(std::process::Stdio::null()).output().expect("a shell")
    }

    #[test]
    fn variables_that_are_there_are_updated_and_refusals_are_shown() {
        let folder = std::env::temp_dir().join(format!("carnet-trust-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        for (name, text) in [("curl", CURL), ("bao", "#!/bin/sh\ncat > /dev/null\n")] {
            let path = folder.join(name);
            std::fs::write(&path, text).expect("a file");
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).expect("a program");
        }
        let script = printed(&options(TrustFormat::Cli));
        let output = run(&script, &folder);
        assert!(output.status.success(), "{output:?}");
        let calls = std::fs::read_to_string(folder.join("calls")).expect("calls");
        let calls: Vec<&str> = calls.lines().collect();
        assert_eq!(calls.len(), 4, "{calls:?}");
        assert!(
            calls[0].starts_with("POST https://carnet.example.org/api/v2/workspaces/ws-1/vars "),
            "{calls:?}"
        );
        assert!(calls[1].contains("PATCH https://carnet.example.org/api/v2/workspaces/ws-1/vars/var-env "));
        assert!(
            calls[1].contains(
                r#""key":"TFC_VAULT_ADDR","value":"https://vault.example.org:8200","category":"env""#
            )
        );

        let output = run(&script.replace("'carnet-acme-net-plan'", "REFUSED"), &folder);
        assert!(!output.status.success());
        assert!(String::from_utf8_lossy(&output.stderr).contains("this one is refused"), "{output:?}");
        std::fs::remove_dir_all(&folder).expect("it can be removed");
    }
}
