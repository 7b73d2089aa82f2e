"""Configuration versions and runs, executed by Terraform."""

import io
import json
import tarfile
import tempfile
from datetime import datetime
from pathlib import Path

from checks import holds, refused, same, wait
from pytfe.errors import AuthError, NotFound, TFEError
from pytfe.models import (
    CommentCreateOptions,
    ConfigurationVersion,
    ConfigurationVersionCreateOptions,
    ReadRunQueueOptions,
    RunApplyOptions,
    RunCancelOptions,
    RunCreateOptions,
    RunDiscardOptions,
    RunEventIncludeOpt,
    RunEventListOptions,
    RunEventReadOptions,
    RunIncludeOpt,
    RunListForOrganizationOptions,
    RunListOptions,
    RunReadOptions,
    RunTriggerCreateOptions,
    RunTriggerFilterOp,
    RunTriggerIncludeOp,
    RunTriggerListOptions,
    RunVariable,
    Workspace,
    WorkspaceCreateOptions,
    WorkspaceIncludeOpt,
    WorkspaceReadOptions,
)

MISSING = "x" * 16
# A configuration of what is built in: no provider is installed.
CONFIGURATION = """
variable "word" { default = "plain" }
resource "terraform_data" "one" { input = var.word }
output "word" { value = terraform_data.one.output }
"""
ENDED = ("applied", "planned_and_finished", "discarded", "canceled", "errored")


def configuration_versions(world):
    service = world.tfe.configuration_versions
    made = world.tfe.workspaces.create(world.organization, WorkspaceCreateOptions(name="executed", auto_apply=False))
    world.executed = made.id
    empty = service.create(made.id, ConfigurationVersionCreateOptions(auto_queue_runs=False))
    holds(empty, status="pending", auto_queue_runs=False, speculative=False, source="tfe-api")
    assert empty.id.startswith("cv-") and empty.upload_url.startswith("https://"), empty
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "main.tf").write_text(CONFIGURATION)
        service.upload(empty.upload_url, folder)
    uploaded = wait("the upload", lambda: read_if(service, empty.id, "uploaded"))
    holds(uploaded, speculative=False, provisional=False)
    with tarfile.open(fileobj=io.BytesIO(service.download(empty.id))) as archive:
        same(archive.extractfile("main.tf").read().decode(), CONFIGURATION)
    same([one.id for one in service.list(made.id)], [empty.id])
    refused(NotFound, lambda: service.read(f"cv-{MISSING}"), status=404)
    assert service.ingress_attributes(empty.id) is None
    world.configuration = empty.id


def read_if(service, id, status):
    found = service.read(id)
    return found if found.status.value == status else None


def start(world, **options):
    workspace = options.pop("workspace", world.executed)
    version = ConfigurationVersion(id=world.configuration)
    return world.tfe.runs.create(
        RunCreateOptions(workspace=Workspace(id=workspace), configuration_version=version, **options)
    )


def reaches(world, run, status):
    def look():
        found = world.tfe.runs.read(run.id)
        assert found.status.value == status or found.status.value not in ENDED, found
        return found if found.status.value == status else None

    return wait(f"{run.id} to be {status}", look)


def runs(world):
    service = world.tfe.runs
    variables = [RunVariable(key="word", value='"given"')]
    run = start(world, message="By a program", variables=variables)
    world.run = run.id
    assert run.id.startswith("run-") and isinstance(run.created_at, datetime), run
    holds(run, message="By a program", is_destroy=False, plan_only=False, refresh=True, refresh_only=False)
    holds(run, auto_apply=False, save_plan=False, allow_empty_apply=False, source="tfe-api", replace_addrs=[])
    same([(one.key, one.value) for one in run.variables], [("word", '"given"')])
    planned = reaches(world, run, "planned")
    holds(planned, has_changes=True)
    holds(planned.actions, is_cancelable=False, is_confirmable=True, is_discardable=True, is_force_cancelable=False)
    holds(planned.permissions, can_apply=True, can_cancel=True, can_discard=True, can_force_execute=True)
    assert planned.status_timestamps.planned_at <= datetime.now(planned.status_timestamps.planned_at.tzinfo)
    same(planned.workspace.id, world.executed)
    service.apply(run.id, RunApplyOptions(comment="Go on"))
    applied = reaches(world, run, "applied")
    assert applied.status_timestamps.applied_at >= applied.status_timestamps.planned_at, applied
    refused(TFEError, lambda: service.apply(run.id), status=409)
    refused(AuthError, lambda: service.force_execute(run.id), status=403)
    refused(NotFound, lambda: service.read(f"run-{MISSING}"), status=404)
    nowhere = RunCreateOptions(workspace=Workspace(id=f"ws-{MISSING}"))
    refused(NotFound, lambda: service.create(nowhere), status=404)

    include = [RunIncludeOpt.RUN_PLAN, RunIncludeOpt.RUN_APPLY, RunIncludeOpt.RUN_WORKSPACE, RunIncludeOpt.RUN_CREATED_BY]
    read = service.read_with_options(run.id, RunReadOptions(include=include))
    holds(read.plan, status="finished", resource_additions=1)
    holds(read.apply, status="finished", resource_additions=1)
    same((read.workspace.name, read.created_by.id.startswith("user-")), ("executed", True))


