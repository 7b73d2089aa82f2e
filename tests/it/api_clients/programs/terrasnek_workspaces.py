"""Workspaces with what belongs to them: variables, states, access and notifications."""

import base64
import hashlib
import json

from checks import has, refused, same
from documents import document, ids, names, related
from terrasnek.exceptions import (
    TFCHTTPBadRequest,
    TFCHTTPConflict,
    TFCHTTPNotFound,
    TFCHTTPUnprocessableEntity,
)

MISSING = "x" * 16
# Nothing listens on the first port; the server of the test may reach the loopback interface.
LOOPBACK = "http://127.0.0.1:1/hook"
METADATA = "http://169.254.169.254/hook"


def workspaces(world):
    service = world.tfc.workspaces
    settings = {"auto-apply": True, "working-directory": "web", "trigger-prefixes": ["modules/"]}
    made = service.create(document("workspaces", name="web", description="The web", **settings, project=world.project))["data"]
    world.workspace = made["id"]
    attributes = made["attributes"]
    has(attributes, name="web", description="The web", auto_apply=True, working_directory="web", locked=False)
    has(attributes, execution_mode="remote", trigger_prefixes=["modules/"], tag_names=[], vcs_repo=None)
    world.other = service.create(document("workspaces", name="db"))["data"]["id"]
    changed = service.update(document("workspaces", description="All of it"), workspace_id=made["id"])["data"]
    has(changed["attributes"], description="All of it", auto_apply=True)
    changed = service.update(document("workspaces", **{"auto-apply": False}), workspace_name="web")["data"]
    has(changed["attributes"], auto_apply=False)
    read = service.show(workspace_name="web", include=["organization", "project"])
    same(sorted(one["type"] for one in read["included"]), ["organizations", "projects"])
    has(service.show(workspace_id=made["id"])["data"]["attributes"], name="web")
    same(sorted(names(service.list_all())), ["db", "web"])
    same(len(names(service.list(page=1, page_size=1))), 1)
    same(names(service.list(search={"name": "we"})), ["web"])
    same(names(service.list(filters=[{"keys": ["project", "id"], "value": world.project}])), ["web"])
    refused(TFCHTTPUnprocessableEntity, lambda: service.create(document("workspaces", name="web")), "taken")
    refused(TFCHTTPNotFound, lambda: service.show(workspace_name="nowhere"))


def workspace_lock(world):
    service = world.tfc.workspaces
    locked = service.lock(world.workspace, {"reason": "maintenance"})["data"]["attributes"]
    has(locked, locked=True, locked_reason="maintenance")
    refused(TFCHTTPConflict, lambda: service.lock(world.workspace, {"reason": "again"}))
    has(service.unlock(world.workspace)["data"]["attributes"], locked=False)
    service.lock(world.workspace, {"reason": "stuck"})
    has(service.force_unlock(world.workspace)["data"]["attributes"], locked=False)


def workspace_tags(world):
    service = world.tfc.workspaces
    tags = {"data": [{"type": "tags", "attributes": {"name": name}} for name in ("blue", "red")]}
    service.add_tags(world.workspace, tags)
    same(sorted(names(service.list_all_tags(world.workspace))), ["blue", "red"])
    same(names(service.list(search={"tags": "blue,red"})), ["web"])
    service.remove_tags(world.workspace, {"data": [{"type": "tags", "attributes": {"name": "red"}}]})
    same(names(service.list_tags(world.workspace)), ["blue"])


def organization_tags(world):
    service = world.tfc.org_tags
    [blue] = [tag for tag in service.list_tags()["data"] if tag["attributes"]["name"] == "blue"]
    has(blue["attributes"], instance_count=1)
    service.add_workspaces_to_tag(blue["id"], related("workspaces", world.other))
    same(names(service.list_tags(query="blu")), ["blue"])
    same(world.tfc.workspaces.show(workspace_id=world.other)["data"]["attributes"]["tag-names"], ["blue"])
    service.delete_tags(related("tags", blue["id"]))
    assert "blue" not in names(service.list_tags())


def remote_state_consumers(world):
    service = world.tfc.workspaces
    service.add_remote_state_consumers(world.workspace, related("workspaces", world.other))
    same(ids(service.get_remote_state_consumers(world.workspace)), [world.other])
    service.replace_remote_state_consumers(world.workspace, related("workspaces"))
    same(ids(service.get_remote_state_consumers(world.workspace)), [])
    service.replace_remote_state_consumers(world.workspace, related("workspaces", world.other))
    service.delete_remote_state_consumers(world.workspace, related("workspaces", world.other))
    same(ids(service.get_remote_state_consumers(world.workspace)), [])


