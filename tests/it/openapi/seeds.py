"""Makes one of everything on a fresh server, so that Schemathesis finds what its requests name."""

import base64
import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

import requests

URL = os.environ["CARNET_URL"]
SESSION = requests.Session()
SESSION.headers.update(
    {"Authorization": f"Bearer {os.environ['CARNET_TOKEN']}", "Content-Type": "application/vnd.api+json"}
)
SESSION.verify = os.environ["CARNET_CA_FILE"]
SESSION.trust_env = False

# The key of the provider that the tests of the registry publish.
KEY = Path(__file__).parents[1] / "registry/tiny/key.asc"

# Some things can be replaced or deleted only once: requests that do so get one of these.
SPARE = 3


def call(method, path, body=None):
    address = path if path.startswith("https://") else URL + path
    answer = SESSION.request(method, address, data=None if body is None else json.dumps(body), timeout=60)
    if not answer.ok:
        raise SystemExit(f"{method} {path} answered {answer.status_code}: {answer.text}")
    return answer.json() if answer.content else None


def make(path, kind, attributes, **relationships):
    data = {"type": kind, "attributes": attributes}
    if relationships:
        data["relationships"] = {name.replace("_", "-"): {"data": to} for name, to in relationships.items()}
    return call("POST", path, {"data": data})["data"]


def to(resource):
    return {"type": resource["type"], "id": resource["id"]}


def organization(name):
    """An organization with one of everything in it: the values of path parameters by their names."""
    make("/api/v2/organizations", "organizations", {"name": name, "email": "owner@example.com"})
    at = f"/api/v2/organizations/{name}"
    found = {"organization": name, "namespace": name, "registry": "private"}
    project = make(f"{at}/projects", "projects", {"name": f"{name}-project"})
    workspace = make(f"{at}/workspaces", "workspaces", {"name": f"{name}-main"}, project=to(project))
    source = make(f"{at}/workspaces", "workspaces", {"name": f"{name}-source"})
    found |= {"project": project["id"], "workspace": workspace["id"], "workspace_name": f"{name}-main"}
    found |= in_workspace(workspace, source)
    found |= in_organization(at, name, workspace, project)
    found |= registry(at, name)
    return found


def in_workspace(workspace, source):
    at = f"/api/v2/workspaces/{workspace['id']}"
    variable = make(f"{at}/vars", "vars", {"key": "region", "value": "one", "category": "terraform"})
    trigger = make(f"{at}/run-triggers", "run-triggers", {}, sourceable=to(source))
    notification = make(
        f"{at}/notification-configurations",
        "notification-configurations",
        {"name": "example", "destination-type": "generic", "url": "https://notify.example.com/", "enabled": False},
    )
    call("POST", f"{at}/relationships/tags", {"data": [{"type": "tags", "attributes": {"name": "prod"}}]})
    version = make(f"{at}/configuration-versions", "configuration-versions", {"auto-queue-runs": False})
    waiting = make(f"{at}/configuration-versions", "configuration-versions", {"auto-queue-runs": False})
    SESSION.put(version["attributes"]["upload-url"], data=archive(), timeout=60).raise_for_status()
    found = {
        "variable": variable["id"],
        "trigger": trigger["id"],
        "configuration": notification["id"],
        "configuration_version": version["id"],
        "configuration_upload": waiting["attributes"]["upload-url"].rsplit("/", 1)[1],
    }
    found |= state(at)
    found |= run(workspace, version)
    return found


def archive():
    packed = io.BytesIO()
    text = b'output "greeting" { value = "hello" }\n'
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        entry = tarfile.TarInfo("main.tf")
        entry.size = len(text)
        tar.addfile(entry, io.BytesIO(text))
    return packed.getvalue()


def state(at):
    document = {
        "version": 4,
        "terraform_version": "1.11.4",
        "serial": 1,
        "lineage": "8d3ad2b2-0b3c-4f5e-9d6b-0c1d2e3f4a5b",
        "outputs": {"greeting": {"value": "hello", "type": "string"}},
        "resources": [],
    }
    text = json.dumps(document).encode()
    attributes = {
        "serial": 1,
        "md5": hashlib.md5(text).hexdigest(),
        "lineage": document["lineage"],
        "state": base64.b64encode(text).decode(),
    }
    call("POST", f"{at}/actions/lock", {"reason": "seeds"})
    version = make(f"{at}/state-versions", "state-versions", attributes)
    next_one = {"serial": 2, "md5": "0" * 32, "lineage": document["lineage"]}
    waiting = make(f"{at}/state-versions", "state-versions", next_one)["attributes"]
    call("POST", f"{at}/actions/force-unlock")
    return {
        "state_version": version["id"],
        "output": version["relationships"]["outputs"]["data"][0]["id"],
        "state_upload": waiting["hosted-state-upload-url"].rsplit("/", 1)[1],
        "json_state_upload": waiting["hosted-json-state-upload-url"].rsplit("/", 1)[1],
    }


