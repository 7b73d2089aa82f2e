"""Organizations, projects, teams, tokens and pools."""

from checks import has, refused, same
from documents import document, ids, names, related
from terrasnek.exceptions import TFCHTTPForbidden, TFCHTTPNotFound, TFCHTTPUnprocessableEntity

MISSING = "x" * 16


def organizations(world):
    service = world.tfc.orgs
    made = service.create(document("organizations", name=world.organization, email="admin@example.test"))["data"]
    same(made["id"], world.organization)
    has(made["attributes"], name=world.organization, email="admin@example.test", default_execution_mode="remote")
    assert made["attributes"]["external-id"].startswith("org-"), made
    world.tfc.set_org(world.organization)
    service.create(document("organizations", name="gadgets", email="second@example.test"))
    same(sorted(names(service.list())), ["gadgets", world.organization])
    same(sorted(names(service.list_all())), ["gadgets", world.organization])
    changed = service.update("gadgets", document("organizations", email="new@example.test"))["data"]
    has(changed["attributes"], email="new@example.test")
    has(service.show("gadgets")["data"]["attributes"], email="new@example.test")
    taken = document("organizations", name="gadgets", email="a@b.test")
    refused(TFCHTTPUnprocessableEntity, lambda: service.create(taken), "taken")
    service.destroy("gadgets")
    refused(TFCHTTPNotFound, lambda: service.show("gadgets"))


def entitlements(world):
    found = world.tfc.orgs.entitlements(world.organization)["data"]["attributes"]
    has(found, operations=True, state_storage=True, teams=True, private_module_registry=True)


def projects(world):
    service = world.tfc.projects
    made = service.create(document("projects", name="network", description="Of the network"))["data"]
    world.project = made["id"]
    has(made["attributes"], name="network", description="Of the network")
    same(sorted(names(service.list())), ["Default Project", "network"])
    by_name = [{"keys": ["names"], "value": "network"}]
    same(ids(service.list_all(filters=by_name)), [made["id"]])
    same(ids(service.list(query="netw")), [made["id"]])
    has(service.update(made["id"], document("projects", name="networks"))["data"]["attributes"], name="networks")
    has(service.show(made["id"])["data"]["attributes"], name="networks")
    refused(TFCHTTPUnprocessableEntity, lambda: service.create(document("projects", name="networks")), "taken")
    workspace = world.tfc.workspaces.create(document("workspaces", name="moving"))["data"]["id"]
    service.move_workspaces_into_project(made["id"], related("workspaces", workspace))
    moved = world.tfc.workspaces.show(workspace_id=workspace)["data"]
    same(moved["relationships"]["project"]["data"]["id"], made["id"])
    refused(TFCHTTPForbidden, lambda: service.destroy(made["id"]))
    world.tfc.workspaces.destroy(workspace_id=workspace)
    spare = service.create(document("projects", name="spare"))["data"]["id"]
    service.destroy(spare)
    refused(TFCHTTPNotFound, lambda: service.show(spare))


def ssh_keys(world):
    service = world.tfc.ssh_keys
    made = service.create(document("ssh-keys", name="deploy", value="-----BEGIN PRIVATE KEY-----\nx"))["data"]
    has(made["attributes"], name="deploy")
    assert "value" not in made["attributes"], made
    has(service.update(made["id"], document("ssh-keys", name="ship"))["data"]["attributes"], name="ship")
    has(service.show(made["id"])["data"]["attributes"], name="ship")
    same(ids(service.list()), [made["id"]])
    workspaces = world.tfc.workspaces
    workspace = workspaces.create(document("workspaces", name="with-key"))["data"]["id"]
    assigned = workspaces.assign_ssh_key(workspace, document("workspaces", id=made["id"]))["data"]
    same(assigned["relationships"]["ssh-key"]["data"]["id"], made["id"])
    workspaces.unassign_ssh_key(workspace, document("workspaces", id=None))
    workspaces.destroy(workspace_id=workspace)
    service.destroy(made["id"])
    refused(TFCHTTPNotFound, lambda: service.show(made["id"]))


def account(world):
    service = world.tfc.account
    me = service.show()["data"]
    same(me["type"], "users")
    world.user = me["id"]
    has(service.update(document("users", username="operator"))["data"]["attributes"], username="operator")
    assert me["attributes"]["avatar-url"] and "permissions" in me["attributes"], me


def users(world):
    has(world.tfc.users.show(world.user)["data"]["attributes"], username="operator", is_service_account=False)
    refused(TFCHTTPNotFound, lambda: world.tfc.users.show(f"user-{MISSING}"))


def user_tokens(world):
    service = world.tfc.user_tokens
    made = service.create(world.user, document("authentication-tokens", description="of a program"))["data"]
    has(made["attributes"], description="of a program")
    client = world.client(made["attributes"]["token"])
    client.set_org(world.organization)
    same(client.account.show()["data"]["id"], world.user)
    assert made["id"] in ids(service.list(world.user))
    has(service.show(made["id"])["data"]["attributes"], description="of a program", token=None)
    service.destroy(made["id"])
    refused(TFCHTTPNotFound, lambda: service.show(made["id"]))