def workspace_variables(world):
    service = world.tfc.workspace_vars
    made = service.create(world.workspace, document("vars", key="region", value="north", category="terraform"))["data"]
    has(made["attributes"], key="region", value="north", category="terraform", hcl=False, sensitive=False)
    secret = document("vars", key="PASSWORD", value="hunter2", category="env", sensitive=True)
    hidden = service.create(world.workspace, secret)["data"]
    has(hidden["attributes"], value=None, sensitive=True)
    changed = service.update(world.workspace, made["id"], document("vars", value="south"))["data"]
    has(changed["attributes"], key="region", value="south")
    same(sorted(one["attributes"]["key"] for one in service.list(world.workspace)["data"]), ["PASSWORD", "region"])
    refused(TFCHTTPUnprocessableEntity, lambda: service.create(world.workspace, secret), "taken")
    for one in (made, hidden):
        service.destroy(world.workspace, one["id"])
    same(service.list(world.workspace)["data"], [])


def variables(world):
    service = world.tfc.vars
    made = service.create(document("vars", key="zone", value="a", category="terraform", workspace=world.workspace))["data"]
    has(made["attributes"], key="zone", value="a", category="terraform")
    same(ids(service.list(workspace_name="web")), [made["id"]])
    has(service.update(made["id"], document("vars", value="b"))["data"]["attributes"], key="zone", value="b")
    service.destroy(made["id"])
    same(service.list(workspace_name="web")["data"], [])


def variable_sets(world):
    service = world.tfc.var_sets
    made = service.create(document("varsets", name="shared", description="For all", **{"global": False}))["data"]
    has(made["attributes"], name="shared", description="For all", **{"global": False})
    service.apply_varset_to_workspace(made["id"], related("workspaces", world.workspace))
    service.apply_varset_to_project(made["id"], related("projects", world.project))
    shown = service.show(made["id"])["data"]["relationships"]
    same([one["id"] for one in shown["workspaces"]["data"]], [world.workspace])
    same([one["id"] for one in shown["projects"]["data"]], [world.project])
    same(ids(service.list_all_for_org()), [made["id"]])
    same(ids(service.list_for_org()), [made["id"]])
    same(ids(service.list_all_for_workspace(world.workspace)), [made["id"]])
    has(service.update(made["id"], document("varsets", name="common"))["data"]["attributes"], name="common")
    one = service.add_var_to_varset(made["id"], document("vars", key="LEVEL", value="1", category="env"))["data"]
    changed = service.update_var_in_varset(made["id"], one["id"], document("vars", value="2"))["data"]
    has(changed["attributes"], key="LEVEL", value="2")
    same(ids(service.list_vars_in_varset(made["id"])), [one["id"]])
    service.delete_var_from_varset(made["id"], one["id"])
    service.remove_varset_from_workspace(made["id"], related("workspaces", world.workspace))
    service.remove_varset_from_project(made["id"], related("projects", world.project))
    same(ids(service.list_for_workspace(world.workspace)), [])
    service.destroy(made["id"])
    refused(TFCHTTPNotFound, lambda: service.show(made["id"]))


def team_workspace_access(world):
    service = world.tfc.team_access
    body = document("team-workspaces", access="plan", team=world.team, workspace=world.workspace)
    made = service.add_team_access(body)["data"]
    has(made["attributes"], access="plan", runs="plan", variables="read", workspace_locking=False)
    same(ids(service.list(filters=[{"keys": ["workspace", "id"], "value": world.workspace}])), [made["id"]])
    has(service.update(made["id"], document("team-workspaces", access="write"))["data"]["attributes"], runs="apply")
    has(service.show(made["id"])["data"]["attributes"], access="write")
    refused(TFCHTTPUnprocessableEntity, lambda: service.add_team_access(body), "taken")
    service.remove_team_access(made["id"])
    refused(TFCHTTPNotFound, lambda: service.show(made["id"]))