def run(workspace, version):
    made = make("/api/v2/runs", "runs", {}, workspace=to(workspace), configuration_version=to(version))
    at = f"/api/v2/runs/{made['id']}"
    comment = make(f"{at}/comments", "comments", {"body": "hello"})
    events = call("GET", f"{at}/run-events")["data"]
    plan = call("GET", f"{at}/plan")["data"]
    return {
        "run": made["id"],
        "plan": plan["id"],
        "log": plan["attributes"]["log-read-url"].rsplit("/", 1)[1],
        "apply": made["relationships"]["apply"]["data"]["id"],
        "comment": comment["id"],
        "event": events[0]["id"],
    }


def in_organization(at, name, workspace, project):
    team = make(f"{at}/teams", "teams", {"name": f"{name}-team"})
    on_workspace = make(
        "/api/v2/team-workspaces", "team-workspaces", {"access": "read"}, team=to(team), workspace=to(workspace)
    )
    on_project = make("/api/v2/team-projects", "team-projects", {"access": "read"}, team=to(team), project=to(project))
    user = call("GET", "/api/v2/account/details")["data"]["id"]
    memberships = call("GET", f"{at}/organization-memberships")["data"]
    token = make(f"/api/v2/users/{user}/authentication-tokens", "authentication-tokens", {"description": name})
    make(f"{at}/authentication-token", "authentication-tokens", {})
    make(f"/api/v2/teams/{team['id']}/authentication-token", "authentication-tokens", {})
    pool = make(f"{at}/agent-pools", "agent-pools", {"name": f"{name}-pool"})
    token_of_agent = make(
        f"/api/v2/agent-pools/{pool['id']}/authentication-tokens", "authentication-tokens", {"description": "one"}
    )
    ssh_key = make(f"{at}/ssh-keys", "ssh-keys", {"name": "deploy", "value": "-----BEGIN KEY-----"})
    reserved = make(f"{at}/reserved-tag-keys", "reserved-tag-keys", {"key": "owner"})
    variable_set = make(f"{at}/varsets", "varsets", {"name": "shared", "global": False})
    shared = make(
        f"/api/v2/varsets/{variable_set['id']}/relationships/vars",
        "vars",
        {"key": "color", "value": "red", "category": "env"},
    )
    return {
        "team": team["id"],
        "team_workspace": on_workspace["id"],
        "team_project": on_project["id"],
        "user": user,
        "membership": memberships[0]["id"],
        "token": token["id"],
        "pool": pool["id"],
        "agent": agent(token_of_agent["attributes"]["token"]),
        "adapter": adapter(name),
        "ssh_key": ssh_key["id"],
        "reserved_tag_key": reserved["id"],
        "variable_set": variable_set["id"],
        "set_variable": shared["id"],
        "tag": call("GET", f"{at}/tags")["data"][0]["id"],
    }


def agent(token):
    """An agent that registered and never asked for work."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    body = json.dumps({"name": "idle", "version": "1.0.0"})
    answer = SESSION.post(f"{URL}/api/agent/v1/agents", data=body, headers=headers, timeout=60)
    answer.raise_for_status()
    return answer.json()["agent_id"]


def adapter(name):
    document = """
name = "example"
title = "Example"
source = "https://docs.example.com/workload-identity"
token = "phase"

[settings.enable]
name = "TFC_EXAMPLE_PROVIDER_AUTH"
doc = "Set to true to use the identity of the run."

[settings.audience]
name = "TFC_EXAMPLE_WORKLOAD_IDENTITY_AUDIENCE"
default = "example.example"
doc = "The audience of the identity token."

[env]
EXAMPLE_TOKEN = "{{ token }}"
"""
    at = f"/api/carnet/v1/organizations/{name}/adapters/example"
    call("PUT", at, {"data": {"type": "adapters", "attributes": {"definition": document}}})
    return "example"


def registry(at, name):
    modules, providers = f"{at}/registry-modules", f"{at}/registry-providers"
    module = make(modules, "registry-modules", {"name": "network", "provider": "aws"})
    version = make(
        f"{modules}/private/{name}/network/aws/versions", "registry-module-versions", {"version": "1.0.0"}
    )
    SESSION.put(version["links"]["upload"], data=archive(), timeout=60).raise_for_status()
    make(providers, "registry-providers", {"name": "clock"})
    armor = {"namespace": name, "ascii-armor": KEY.read_text()}
    key = make("/api/registry/private/v2/gpg-keys", "gpg-keys", armor)["attributes"]["key-id"]
    at = f"{providers}/private/{name}/clock/versions"
    make(at, "registry-provider-versions", {"version": "1.0.0", "key-id": key, "protocols": ["5.0"]})
    platform = {"os": "linux", "arch": "amd64", "filename": "clock.zip", "shasum": "0" * 64}
    make(f"{at}/1.0.0/platforms", "registry-provider-platforms", platform)
    return {
        "module": module["id"],
        "name": "network",
        "provider": "aws",
        "provider_name": "clock",
        "version": "1.0.0",
        "os": "linux",
        "arch": "amd64",
        "key": key,
    }
