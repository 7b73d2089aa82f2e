"""Workspaces, their locks, tags and remote state consumers."""

from datetime import datetime

from checks import holds, refused, same
from pytfe.errors import NotFound, RequiredAgentPoolIDError, TFEError
from pytfe.models import (
    ExecutionMode,
    Project,
    TagBinding,
    Workspace,
    WorkspaceAddRemoteStateConsumersOptions,
    WorkspaceAddTagBindingsOptions,
    WorkspaceAddTagsOptions,
    WorkspaceCreateOptions,
    WorkspaceIncludeOpt,
    WorkspaceListOptions,
    WorkspaceLockOptions,
    WorkspaceReadOptions,
    WorkspaceRemoveRemoteStateConsumersOptions,
    WorkspaceRemoveTagsOptions,
    WorkspaceUpdateOptions,
    WorkspaceUpdateRemoteStateConsumersOptions,
)
from pytfe.models.common import Tag

MISSING = "x" * 16


def workspaces(world):
    service = world.tfe.workspaces
    options = WorkspaceCreateOptions(
        name="web-production",
        description="The web",
        auto_apply=True,
        # The client cannot send `auto_destroy_at`: it makes no JSON of a time.
        auto_destroy_activity_duration="14d",
        allow_destroy_plan=False,
        assessments_enabled=False,
        execution_mode=ExecutionMode.REMOTE,
        file_triggers_enabled=False,
        global_remote_state=False,
        queue_all_runs=True,
        source_name="pytfe",
        source_url="https://example.test/source",
        speculative_enabled=False,
        structured_run_output_enabled=False,
        terraform_version="1.11.4",
        trigger_prefixes=["modules/"],
        working_directory="web",
        project=Project(id=world.project),
        tag_bindings=[TagBinding(key="stage", value="production")],
    )
    made = service.create(world.organization, options)
    world.workspace = made.id
    holds(made, name="web-production", description="The web", auto_apply=True, allow_destroy_plan=False)
    holds(made, execution_mode="remote", operations=True, file_triggers_enabled=False, global_remote_state=False)
    holds(made, queue_all_runs=True, source="tfe-api", source_name="pytfe", source_url="https://example.test/source")
    holds(made, speculative_enabled=False, structured_run_output_enabled=False, terraform_version="1.11.4")
    holds(made, trigger_prefixes=["modules/"], trigger_patterns=[], working_directory="web", locked=False)
    holds(made, resource_count=0, tag_names=["stage"], vcs_repo=None, locked_by=None, current_run=None)
    holds(made, auto_destroy_activity_duration="14d", auto_destroy_at=None)
    assert isinstance(made.created_at, datetime) and isinstance(made.updated_at, datetime), made
    assert made.permissions.can_queue_run is True and made.permissions.can_force_delete is True, made.permissions
    assert made.actions.is_destroyable is False, "destroy plans are not allowed"
    same((made.project.id, made.organization.id), (world.project, world.organization))

    changes = WorkspaceUpdateOptions(
        name="web", description="All of it", auto_apply=False, trigger_prefixes=[], trigger_patterns=["/**/*.tf"]
    )
    changed = service.update("web-production", changes, organization=world.organization)
    holds(changed, id=made.id, name="web", description="All of it", auto_apply=False)
    holds(changed, trigger_patterns=["/**/*.tf"], trigger_prefixes=[], working_directory="web")
    changed = service.update_by_id(made.id, WorkspaceUpdateOptions(execution_mode=ExecutionMode.LOCAL))
    holds(changed, execution_mode="local", operations=False)
    changed = service.update_by_id(made.id, WorkspaceUpdateOptions(execution_mode=ExecutionMode.REMOTE, working_directory=""))
    holds(changed, execution_mode="remote")
    holds(service.read("web", organization=world.organization), id=made.id)
    holds(service.read_by_id(made.id), name="web")

    taken = WorkspaceCreateOptions(name="web")
    refused(TFEError, lambda: service.create(world.organization, taken), "taken", status=422)
    # The client itself refuses a change to agents without a pool.
    refused(RequiredAgentPoolIDError, lambda: WorkspaceUpdateOptions(execution_mode=ExecutionMode.AGENT))
    refused(NotFound, lambda: service.read("nowhere", organization=world.organization), status=404)
    refused(NotFound, lambda: service.read_by_id(f"ws-{MISSING}"), status=404)
    refused(NotFound, lambda: service.update_by_id(f"ws-{MISSING}", WorkspaceUpdateOptions(name="x")), status=404)
    refused(NotFound, lambda: service.create("nobody", WorkspaceCreateOptions(name="x")), status=404)