def run_lists(world):
    service = world.tfe.runs
    same([one.id for one in service.list(world.executed)], [world.run])
    same([one.id for one in service.list(world.executed, RunListOptions(status="applied"))], [world.run])
    same([one.id for one in service.list(world.executed, RunListOptions(status="planned,errored"))], [])
    same([one.id for one in service.list(world.executed, RunListOptions(operation="plan_only"))], [])
    everywhere = RunListForOrganizationOptions(status_group="final", workspace_names="executed")
    same([one.id for one in service.list_for_organization(world.organization, everywhere)], [world.run])
    same(world.tfe.organizations.read_run_queue(world.organization, ReadRunQueueOptions()).items, [])


def plans(world):
    plan = world.tfe.plans.read_for_run(world.run)
    holds(plan, status="finished", has_changes=True, resource_additions=1, resource_changes=0, resource_destructions=0)
    holds(world.tfe.plans.read(plan.id), status="finished", generated_configuration=False)
    output = world.tfe.plans.read_json_output(plan.id)
    same([one["address"] for one in output["resource_changes"]], ["terraform_data.one"])
    same(world.tfe.plans.read_json_output_for_run(world.run)["variables"]["word"], {"value": "given"})
    schemas = world.tfe.plans.read_json_schema_for_run(world.run)
    assert "terraform.io/builtin/terraform" in schemas["provider_schemas"], schemas
    # The client's own `logs` is empty, whatever the server has; it only checks the address.
    same(world.tfe.plans.logs(plan.id), "")
    assert "terraform_data.one" in log(world, plan.log_read_url)
    refused(NotFound, lambda: world.tfe.plans.read(f"plan-{MISSING}"), status=404)


def applies(world):
    run = world.tfe.runs.read(world.run)
    apply = world.tfe.applies.read(run.apply.id)
    holds(apply, status="finished", resource_additions=1, resource_changes=0, resource_destructions=0)
    same(world.tfe.applies.logs(apply.id), "")
    text = log(world, apply.log_read_url)
    assert "terraform_data.one" in text and text[0] == "\x02" and text[-1] == "\x03", text
    # The state was saved, so there is none to recover.
    refused(NotFound, lambda: world.tfe.applies.errored_state(apply.id), status=404)
    state = json.loads(world.tfe.state_versions.download_current(world.executed))
    same(state["outputs"]["word"]["value"], "given")


def log(world, address):
    return world.tfe.plans.t.request("GET", address, include_auth=False).text


def comments(world):
    service = world.tfe.comments
    made = service.create(world.run, CommentCreateOptions(body="Well done"))
    holds(made, body="Well done")
    holds(service.read(made.id), body="Well done")
    assert {one.body for one in service.list(world.run)} >= {"Well done", "Go on"}
    refused(NotFound, lambda: service.read(f"wsc-{MISSING}"), status=404)
    refused(NotFound, lambda: service.list(f"run-{MISSING}"), status=404)


