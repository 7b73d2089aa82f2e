"""State versions, their outputs and the resources in them."""

import base64
import hashlib
import json

from checks import holds, refused, same
from pytfe.errors import NotFound, TFEError
from pytfe.models import (
    StateVersionCreateOptions,
    StateVersionListOptions,
    WorkspaceLockOptions,
)

MISSING = "x" * 16


def state(serial, output):
    """A state with one resource and two outputs."""
    instance = {"schema_version": 0, "attributes": {"id": "1", "input": {"value": output, "type": "string"}}}
    resource = {
        "mode": "managed",
        "type": "terraform_data",
        "name": "one",
        "provider": 'provider["terraform.io/builtin/terraform"]',
        "instances": [instance],
    }
    outputs = {
        "greeting": {"value": output, "type": "string"},
        "secret": {"value": ["a"], "type": ["list", "string"], "sensitive": True},
    }
    whole = {"version": 4, "terraform_version": "1.11.4", "serial": serial, "lineage": "l-1"}
    return json.dumps({**whole, "outputs": outputs, "resources": [resource], "check_results": None}).encode()


def options(serial, raw, **more):
    digest = hashlib.md5(raw, usedforsecurity=False).hexdigest()
    return StateVersionCreateOptions(serial=serial, md5=digest, lineage="l-1", **more)


def state_versions(world):
    service, workspaces = world.tfe.state_versions, world.tfe.workspaces
    refused(NotFound, lambda: service.read_current(world.workspace), status=404)
    first, second = state(1, "hello"), state(2, "welcome")
    refused(TFEError, lambda: service.create(world.workspace, options(1, first)), "lock", status=409)
    workspaces.lock(world.workspace, WorkspaceLockOptions(reason="states"))
    inline = options(1, first, state=base64.b64encode(first).decode())
    made = service.create(world.workspace, inline)
    world.state_version = made.id
    holds(made, serial=1, status="finalized")
    assert made.id.startswith("sv-"), made
    uploaded = service.upload(world.workspace, raw_state=second, options=options(2, second))
    holds(service.read(uploaded.id), serial=2, status="finalized", terraform_version="1.11.4", state_version=4)
    same(service.download(made.id), first)
    same(service.download_current(world.workspace), second)
    current = service.read_current(world.workspace)
    holds(current, id=uploaded.id, serial=2, resources_processed=True)
    [resource] = current.resources
    same((resource["name"], resource["type"], resource["count"]), ("one", "terraform_data", 1))
    listed = StateVersionListOptions(organization=world.organization, workspace="web")
    same([one.serial for one in service.list(listed)], [2, 1])
    wrong = StateVersionCreateOptions(serial=3, md5="0" * 32, lineage="l-1", state=base64.b64encode(first).decode())
    refused(TFEError, lambda: service.create(world.workspace, wrong))
    refused(TFEError, lambda: service.create(world.workspace, inline), status=409)
    refused(NotFound, lambda: service.read(f"sv-{MISSING}"), status=404)


def state_version_outputs(world):
    outputs = {one.name: one for one in world.tfe.state_versions.list_outputs(world.state_version)}
    same(sorted(outputs), ["greeting", "secret"])
    holds(outputs["greeting"], value="hello", sensitive=False, type="string", detailed_type="string")
    holds(outputs["secret"], value=None, sensitive=True)
    secret = world.tfe.state_version_outputs.read(outputs["secret"].id)
    holds(secret, name="secret", value=["a"], sensitive=True, type="array", detailed_type=["list", "string"])
    current = {one.name: one.value for one in world.tfe.state_version_outputs.read_current(world.workspace)}
    same(current, {"greeting": "welcome", "secret": None})
    refused(NotFound, lambda: world.tfe.state_version_outputs.read(f"wsout-{MISSING}"), status=404)


def state_version_rollback(world):
    service = world.tfe.state_versions
    rolled = service.rollback(world.workspace, world.state_version)
    holds(rolled, serial=3)
    current = json.loads(service.download_current(world.workspace))
    same((current["serial"], current["outputs"]["greeting"]["value"]), (3, "hello"))
    world.tfe.workspaces.unlock(world.workspace)


def workspace_resources(world):
    [resource] = world.tfe.workspace_resources.list(world.workspace)
    holds(resource, address="terraform_data.one", name="one", provider_type="terraform_data", module="root")
    assert resource.modified_by_state_version_id.startswith("sv-"), resource
    refused(TFEError, lambda: world.tfe.workspaces.safe_delete_by_id(world.workspace), status=409)


RESOURCES = [
    state_versions,
    state_version_outputs,
    state_version_rollback,
    workspace_resources,
]
