"""Organizations, projects, tags and SSH keys."""

from datetime import datetime

from checks import holds, refused, same
from pytfe.errors import AuthError, NotFound, TFEError
from pytfe.models import (
    AddWorkspacesToTagOptions,
    OrganizationCreateOptions,
    OrganizationDefaultSettingsUpdateOptions,
    OrganizationTagsDeleteOptions,
    OrganizationTagsListOptions,
    OrganizationUpdateOptions,
    OrgTokenTTLPolicyUpdateOptions,
    ProjectAddTagBindingsOptions,
    ProjectCreateOptions,
    ProjectListOptions,
    ProjectUpdateOptions,
    ReadRunQueueOptions,
    ReservedTagKeyCreateOptions,
    ReservedTagKeyUpdateOptions,
    SSHKeyCreateOptions,
    SSHKeyUpdateOptions,
    TagBinding,
    WorkspaceAddTagsOptions,
    WorkspaceAssignSSHKeyOptions,
    WorkspaceCreateOptions,
)
from pytfe.models.common import Tag

MISSING = "x" * 16


def organizations(world):
    service = world.tfe.organizations
    made = service.create(OrganizationCreateOptions(name=world.organization, email="admin@example.test"))
    holds(made, id=world.organization, name=world.organization, email="admin@example.test")
    # The client reads no attribute of an organization whose name has a hyphen, but for the execution mode.
    assert made.permissions["can-create-workspace"] is True, made.permissions

    second = service.create(OrganizationCreateOptions(name="gadgets", email="second@example.test"))
    same(sorted(one.name for one in service.list()), ["gadgets", world.organization])
    changed = service.update(second.name, OrganizationUpdateOptions(name="gizmos", email="new@example.test"))
    holds(changed, name="gizmos", email="new@example.test")
    holds(service.read("gizmos"), email="new@example.test", default_execution_mode="remote")
    refused(TFEError, lambda: service.create(OrganizationCreateOptions(name="gizmos", email="a@b.test")), "taken", status=422)
    refused(TFEError, lambda: service.update("gizmos", OrganizationUpdateOptions(email="nobody")), status=422)
    service.delete("gizmos")
    refused(NotFound, lambda: service.read("gizmos"), status=404)
    refused(NotFound, lambda: service.delete("gizmos"), status=404)


def entitlements(world):
    found = world.tfe.organizations.read_entitlements(world.organization)
    for name in ("operations", "state_storage", "teams", "agents", "private_module_registry"):
        assert getattr(found, name) is True, f"{name}: {found!r}"
    refused(NotFound, lambda: world.tfe.organizations.read_entitlements("nobody"), status=404)


def capacity(world):
    holds(world.tfe.organizations.read_capacity(world.organization), organization=world.organization, pending=0, running=0)
    queue = world.tfe.organizations.read_run_queue(world.organization, ReadRunQueueOptions(page_number=1, page_size=10))
    same(queue.items, [])
    holds(queue.pagination, current_page=1, total_count=0)


def default_settings(world):
    service = world.tfe.organizations
    holds(service.read_default_settings(world.organization), default_execution_mode="remote", default_agent_pool_id=None)
    local = OrganizationDefaultSettingsUpdateOptions(default_execution_mode="local")
    holds(service.update_default_settings(world.organization, local), default_execution_mode="local")
    agent = OrganizationDefaultSettingsUpdateOptions(default_execution_mode="agent")
    refused(TFEError, lambda: service.update_default_settings(world.organization, agent), status=422)
    holds(service.reset_default_settings(world.organization), default_execution_mode="remote")


def projects(world):
    service = world.tfe.projects
    options = ProjectCreateOptions(
        name="network",
        description="Of the network",
        auto_destroy_activity_duration="14d",
        tag_bindings=[TagBinding(key="team", value="net")],
    )
    made = service.create(world.organization, options)
    world.project = made.id
    holds(made, name="network", description="Of the network", auto_destroy_activity_duration="14d", workspace_count=0)
    assert made.id.startswith("prj-"), made
    same(made.organization.id, world.organization)
    same(sorted(one.name for one in service.list(world.organization)), ["Default Project", "network"])
    same([one.id for one in service.list(world.organization, ProjectListOptions(name="network"))], [made.id])
    same([one.id for one in service.list(world.organization, ProjectListOptions(query="netw"))], [made.id])
    same([one.id for one in service.list(world.organization, ProjectListOptions(tags={"team": "net"}))], [made.id])
    same(list(service.list(world.organization, ProjectListOptions(tags={"team": "other"}))), [])
    changed = service.update(made.id, ProjectUpdateOptions(name="networks", description="All of them"))
    holds(changed, name="networks", description="All of them")
    holds(service.read(made.id, include=["organization"]), name="networks")
    refused(TFEError, lambda: service.create(world.organization, ProjectCreateOptions(name="networks")), "taken", status=422)
    refused(TFEError, lambda: service.update(made.id, ProjectUpdateOptions(auto_destroy_activity_duration="1y")), status=422)
    refused(NotFound, lambda: service.read(f"prj-{MISSING}"), status=404)


