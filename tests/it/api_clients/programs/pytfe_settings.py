"""Variables, variable sets, agent pools and notifications: what a workspace is set up with."""

from datetime import datetime

from checks import holds, refused, same
from pytfe.errors import InvalidOrgError, NotFound, TFEError
from pytfe.models import (
    AgentPoolAssignToProjectsOptions,
    AgentPoolAssignToWorkspacesOptions,
    AgentPoolCreateOptions,
    AgentPoolRemoveFromWorkspacesOptions,
    AgentPoolUpdateOptions,
    AgentTokenCreateOptions,
    CategoryType,
    ExecutionMode,
    NotificationConfigurationCreateOptions,
    NotificationConfigurationUpdateOptions,
    NotificationDestinationType,
    NotificationTriggerType,
    Project,
    VariableCreateOptions,
    VariableSetApplyToProjectsOptions,
    VariableSetApplyToWorkspacesOptions,
    VariableSetCreateOptions,
    VariableSetIncludeOpt,
    VariableSetListOptions,
    VariableSetReadOptions,
    VariableSetRemoveFromProjectsOptions,
    VariableSetRemoveFromWorkspacesOptions,
    VariableSetUpdateOptions,
    VariableSetUpdateWorkspacesOptions,
    VariableSetVariableCreateOptions,
    VariableSetVariableUpdateOptions,
    VariableUpdateOptions,
    Workspace,
    WorkspaceUpdateOptions,
)

MISSING = "x" * 16
# Nothing listens on the first port; the server of the test may reach the loopback interface.
LOOPBACK = "http://127.0.0.1:1/hook"
METADATA = "http://169.254.169.254/hook"


def variables(world):
    service = world.tfe.variables
    plain = VariableCreateOptions(
        key="region", value='"north"', description="Where", category=CategoryType.TERRAFORM, hcl=True, sensitive=False
    )
    made = service.create(world.workspace, plain)
    holds(made, key="region", value='"north"', description="Where", category="terraform", hcl=True, sensitive=False)
    secret = service.create(
        world.workspace, VariableCreateOptions(key="PASSWORD", value="hunter2", category=CategoryType.ENV, sensitive=True)
    )
    holds(secret, key="PASSWORD", value=None, category="env", sensitive=True, hcl=False)
    same(sorted(one.key for one in service.list(world.workspace)), ["PASSWORD", "region"])
    same(sorted(one.key for one in service.list_all(world.workspace)), ["PASSWORD", "region"])
    changed = service.update(world.workspace, made.id, VariableUpdateOptions(value="south", hcl=False))
    holds(changed, key="region", value="south", hcl=False, description="Where")
    holds(service.read(world.workspace, secret.id), value=None)
    refused(TFEError, lambda: service.create(world.workspace, plain), "taken", status=422)
    shown = VariableUpdateOptions(sensitive=False)
    refused(TFEError, lambda: service.update(world.workspace, secret.id, shown), status=422)
    for one in (made, secret):
        service.delete(world.workspace, one.id)
    refused(NotFound, lambda: service.read(world.workspace, made.id), status=404)
    refused(NotFound, lambda: service.list(f"ws-{MISSING}"), status=404)


def variable_sets(world):
    service = world.tfe.variable_sets
    workspace, project = Workspace(id=world.workspace), Project(id=world.project)
    options = VariableSetCreateOptions(name="shared", description="For all", **{"global": False}, priority=False)
    made = service.create(world.organization, options)
    world.variable_set = made.id
    holds(made, name="shared", description="For all", global_=False, priority=False)
    assert made.id.startswith("varset-"), made
    service.apply_to_workspaces(made.id, VariableSetApplyToWorkspacesOptions(workspaces=[workspace]))
    service.apply_to_projects(made.id, VariableSetApplyToProjectsOptions(projects=[project]))
    read = service.read(
        made.id, VariableSetReadOptions(include=[VariableSetIncludeOpt.WORKSPACES, VariableSetIncludeOpt.PROJECTS])
    )
    same(([one.id for one in read.workspaces], [one.id for one in read.projects]), ([workspace.id], [project.id]))
    same([one.id for one in service.list_for_workspace(world.workspace)], [made.id])
    same([one.id for one in service.list_for_project(world.project)], [made.id])
    same([one.id for one in service.list(world.organization, VariableSetListOptions(query="sha"))], [made.id])
    same(list(service.list(world.organization, VariableSetListOptions(query="other"))), [])
    same([one["id"] for one in world.tfe.workspaces.list_applicable_varsets(world.workspace)], [made.id])
    service.remove_from_workspaces(made.id, VariableSetRemoveFromWorkspacesOptions(workspaces=[workspace]))
    service.remove_from_projects(made.id, VariableSetRemoveFromProjectsOptions(projects=[project]))
    same(list(service.list_for_workspace(world.workspace)), [])
    replaced = service.update_workspaces(made.id, VariableSetUpdateWorkspacesOptions(workspaces=[workspace]))
    same([one.id for one in replaced.workspaces], [workspace.id])
    changed = service.update(made.id, VariableSetUpdateOptions(name="common", priority=True, **{"global": True}))
    holds(changed, name="common", priority=True, global_=True, description="For all")
    again = VariableSetCreateOptions(name="common", **{"global": False})
    refused(TFEError, lambda: service.create(world.organization, again), "taken", status=422)