def teams(world):
    service = world.tfc.teams
    access = {"manage-workspaces": True}
    made = service.create(document("teams", name="builders", **{"organization-access": access}))["data"]
    world.team = made["id"]
    has(made["attributes"], name="builders", visibility="secret", users_count=0)
    has(made["attributes"]["organization-access"], manage_workspaces=True, read_workspaces=True, manage_teams=False)
    same(sorted(names(service.list())), ["builders", "owners"])
    same(ids(service.list_all(filters=[{"keys": ["names"], "value": "builders"}])), [made["id"]])
    has(service.update(made["id"], document("teams", name="makers"))["data"]["attributes"], name="makers")
    has(service.show(made["id"])["data"]["attributes"], name="makers")
    refused(TFCHTTPUnprocessableEntity, lambda: service.create(document("teams", name="makers")), "taken")
    refused(TFCHTTPNotFound, lambda: service.show(f"team-{MISSING}"))


def organization_memberships(world):
    service = world.tfc.org_memberships
    invitation = document("organization-memberships", email="guest@example.test", teams=[world.team])
    made = service.invite(invitation)["data"]
    has(made["attributes"], status="invited", email="guest@example.test")
    assert made["id"] in ids(service.list_for_org())
    same(ids(service.list_all_for_org(filters=[{"keys": ["status"], "value": "invited"}])), [made["id"]])
    same(ids(service.list_for_org(query="guest")), [made["id"]])
    [own] = ids(service.list_for_user())
    world.membership = own
    has(service.show(made["id"], include=["user", "teams"])["data"]["attributes"], status="invited")
    refused(TFCHTTPUnprocessableEntity, lambda: service.invite(invitation))
    refused(TFCHTTPForbidden, lambda: service.remove(own))
    service.remove(made["id"])
    refused(TFCHTTPNotFound, lambda: service.show(made["id"]))


def team_memberships(world):
    service = world.tfc.team_memberships
    service.add_user_to_team(world.team, related("users", "operator"))
    has(world.tfc.teams.show(world.team)["data"]["attributes"], users_count=1)
    service.remove_user_from_team(world.team, related("users", "operator"))
    by_membership = related("organization-memberships", world.membership)
    service.add_user_to_team_with_org_id(world.team, by_membership)
    has(world.tfc.teams.show(world.team)["data"]["attributes"], users_count=1)
    service.remove_user_from_team_with_org_id(world.team, by_membership)
    has(world.tfc.teams.show(world.team)["data"]["attributes"], users_count=0)


def team_tokens(world):
    made = world.tfc.team_tokens.create(world.team)["data"]
    client = world.client(made["attributes"]["token"])
    same(names(client.orgs.list()), [world.organization])
    world.tfc.team_tokens.destroy(world.team)
    refused(TFCHTTPNotFound, lambda: world.tfc.team_tokens.destroy(world.team))


def project_team_access(world):
    service = world.tfc.project_team_access
    body = document("team-projects", access="maintain", team=world.team, project=world.project)
    made = service.add_project_team_access(body)["data"]
    has(made["attributes"], access="maintain")
    has(made["attributes"]["workspace-access"], runs="apply", create=True, move=False)
    same(ids(service.list(filters=[{"keys": ["project", "id"], "value": world.project}])), [made["id"]])
    has(service.update(made["id"], document("team-projects", access="read"))["data"]["attributes"], access="read")
    has(service.show(made["id"])["data"]["attributes"], access="read")
    refused(TFCHTTPUnprocessableEntity, lambda: service.add_project_team_access(body), "taken")
    service.remove_project_team_access(made["id"])
    refused(TFCHTTPNotFound, lambda: service.show(made["id"]))


def organization_tokens(world):
    made = world.tfc.org_tokens.create()["data"]
    client = world.client(made["attributes"]["token"])
    same(names(client.orgs.list()), [world.organization])
    # The audit trail is only for such tokens.
    trail = client.audit_trails.list()
    same((type(trail["data"]), trail["pagination"]["current_page"]), (list, 1))
    same(client.audit_trails.list_all()["included"], [])
    has(trail["data"][0], version="0", type="Resource")
    world.tfc.org_tokens.destroy()
    refused(TFCHTTPNotFound, lambda: world.tfc.org_tokens.destroy())


def agent_pools(world):
    service = world.tfc.agents
    made = service.create_pool(document("agent-pools", name="edge"))["data"]
    world.pool = made["id"]
    has(made["attributes"], name="edge", organization_scoped=True)
    same(ids(service.list_pools()), [made["id"]])
    has(service.update(made["id"], document("agent-pools", name="rim"))["data"]["attributes"], name="rim")
    has(service.show_pool(made["id"])["data"]["attributes"], name="rim")
    same(service.list(made["id"])["data"], [])
    refused(TFCHTTPUnprocessableEntity, lambda: service.create_pool(document("agent-pools", name="rim")), "taken")
    refused(TFCHTTPNotFound, lambda: service.show(f"agent-{MISSING}"))


def agent_tokens(world):
    service = world.tfc.agent_tokens
    made = service.create(world.pool, document("authentication-tokens", description="of the rim"))["data"]
    assert made["attributes"]["token"], made
    same(ids(service.list(world.pool)), [made["id"]])
    has(service.show(made["id"])["data"]["attributes"], description="of the rim", token=None)
    service.destroy(made["id"])
    refused(TFCHTTPNotFound, lambda: service.show(made["id"]))
    world.tfc.agents.destroy_pool(world.pool)
    refused(TFCHTTPNotFound, lambda: world.tfc.agents.show_pool(world.pool))


RESOURCES = [
    organizations,
    entitlements,
    projects,
    ssh_keys,
    account,
    users,
    user_tokens,
    teams,
    organization_memberships,
    team_memberships,
    team_tokens,
    project_team_access,
    organization_tokens,
    agent_pools,
    agent_tokens,
]