def notification_configurations(world):
    service = world.tfc.notification_configs
    settings = {"destination-type": "generic", "triggers": ["run:created"], "enabled": False, "token": "hunter2"}
    made = service.create(world.workspace, document("notification-configurations", name="hook", url=LOOPBACK, **settings))["data"]
    has(made["attributes"], name="hook", url=LOOPBACK, token=None, triggers=["run:created"], enabled=False)
    same(ids(service.list(world.workspace)), [made["id"]])
    changed = service.update(made["id"], document("notification-configurations", name="bell"))["data"]
    has(changed["attributes"], name="bell")
    has(service.show(made["id"])["data"]["attributes"], name="bell", token=None)
    metadata = document("notification-configurations", name="stolen", url=METADATA, **settings)
    refused(TFCHTTPUnprocessableEntity, lambda: service.create(world.workspace, metadata))
    # Nothing listens there.
    refused(TFCHTTPBadRequest, lambda: service.verify(made["id"]))
    service.destroy(made["id"])
    refused(TFCHTTPNotFound, lambda: service.show(made["id"]))


def state(serial, output):
    """A state with one resource and one output."""
    instance = {"schema_version": 0, "attributes": {"id": "1"}}
    resource = {
        "mode": "managed",
        "type": "terraform_data",
        "name": "one",
        "provider": 'provider["terraform.io/builtin/terraform"]',
        "instances": [instance],
    }
    outputs = {"greeting": {"value": output, "type": "string"}}
    whole = {"version": 4, "terraform_version": "1.11.4", "serial": serial, "lineage": "l-1"}
    raw = json.dumps({**whole, "outputs": outputs, "resources": [resource]}).encode()
    digest = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    encoded = base64.b64encode(raw).decode()
    return document("state-versions", serial=serial, md5=digest, lineage="l-1", state=encoded)


def state_versions(world):
    service = world.tfc.state_versions
    refused(TFCHTTPNotFound, lambda: service.get_current(world.workspace))
    refused(TFCHTTPConflict, lambda: service.create(world.workspace, state(1, "hello")))
    world.tfc.workspaces.lock(world.workspace, {"reason": "states"})
    first = service.create(world.workspace, state(1, "hello"))["data"]
    has(first["attributes"], serial=1, status="finalized")
    second = service.create(world.workspace, state(2, "welcome"))["data"]
    same(service.get_current(world.workspace)["data"]["id"], second["id"])
    has(service.show(first["id"])["data"]["attributes"], serial=1, terraform_version="1.11.4")
    filters = [
        {"keys": ["organization", "name"], "value": world.organization},
        {"keys": ["workspace", "name"], "value": "web"},
    ]
    same(ids(service.list(filters)), [second["id"], first["id"]])
    same(ids(service.list_all(filters)), [second["id"], first["id"]])
    same(names(service.list_outputs(first["id"])), ["greeting"])
    rolled = service.rollback(world.workspace, document("state-versions", **{"rollback-state-version": first["id"]}))["data"]
    has(rolled["attributes"], serial=3)
    world.tfc.workspaces.unlock(world.workspace)
    refused(TFCHTTPNotFound, lambda: service.show(f"sv-{MISSING}"))
    world.state_version = second["id"]


def state_version_outputs(world):
    service = world.tfc.state_version_outputs
    [output] = service.list(world.state_version)["data"]
    has(output["attributes"], name="greeting", value="welcome", sensitive=False, type="string")
    has(service.show(output["id"])["data"]["attributes"], value="welcome")
    [current] = service.show_current_for_workspace(world.workspace)["data"]
    has(current["attributes"], value="hello")
    refused(TFCHTTPNotFound, lambda: service.show(f"wsout-{MISSING}"))


def workspace_resources(world):
    [resource] = world.tfc.workspace_resources.list(world.workspace)["data"]
    has(resource["attributes"], address="terraform_data.one", provider_type="terraform_data")
    same(ids(world.tfc.workspaces.list_all_resources(world.workspace)), [resource["id"]])


def workspace_delete(world):
    service = world.tfc.workspaces
    refused(TFCHTTPConflict, lambda: service.safe_destroy(workspace_id=world.workspace))
    service.safe_destroy(workspace_name="db")
    service.destroy(workspace_name="web")
    for id in (world.other, world.workspace):
        refused(TFCHTTPNotFound, lambda id=id: service.show(workspace_id=id))


RESOURCES = [
    workspaces,
    workspace_lock,
    workspace_tags,
    organization_tags,
    remote_state_consumers,
    workspace_variables,
    variables,
    variable_sets,
    team_workspace_access,
    notification_configurations,
    state_versions,
    state_version_outputs,
    workspace_resources,
    workspace_delete,
]