def run_events(world):
    service = world.tfe.run_events
    include = [RunEventIncludeOpt.RUN_EVENT_ACTOR, RunEventIncludeOpt.RUN_EVENT_COMMENT]
    found = list(service.list(world.run, RunEventListOptions(include=include)))
    assert found and all(one.action and isinstance(one.created_at, datetime) for one in found), found
    [first, *_] = found
    holds(service.read(first.id), action=first.action)
    holds(service.read_with_options(first.id, RunEventReadOptions(include=include)), id=first.id)
    refused(NotFound, lambda: service.read(f"re-{MISSING}"), status=404)


def run_actions(world):
    service = world.tfe.runs
    discarded = start(world, replace_addrs=["terraform_data.one"])
    reaches(world, discarded, "planned")
    behind = start(world, is_destroy=True, message="Behind the other")
    same(world.tfe.runs.read(behind.id).status.value, "pending")
    refused(TFEError, lambda: service.apply(behind.id), status=409)
    # It takes the place of the run that waits for an answer.
    service.force_execute(behind.id)
    reaches(world, discarded, "discarded")
    destroying = reaches(world, behind, "planned")
    holds(destroying, is_destroy=True)
    waiting = start(world)
    service.cancel(waiting.id, RunCancelOptions(comment="Not now"))
    reaches(world, waiting, "canceled")
    service.discard(behind.id, RunDiscardOptions(comment="Rather not"))
    reaches(world, behind, "discarded")
    refused(TFEError, lambda: service.cancel(behind.id), status=409)
    refused(TFEError, lambda: service.force_cancel(behind.id), status=409)
    finished = reaches(world, start(world, plan_only=True), "planned_and_finished")
    holds(finished, plan_only=True, has_changes=True)
    holds(reaches(world, start(world, auto_apply=True, refresh_only=True), "planned_and_finished"), refresh_only=True)


def configuration_version_archive(world):
    service = world.tfe.configuration_versions
    workspace = world.tfe.workspaces.read_by_id_with_options(
        world.executed, WorkspaceReadOptions(include=[WorkspaceIncludeOpt.CURRENT_RUN])
    )
    same(workspace.current_run is not None, True)
    refused(TFEError, lambda: service.archive(world.configuration), "current")
    # The server does not look for a README in configurations: it says that there is none.
    assert world.tfe.workspaces.readme(world.executed) is None


def run_triggers(world):
    service = world.tfe.run_triggers
    target = world.tfe.workspaces.create(world.organization, WorkspaceCreateOptions(name="triggered"))
    version = world.tfe.configuration_versions.create(target.id, ConfigurationVersionCreateOptions(auto_queue_runs=False))
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "main.tf").write_text(CONFIGURATION)
        world.tfe.configuration_versions.upload(version.upload_url, folder)
    wait("the upload", lambda: read_if(world.tfe.configuration_versions, version.id, "uploaded"))
    options = RunTriggerCreateOptions(sourceable=Workspace(id=world.executed))
    made = service.create(target.id, options)
    holds(made, sourceable_name="executed", workspace_name="triggered")
    same((made.sourceable.id, made.workspace.id), (world.executed, target.id))
    refused(TFEError, lambda: service.create(target.id, options), status=422)
    for workspace, direction in ((target.id, RunTriggerFilterOp.RUN_TRIGGER_INBOUND), (world.executed, RunTriggerFilterOp.RUN_TRIGGER_OUTBOUND)):
        same([one.id for one in service.list(workspace, RunTriggerListOptions(run_trigger_type=direction))], [made.id])
    inbound = RunTriggerListOptions(
        run_trigger_type=RunTriggerFilterOp.RUN_TRIGGER_INBOUND, include=[RunTriggerIncludeOp.RUN_TRIGGER_SOURCEABLE]
    )
    same([one.sourceable.id for one in service.list(target.id, inbound)], [world.executed])
    holds(service.read(made.id), sourceable_name="executed")

    reaches(world, start(world, auto_apply=True, replace_addrs=["terraform_data.one"]), "applied")
    [run] = wait("the triggered run", lambda: list(world.tfe.runs.list(target.id)))
    holds(run, source="tfe-run-trigger")
    reaches(world, run, "planned")
    world.tfe.runs.discard(run.id)
    service.delete(made.id)
    refused(NotFound, lambda: service.read(made.id), status=404)


RESOURCES = [
    configuration_versions,
    runs,
    run_lists,
    plans,
    applies,
    comments,
    run_events,
    run_actions,
    configuration_version_archive,
    run_triggers,
]
