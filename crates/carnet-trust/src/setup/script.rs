//! The trust as a script that may be run again: what is there already is brought up to date.

use super::carnet_side::set_name;
use super::hcl::printable;
use super::outline::{Source, TrustSetup};
use super::request::{Scope, TrustRequest, Variables};
use super::shell::{commands, quoted};
use super::terraform::wrapped;
use super::text::Text;

/// How variables get into a workspace or a variable set.
const CARNET: &str = include_str!("carnet.sh");

const HEAD: &str = "\
It needs CARNET_TOKEN, an API token of Carnet; with CURL_CA_BUNDLE where Carnet's certificate is not publicly trusted. It may be run \
again: it updates what it names, and leaves all else.";

const HEAD_ALONE: &str = "\
It may be run again: it updates what it names, and leaves all else. At its end it prints the environment variables that the workspace \
needs.";

/// The whole script.
pub(super) fn write(request: &TrustRequest, setup: &TrustSetup) -> String {
    let writes = request.variables == Variables::Write;
    let head = if writes { HEAD } else { HEAD_ALONE };
    let mut text = "#!/bin/sh\n".to_owned();
    for paragraph in [setup.title.as_str(), head].into_iter().chain(setup.notes.iter().map(String::as_str)) {
        for line in wrapped(paragraph) {
            text.push_str(&format!("# {}\n", printable(&line)));
        }
    }
    text.push_str("set -eu\n");
    if writes {
        text.push_str(": \"${CARNET_TOKEN:?must be an API token of Carnet}\"\n");
    }
    for input in &setup.inputs {
        let name = input.name.to_uppercase();
        let what = printable(&input.what).replace(['}', '"', '$', '`', '\\'], "");
        match input.source {
            Source::Person => {
                text.push_str(&format!(": \"${{{name}:?{what}}}\"\n"));
            }
            Source::Made => {}
        }
    }
    text.push_str(setup.preamble);
    text.push('\n');
    if writes {
        text.push_str(CARNET);
        text.push_str(&place(request));
        text.push('\n');
    }
    text.push_str(&commands(&setup.commands));
    text.push('\n');
    for variable in &setup.variables {
        let command = if writes { "variable" } else { "printf '%s=%s\\n'" };
        text.push_str(&format!("{command} {} {}\n", variable.key, quoted(&variable.value)));
    }
    text
}

/// Where the variables go.
fn place(request: &TrustRequest) -> String {
    let url = quoted(&Text::from(request.application.as_str()));
    let organization = &request.organization;
    let name = set_name(request);
    match (request.scope, &request.workspace) {
        (Scope::Workspace, workspace) => {
            let workspace = workspace.as_ref().map(carnet_model::WorkspaceName::as_str).unwrap_or_default();
            format!(
                "url={url}\nrequest GET organizations/{organization}/workspaces/{workspace}\n\
                 workspace=$(printf '%s\\n' \"$answer\" | sed -n 's/^{{\"data\":{{\"id\":\"\\(ws-[A-Za-z0-9]*\\)\".*/\\1/p')\n\
                 WORKSPACE_ID=$workspace\nvariables_of \"workspaces/$workspace/vars\"\n"
            )
        }
        (Scope::Project, _) => format!(
            "url={url}\nrequest GET organizations/{organization}/projects?filter%5Bnames%5D={}\n\
             variable_set {organization} {name} \"$(first_id prj)\"\n",
            request.project.as_str().replace(' ', "%20")
        ),
        (Scope::Organization, _) => format!("url={url}\nvariable_set {organization} {name}\n"),
    }
}
