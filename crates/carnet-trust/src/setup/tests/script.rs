//! The script, run by a shell.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::json;

use super::super::{TrustFormat, write};
use super::request;

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
    let options =
        json!({"vault-addr": "https://vault.example.org:8200", "policy-plan": ["r"], "policy-apply": ["w"]});
    let script = write(&request("vault", options), TrustFormat::Cli).expect("text");
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
        calls[1]
            .contains(r#""key":"TFC_VAULT_ADDR","value":"https://vault.example.org:8200","category":"env""#)
    );

    let output = run(&script.replace("PLAN_ROLE carnet-acme-net-plan", "PLAN_ROLE REFUSED"), &folder);
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("this one is refused"), "{output:?}");
    std::fs::remove_dir_all(&folder).expect("it can be removed");
}