def variable_set_variables(world):
    service = world.tfe.variable_set_variables
    options = VariableSetVariableCreateOptions(
        key="LEVEL", value="1", description="How loud", category=CategoryType.ENV, hcl=False, sensitive=False
    )
    made = service.create(world.variable_set, options)
    holds(made, key="LEVEL", value="1", description="How loud", category="env", hcl=False, sensitive=False)
    secret = service.create(
        world.variable_set,
        VariableSetVariableCreateOptions(key="KEY", value="hunter2", category=CategoryType.TERRAFORM, sensitive=True),
    )
    holds(secret, value=None, sensitive=True)
    changed = service.update(world.variable_set, made.id, VariableSetVariableUpdateOptions(value="2"))
    holds(changed, key="LEVEL", value="2")
    holds(service.read(world.variable_set, made.id), value="2")
    same(sorted(one.key for one in service.list(world.variable_set)), ["KEY", "LEVEL"])
    # Both reach the workspace, which the set is on as it is global.
    same(sorted(one.key for one in world.tfe.variables.list_all(world.workspace)), ["KEY", "LEVEL"])
    refused(TFEError, lambda: service.create(world.variable_set, options), status=422)
    service.delete(world.variable_set, made.id)
    refused(NotFound, lambda: service.read(world.variable_set, made.id), status=404)
    world.tfe.variable_sets.delete(world.variable_set)
    refused(NotFound, lambda: world.tfe.variable_sets.read(world.variable_set), status=404)


def agent_pools(world):
    service, workspaces = world.tfe.agent_pools, world.tfe.workspaces
    made = service.create(world.organization, AgentPoolCreateOptions(name="edge", organization_scoped=False))
    world.pool = made.id
    holds(made, name="edge", organization_scoped=False, agent_count=0)
    assert made.id.startswith("apool-") and isinstance(made.created_at, datetime), made
    on_pool = WorkspaceUpdateOptions(execution_mode=ExecutionMode.AGENT, agent_pool_id=made.id)
    refused(TFEError, lambda: workspaces.update_by_id(world.workspace, on_pool), status=422)
    service.assign_to_workspaces(made.id, AgentPoolAssignToWorkspacesOptions(workspace_ids=[world.workspace]))
    same([one.id for one in service.read(made.id).allowed_workspaces], [world.workspace])
    changed = workspaces.update_by_id(world.workspace, on_pool)
    holds(changed, execution_mode="agent")
    same(changed.agent_pool.id, made.id)
    same([one.id for one in service.read(made.id).workspaces], [world.workspace])
    refused(TFEError, lambda: service.delete(made.id))
    workspaces.update_by_id(world.workspace, WorkspaceUpdateOptions(execution_mode=ExecutionMode.REMOTE))
    service.remove_from_workspaces(made.id, AgentPoolRemoveFromWorkspacesOptions(workspace_ids=[world.workspace]))
    service.assign_to_projects(made.id, AgentPoolAssignToProjectsOptions(project_ids=[world.project]))
    same([one.id for one in service.read(made.id).allowed_projects], [world.project])
    changed = service.update(made.id, AgentPoolUpdateOptions(name="rim", organization_scoped=True))
    holds(changed, name="rim", organization_scoped=True)
    same([one.name for one in service.list(world.organization)], ["rim"])
    again = AgentPoolCreateOptions(name="rim")
    refused(TFEError, lambda: service.create(world.organization, again), "taken", status=422)


def agent_tokens(world):
    service = world.tfe.agent_tokens
    made = service.create(world.pool, AgentTokenCreateOptions(description="of the rim"))
    holds(made, description="of the rim")
    assert made.id.startswith("at-") and len(made.token) > 40, made
    holds(service.read(made.id), description="of the rim", token=None)
    same([(one.id, one.token) for one in service.list(world.pool)], [(made.id, None)])
    service.delete(made.id)
    refused(NotFound, lambda: service.read(made.id), status=404)


def agents(world):
    same(list(world.tfe.agents.list(world.pool)), [])
    refused(NotFound, lambda: world.tfe.agents.read(f"agent-{MISSING}"), status=404)
    refused(NotFound, lambda: world.tfe.agents.delete(f"agent-{MISSING}"), status=404)
    world.tfe.agent_pools.delete(world.pool)
    refused(NotFound, lambda: world.tfe.agent_pools.read(world.pool), status=404)


def notification_configurations(world):
    service = world.tfe.notification_configurations

    def options(**changes):
        plain = {
            "destination_type": NotificationDestinationType.GENERIC,
            "enabled": False,
            "name": "hook",
            "token": "hunter2",
            "triggers": [NotificationTriggerType.CREATED, NotificationTriggerType.ERRORED],
            "url": LOOPBACK,
        }
        return NotificationConfigurationCreateOptions(**{**plain, **changes})

    made = service.create(world.workspace, options())
    holds(made, name="hook", enabled=False, destination_type="generic", url=LOOPBACK, token=None)
    same([one.value for one in made.triggers], ["run:created", "run:errored"])
    same(made.email_addresses, [])
    changed = service.update(
        made.id, NotificationConfigurationUpdateOptions(name="bell", triggers=[NotificationTriggerType.COMPLETED])
    )
    holds(changed, name="bell", url=LOOPBACK)
    same([one.value for one in changed.triggers], ["run:completed"])
    holds(service.read(made.id), name="bell", token=None)
    same([one.id for one in service.list(world.workspace)], [made.id])
    # Nothing listens there: whoever enables it is told.
    refused(TFEError, lambda: service.verify(made.id))
    metadata = options(url=METADATA, enabled=True)
    refused(TFEError, lambda: service.create(world.workspace, metadata))
    service.delete(made.id)
    # The client calls every 404 of this resource a wrong organization.
    refused(InvalidOrgError, lambda: service.read(made.id), "not found")
    same(list(service.list(world.workspace)), [])


RESOURCES = [
    variables,
    variable_sets,
    variable_set_variables,
    agent_pools,
    agent_tokens,
    agents,
    notification_configurations,
]