def workspace_list(world):
    service = world.tfe.workspaces
    others = [service.create(world.organization, WorkspaceCreateOptions(name=name)) for name in ("db", "web-test")]
    world.others = others
    service.add_tags(others[0].id, WorkspaceAddTagsOptions(tags=[Tag(name="data")]))

    def names(**options):
        return [one.name for one in service.list(world.organization, WorkspaceListOptions(**options))]

    same(sorted(names()), ["db", "web", "web-test"])
    # Three pages, followed by the client.
    same(sorted(names(page_size=1)), ["db", "web", "web-test"])
    same(names(sort="name"), ["db", "web", "web-test"])
    same(names(sort="-name"), ["web-test", "web", "db"])
    same(names(search="web", sort="name"), ["web", "web-test"])
    same(names(wildcard_name="*-test"), ["web-test"])
    same(names(wildcard_name="web*", sort="name"), ["web", "web-test"])
    same(names(tags="stage"), ["web"])
    same(names(tags="stage,data"), [])
    same(names(exclude_tags="stage", sort="name"), ["db", "web-test"])
    same(names(project_id=world.project), ["web"])
    same(names(tag_bindings=[TagBinding(key="stage", value="production")]), ["web"])
    same(names(tag_bindings=[TagBinding(key="stage", value="test")]), [])
    same(names(current_run_status="applied"), [])
    include = [WorkspaceIncludeOpt.ORGANIZATION, WorkspaceIncludeOpt.PROJECT, WorkspaceIncludeOpt.EFFECTIVE_TAG_BINDINGS]
    [found] = service.list(world.organization, WorkspaceListOptions(search="db", include=include))
    same(found.organization.id, world.organization)
    read = service.read_with_options("db", WorkspaceReadOptions(include=include), organization=world.organization)
    holds(read, id=others[0].id)
    by_id = service.read_by_id_with_options(others[0].id, WorkspaceReadOptions(include=include))
    same(by_id.project.id, others[0].project.id)
    refused(NotFound, lambda: service.list("nobody"), status=404)


def workspace_lock(world):
    service = world.tfe.workspaces
    locked = service.lock(world.workspace, WorkspaceLockOptions(reason="maintenance"))
    holds(locked, locked=True, locked_reason="maintenance")
    assert locked.locked_by.user is not None, locked.locked_by
    refused(TFEError, lambda: service.lock(world.workspace, WorkspaceLockOptions(reason="again")), status=409)
    holds(service.unlock(world.workspace), locked=False)
    refused(TFEError, lambda: service.unlock(world.workspace), status=409)
    service.lock(world.workspace, WorkspaceLockOptions(reason="stuck"))
    holds(service.force_unlock(world.workspace), locked=False, locked_by=None)
    refused(TFEError, lambda: service.force_unlock(world.workspace), status=409)


def workspace_tags(world):
    service = world.tfe.workspaces
    service.add_tags(world.workspace, WorkspaceAddTagsOptions(tags=[Tag(name="blue"), Tag(name="red")]))
    same(sorted(tag.name for tag in service.list_tags(world.workspace)), ["blue", "red", "stage"])
    same(sorted(service.read_by_id(world.workspace).tag_names), ["blue", "red", "stage"])
    service.remove_tags(world.workspace, WorkspaceRemoveTagsOptions(tags=[Tag(name="blue")]))
    same(sorted(tag.name for tag in service.list_tags(world.workspace)), ["red", "stage"])


def workspace_tag_bindings(world):
    service = world.tfe.workspaces
    tags = [TagBinding(key="cost", value="7"), TagBinding(key="stage", value="test")]
    added = service.add_tag_bindings(world.workspace, WorkspaceAddTagBindingsOptions(tag_bindings=tags))
    assert ("cost", "7") in [(one.key, one.value) for one in added]
    found = sorted((one.key, one.value or "") for one in service.list_tag_bindings(world.workspace))
    same(found, [("cost", "7"), ("red", ""), ("stage", "test")])
    effective = sorted(one.key for one in service.list_effective_tag_bindings(world.workspace))
    same(effective, ["cost", "red", "stage"])
    service.delete_all_tag_bindings(world.workspace)
    same(list(service.list_tag_bindings(world.workspace)), [])


def remote_state_consumers(world):
    service = world.tfe.workspaces
    first, second = (Workspace(id=one.id) for one in world.others)

    def consumers():
        return sorted(one.id for one in service.list_remote_state_consumers(world.workspace))

    same(consumers(), [])
    service.add_remote_state_consumers(world.workspace, WorkspaceAddRemoteStateConsumersOptions(workspaces=[first]))
    same(consumers(), [first.id])
    service.update_remote_state_consumers(world.workspace, WorkspaceUpdateRemoteStateConsumersOptions(workspaces=[second]))
    same(consumers(), [second.id])
    service.remove_remote_state_consumers(world.workspace, WorkspaceRemoveRemoteStateConsumersOptions(workspaces=[second]))
    same(consumers(), [])


def workspace_readme(world):
    assert world.tfe.workspaces.readme(world.workspace) is None


def workspace_without_vcs(world):
    holds(world.tfe.workspaces.remove_vcs_connection_by_id(world.workspace), vcs_repo=None)
    holds(world.tfe.workspaces.remove_vcs_connection("web", organization=world.organization), vcs_repo=None)


def workspace_data_retention(world):
    # The policy is of Terraform Enterprise: there is none here, and none can be set.
    assert world.tfe.workspaces.read_data_retention_policy_choice(world.workspace) is None


def workspace_delete(world):
    service = world.tfe.workspaces
    service.lock(world.others[0].id, WorkspaceLockOptions(reason="kept"))
    refused(TFEError, lambda: service.safe_delete_by_id(world.others[0].id), "locked", status=409)
    service.unlock(world.others[0].id)
    service.safe_delete_by_id(world.others[0].id)
    service.safe_delete("web-test", organization=world.organization)
    for name in ("db", "web-test"):
        refused(NotFound, lambda name=name: service.read(name, organization=world.organization), status=404)
    spare = service.create(world.organization, WorkspaceCreateOptions(name="spare"))
    service.delete("spare", organization=world.organization)
    refused(NotFound, lambda: service.delete_by_id(spare.id), status=404)


RESOURCES = [
    workspaces,
    workspace_list,
    workspace_lock,
    workspace_tags,
    workspace_tag_bindings,
    remote_state_consumers,
    workspace_readme,
    workspace_without_vcs,
    workspace_data_retention,
    workspace_delete,
]