def project_tag_bindings(world):
    service = world.tfe.projects
    tags = [TagBinding(key="team", value="core"), TagBinding(key="cost", value="7")]
    added = service.add_tag_bindings(world.project, ProjectAddTagBindingsOptions(tag_bindings=tags))
    same(sorted((one.key, one.value) for one in added), [("cost", "7"), ("team", "core")])
    same(sorted((one.key, one.value) for one in service.list_tag_bindings(world.project)), [("cost", "7"), ("team", "core")])
    same(sorted(one.key for one in service.list_effective_tag_bindings(world.project)), ["cost", "team"])
    service.delete_tag_bindings(world.project)
    same(service.list_tag_bindings(world.project), [])


def project_workspaces(world):
    service, workspaces = world.tfe.projects, world.tfe.workspaces
    workspace = workspaces.create(world.organization, WorkspaceCreateOptions(name="moving"))
    assert workspace.project.id != world.project, workspace.project
    service.move_workspaces(world.project, [workspace.id])
    same(workspaces.read_by_id(workspace.id).project.id, world.project)
    holds(service.read(world.project), workspace_count=1)
    refused(AuthError, lambda: service.delete(world.project), "workspaces", status=403)
    workspaces.delete_by_id(workspace.id)
    spare = service.create(world.organization, ProjectCreateOptions(name="spare"))
    service.delete(spare.id)
    refused(NotFound, lambda: service.read(spare.id), status=404)


def organization_tags(world):
    service, workspaces = world.tfe.organization_tags, world.tfe.workspaces
    first = workspaces.create(world.organization, WorkspaceCreateOptions(name="tagged-1"))
    second = workspaces.create(world.organization, WorkspaceCreateOptions(name="tagged-2"))
    workspaces.add_tags(first.id, WorkspaceAddTagsOptions(tags=[Tag(name="blue"), Tag(name="green")]))
    found = {tag.name: tag for tag in service.list(world.organization)}
    # The tags that projects have had are known, too.
    same(sorted(found), ["blue", "cost", "green", "team"])
    holds(found["blue"], instance_count=1)
    service.add_workspaces(world.organization, found["blue"].id, AddWorkspacesToTagOptions(workspace_ids=[second.id]))
    same(workspaces.read_by_id(second.id).tag_names, ["blue"])
    [tag] = service.list(world.organization, OrganizationTagsListOptions(query="blu"))
    holds(tag, name="blue", instance_count=2)
    same([tag.name for tag in service.list(world.organization, OrganizationTagsListOptions(filter=second.id))], ["cost", "green", "team"])
    service.delete(world.organization, OrganizationTagsDeleteOptions(ids=[tag.id for tag in found.values()]))
    same(list(service.list(world.organization)), [])
    same(workspaces.read_by_id(first.id).tag_names, [])
    for workspace in (first, second):
        workspaces.delete_by_id(workspace.id)


def reserved_tag_keys(world):
    service = world.tfe.reserved_tag_key
    made = service.create(world.organization, ReservedTagKeyCreateOptions(key="env", disable_overrides=True))
    holds(made, key="env", disable_overrides=True)
    assert isinstance(made.created_at, datetime), made
    changed = service.update(made.id, ReservedTagKeyUpdateOptions(key="stage", disable_overrides=False))
    holds(changed, key="stage", disable_overrides=False)
    same([one.key for one in service.list(world.organization)], ["stage"])
    again = ReservedTagKeyCreateOptions(key="stage", disable_overrides=True)
    refused(TFEError, lambda: service.create(world.organization, again), "taken", status=422)
    service.delete(made.id)
    same(list(service.list(world.organization)), [])
    refused(NotFound, lambda: service.delete(made.id), status=404)


def ssh_keys(world):
    service, workspaces = world.tfe.ssh_keys, world.tfe.workspaces
    made = service.create(world.organization, SSHKeyCreateOptions(name="deploy", value="-----BEGIN PRIVATE KEY-----\nx"))
    holds(made, name="deploy")
    assert made.id.startswith("sshkey-") and "BEGIN" not in repr(made), made
    holds(service.update(made.id, SSHKeyUpdateOptions(name="deployment")), name="deployment")
    holds(service.read(made.id), name="deployment")
    same([one.id for one in service.list(world.organization)], [made.id])
    workspace = workspaces.create(world.organization, WorkspaceCreateOptions(name="with-key"))
    assigned = workspaces.assign_ssh_key(workspace.id, WorkspaceAssignSSHKeyOptions(ssh_key_id=made.id))
    same(assigned.ssh_key.id, made.id)
    assert workspaces.unassign_ssh_key(workspace.id).ssh_key is None
    workspaces.delete_by_id(workspace.id)
    service.delete(made.id)
    refused(NotFound, lambda: service.read(made.id), status=404)


def token_ttl_policies(world):
    service = world.tfe.organization_token_ttl_policies
    same(list(service.list(world.organization)), [])
    lives = {one.token_type.value: one.max_ttl_ms for one in service.update(world.organization, OrgTokenTTLPolicyUpdateOptions(team="30d"))}
    same(lives, {"organization": 63_113_904_000, "team": 2_592_000_000, "user": 63_113_904_000, "audit_trails": 63_113_904_000})
    same(len(list(service.list(world.organization))), 4)
    same({one.max_ttl_ms for one in service.reset_to_defaults(world.organization)}, {63_072_000_000})


RESOURCES = [
    organizations,
    entitlements,
    capacity,
    default_settings,
    projects,
    project_tag_bindings,
    project_workspaces,
    organization_tags,
    reserved_tag_keys,
    ssh_keys,
    token_ttl_policies,
]
