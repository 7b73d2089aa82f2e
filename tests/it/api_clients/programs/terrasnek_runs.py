"""Configuration versions and runs, executed by Terraform."""

import io
import json
import tarfile
import tempfile
from pathlib import Path

from checks import has, refused, same, wait
from documents import document, ids
from terrasnek.exceptions import TFCHTTPConflict, TFCHTTPNotFound, TFCHTTPUnclassified

MISSING = "x" * 16
# A configuration of what is built in: no provider is installed.
CONFIGURATION = """
resource "terraform_data" "one" { input = "plain" }
output "word" { value = terraform_data.one.output }
"""
ENDED = ("applied", "planned_and_finished", "discarded", "canceled", "errored")


def archive(path):
    with tarfile.open(path, mode="w:gz") as archive:
        entry = tarfile.TarInfo("main.tf")
        entry.size = len(CONFIGURATION)
        archive.addfile(entry, io.BytesIO(CONFIGURATION.encode()))


def uploaded(world, workspace):
    service = world.tfc.config_versions
    made = service.create(workspace, document("configuration-versions", **{"auto-queue-runs": False}))["data"]
    with tempfile.TemporaryDirectory() as folder:
        archive(f"{folder}/configuration.tar.gz")
        service.upload(f"{folder}/configuration.tar.gz", made["attributes"]["upload-url"])

    def look():
        found = service.show(made["id"])["data"]
        return found if found["attributes"]["status"] == "uploaded" else None

    return wait("the upload", look)


def configuration_versions(world):
    service = world.tfc.config_versions
    world.executed = world.tfc.workspaces.create(document("workspaces", name="executed"))["data"]["id"]
    found = uploaded(world, world.executed)
    has(found["attributes"], status="uploaded", speculative=False, auto_queue_runs=False, source="tfe-api")
    again = service.create(world.executed, document("configuration-versions", **{"auto-queue-runs": False}))["data"]
    service.upload_from_string(CONFIGURATION, again["attributes"]["upload-url"])
    world.configuration = again["id"]
    same(ids(service.list(world.executed)), [again["id"], found["id"]])
    same(ids(service.list_all(world.executed)), [again["id"], found["id"]])
    # The client's own download parses the archive as JSON, which no server can answer.
    service.archive_version(found["id"])
    refused(TFCHTTPNotFound, lambda: service.show(f"cv-{MISSING}"))


def start(world, **attributes):
    body = document(
        "runs", **{"workspace": world.executed, "configuration-version": world.configuration}, **attributes
    )
    return world.tfc.runs.create(body)["data"]["id"]


def reaches(world, run, status):
    def look():
        found = world.tfc.runs.show(run)["data"]
        now = found["attributes"]["status"]
        assert now == status or now not in ENDED, found
        return found if now == status else None

    return wait(f"{run} to be {status}", look)


def runs(world):
    service = world.tfc.runs
    world.run = start(world, message="By a program")
    planned = reaches(world, world.run, "planned")["attributes"]
    has(planned, message="By a program", has_changes=True, is_destroy=False, source="tfe-api")
    has(planned["actions"], is_confirmable=True, is_discardable=True, is_cancelable=False)
    service.apply(world.run, {"comment": "Go on"})
    reaches(world, world.run, "applied")
    refused(TFCHTTPConflict, lambda: service.apply(world.run, None))
    refused(TFCHTTPNotFound, lambda: service.show(f"run-{MISSING}"))
    included = service.show(world.run, include=["plan", "apply", "workspace"])["included"]
    same(sorted(one["type"] for one in included), ["applies", "plans", "workspaces"])
    same(ids(service.list(world.executed)), [world.run])
    same(ids(service.list_all(world.executed, filters=[{"keys": ["status"], "value": "applied"}])), [world.run])
    same(ids(service.list(world.executed, filters=[{"keys": ["status"], "value": "planned"}])), [])
    same(ids(service.list(world.executed, search={"basic": "By a program"})), [world.run])


def plans(world):
    run = world.tfc.runs.show(world.run)["data"]
    plan = run["relationships"]["plan"]["data"]["id"]
    has(world.tfc.plans.show(plan)["data"]["attributes"], status="finished", resource_additions=1, has_changes=True)
    for which in ({"plan_id": plan}, {"run_id": world.run}):
        with tempfile.TemporaryDirectory() as folder:
            world.tfc.plans.download_json(f"{folder}/plan.json", **which)
            output = json.loads(Path(folder, "plan.json").read_text())
        same([one["address"] for one in output["resource_changes"]], ["terraform_data.one"])


def applies(world):
    run = world.tfc.runs.show(world.run)["data"]
    apply = run["relationships"]["apply"]["data"]["id"]
    has(world.tfc.applies.show(apply)["data"]["attributes"], status="finished", resource_additions=1)
    refused(TFCHTTPNotFound, lambda: world.tfc.applies.errored_state(apply))


def comments(world):
    service = world.tfc.comments
    made = service.create_for_run(world.run, document("comments", body="Well done"))["data"]
    has(service.show(made["id"])["data"]["attributes"], body="Well done")
    assert made["id"] in ids(service.list_for_run(world.run))
    refused(TFCHTTPNotFound, lambda: service.show(f"wsc-{MISSING}"))


def run_actions(world):
    service = world.tfc.runs
    replace = {"replace-addrs": ["terraform_data.one"]}
    discarded = start(world, **replace)
    reaches(world, discarded, "planned")
    behind = start(world, **{"is-destroy": True})
    service.force_execute(behind)
    reaches(world, discarded, "discarded")
    reaches(world, behind, "planned")
    waiting = start(world)
    service.cancel(waiting, {"comment": "Not now"})
    reaches(world, waiting, "canceled")
    service.discard(behind, {"comment": "Rather not"})
    reaches(world, behind, "discarded")
    refused(TFCHTTPConflict, lambda: service.cancel(behind, None))
    refused(TFCHTTPConflict, lambda: service.force_cancel(behind, None))


def run_triggers(world):
    service = world.tfc.run_triggers
    target = world.tfc.workspaces.create(document("workspaces", name="triggered"))["data"]["id"]
    uploaded(world, target)
    made = service.create(target, document("run-triggers", sourceable=world.executed))["data"]
    has(made["attributes"], workspace_name="triggered", sourceable_name="executed")
    for workspace, direction in ((target, "inbound"), (world.executed, "outbound")):
        filters = [{"keys": ["run-trigger", "type"], "value": direction}]
        same(ids(service.list(workspace, filters=filters)), [made["id"]])
        same(ids(service.list_all(workspace, filters=filters)), [made["id"]])
    has(service.show(made["id"])["data"]["attributes"], sourceable_name="executed")
    # The filter is not left out: the client has no exception of its own for 400.
    refused(TFCHTTPUnclassified, lambda: service.list(target))
    triggering = start(world, **{"auto-apply": True, "replace-addrs": ["terraform_data.one"]})
    reaches(world, triggering, "applied")
    [run] = wait("the triggered run", lambda: ids(world.tfc.runs.list(target)))
    has(reaches(world, run, "planned")["attributes"], source="tfe-run-trigger")
    world.tfc.runs.discard(run, None)
    service.destroy(made["id"])
    refused(TFCHTTPNotFound, lambda: service.show(made["id"]))


RESOURCES = [
    configuration_versions,
    runs,
    plans,
    applies,
    comments,
    run_actions,
    run_triggers,
]
