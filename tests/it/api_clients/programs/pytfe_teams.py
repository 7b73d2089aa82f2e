"""Users, teams, memberships, access and tokens."""

from datetime import datetime, timedelta, timezone

from checks import holds, refused, same
from pytfe import TFEClient, TFEConfig
from pytfe.errors import AuthError, NotFound, TFEError
from pytfe.models import (
    OrganizationMembershipCreateOptions,
    OrganizationMembershipListOptions,
    OrganizationMembershipReadOptions,
    OrganizationMembershipStatus,
    OrganizationTokenCreateOptions,
    OrgMembershipIncludeOpt,
    Project,
    Team,
    TeamCreateOptions,
    TeamIncludeOpt,
    TeamListOptions,
    TeamProjectAccessAddOptions,
    TeamProjectAccessListOptions,
    TeamProjectAccessType,
    TeamProjectAccessUpdateOptions,
    TeamReadOptions,
    TeamTokenCreateOptions,
    TeamTokenListOptions,
    TeamUpdateOptions,
    TeamWorkspaceAccessAddOptions,
    TeamWorkspaceAccessType,
    TeamWorkspaceAccessUpdateOptions,
    UserUpdateCurrentOptions,
)
from pytfe.models.team import OrganizationAccessOptions
from pytfe.models.organization_token import OrganizationTokenDeleteOptions, OrganizationTokenReadOptions, TokenType
from pytfe.models.team_project_access import (
    TeamProjectAccessProjectPermissionsOptions,
    TeamProjectAccessWorkspacePermissionsOptions,
)

MISSING = "x" * 16


def users(world):
    service = world.tfe.users
    me = service.read_current()
    assert me.id.startswith("user-") and me.username and me.avatar_url, me
    holds(me, is_service_account=False)
    holds(me.two_factor, enabled=False, verified=False)
    holds(me.permissions, can_create_organizations=True)
    changed = service.update_current(UserUpdateCurrentOptions(username="operator"))
    holds(changed, id=me.id, username="operator")
    holds(service.read(me.id), id=me.id, username="operator")
    refused(NotFound, lambda: service.read(f"user-{MISSING}"), status=404)
    world.user = me.id


def teams(world):
    service = world.tfe.teams
    options = TeamCreateOptions(
        name="builders",
        visibility="organization",
        sso_team_id="sso-1",
        allow_member_token_management=False,
        organization_access=OrganizationAccessOptions(manage_workspaces=True, manage_modules=True),
    )
    made = service.create(world.organization, options)
    world.team = made.id
    holds(made, name="builders", visibility="organization", sso_team_id="sso-1", is_unified=False)
    holds(made, allow_member_token_management=False)
    holds(made.organization_access, manage_workspaces=True, read_workspaces=True, manage_modules=True)
    holds(made.organization_access, manage_teams=False, manage_policies=False)
    holds(made.permissions, can_destroy=True, can_update_membership=True)
    access = OrganizationAccessOptions(manage_teams=True)
    changed = service.update(made.id, TeamUpdateOptions(name="makers", visibility="secret", organization_access=access))
    holds(changed, name="makers", visibility="secret")
    holds(changed.organization_access, manage_teams=True, manage_workspaces=True)
    holds(service.read(made.id), name="makers")
    same(sorted(one.name for one in service.list(world.organization)), ["makers", "owners"])
    same([one.id for one in service.list(world.organization, TeamListOptions(names=["makers"]))], [made.id])
    same([one.id for one in service.list(world.organization, TeamListOptions(query="make"))], [made.id])
    refused(TFEError, lambda: service.create(world.organization, TeamCreateOptions(name="makers")), "taken", status=422)
    [owners] = service.list(world.organization, TeamListOptions(names=["owners"]))
    assert_refused_for_owners(service, owners)
    refused(NotFound, lambda: service.read(f"team-{MISSING}"), status=404)


def assert_refused_for_owners(service, owners):
    for call in (lambda: service.delete(owners.id), lambda: service.update(owners.id, TeamUpdateOptions(name="x"))):
        try:
            call()
        except TFEError as refusal:
            assert refusal.status in (403, 422), refusal
        else:
            raise AssertionError("the owners were changed")


def organization_memberships(world):
    service = world.tfe.organization_memberships
    invitation = OrganizationMembershipCreateOptions(email="guest@example.test", teams=[Team(id=world.team)])
    made = service.create(world.organization, invitation)
    world.membership = made.id
    holds(made, status="invited", email="guest@example.test")
    same(made.user.id.startswith("user-"), True)
    include = [OrgMembershipIncludeOpt.USER, OrgMembershipIncludeOpt.TEAMS]
    read = service.read_with_options(made.id, OrganizationMembershipReadOptions(include=include))
    same([one.id for one in read.teams], [world.team])
    holds(service.read(made.id), email="guest@example.test")
    same(len(list(service.list(world.organization))), 2)

    def found(**options):
        return [one.id for one in service.list(world.organization, OrganizationMembershipListOptions(**options))]

    same(found(emails=["guest@example.test"]), [made.id])
    same(found(status=OrganizationMembershipStatus.INVITED), [made.id])
    same(found(query="guest"), [made.id])
    refused(TFEError, lambda: service.create(world.organization, invitation), status=422)
    [own] = [id for id in found() if id != made.id]
    refused(AuthError, lambda: service.delete(own), status=403)
    world.own_membership = own


def team_members(world):
    service = world.tfe.teams
    service.add_users(world.team, ["operator"])
    assert "operator" in [one.username for one in service.list_users(world.team)]
    # The server has no list of the memberships of a team by itself; they are read with the team.
    read = service.read(world.team, TeamReadOptions(include=[TeamIncludeOpt.TEAM_ORGANIZATION_MEMBERSHIPS]))
    same(len(read.organization_memberships), 2)
    service.remove_users(world.team, ["operator"])
    service.add_organization_memberships(world.team, [world.own_membership])
    read = service.read(world.team, TeamReadOptions(include=[TeamIncludeOpt.TEAM_USERS]))
    assert world.user in [one.id for one in read.users], read.users
    service.remove_organization_memberships(world.team, [world.own_membership])
    assert world.user not in [one.id for one in service.list_users(world.team)]
    refused(TFEError, lambda: service.add_users(world.team, ["nobody-of-that-name"]))
    world.tfe.organization_memberships.delete(world.membership)
    refused(NotFound, lambda: world.tfe.organization_memberships.read(world.membership), status=404)


def team_workspace_access(world):
    service = world.tfe.team_workspace_accesses
    options = {"team_id": world.team, "workspace_id": world.workspace}
    made = service.add(TeamWorkspaceAccessAddOptions(access=TeamWorkspaceAccessType.PLAN, **options))
    holds(made, access="plan", runs="plan", variables="read", state_versions="read", sentinel_mocks="none")
    holds(made, workspace_locking=False, run_tasks=False, team_id=world.team, workspace_id=world.workspace)
    custom = TeamWorkspaceAccessUpdateOptions(access=TeamWorkspaceAccessType.CUSTOM, runs="apply", workspace_locking=True)
    changed = service.update(made.id, custom)
    holds(changed, access="custom", runs="apply", workspace_locking=True)
    holds(service.read(made.id), access="custom", runs="apply")
    same([one.id for one in service.list(world.workspace)], [made.id])
    fixed = TeamWorkspaceAccessUpdateOptions(access=TeamWorkspaceAccessType.READ, runs="apply")
    refused(TFEError, lambda: service.update(made.id, fixed), "read-only when access level is", status=422)
    again = TeamWorkspaceAccessAddOptions(access=TeamWorkspaceAccessType.READ, **options)
    refused(TFEError, lambda: service.add(again), "taken", status=422)
    service.remove(made.id)
    refused(NotFound, lambda: service.read(made.id), status=404)


def team_project_access(world):
    service = world.tfe.team_project_accesses
    relations = {"team": Team(id=world.team), "project": Project(id=world.project)}
    made = service.add(TeamProjectAccessAddOptions(access=TeamProjectAccessType.TEAM_PROJECT_ACCESS_MAINTAIN, **relations))
    holds(made, access="maintain")
    holds(made.project_access, project_settings_permission="read", project_teams_permission="none")
    holds(made.workspace_access, runs="apply", create=True, locking=True, delete=True, move=False, run_tasks=True)
    same((made.team.id, made.project.id), (world.team, world.project))
    custom = TeamProjectAccessUpdateOptions(
        access=TeamProjectAccessType.TEAM_PROJECT_ACCESS_CUSTOM,
        project_access=TeamProjectAccessProjectPermissionsOptions(settings="update"),
        workspace_access=TeamProjectAccessWorkspacePermissionsOptions(runs="plan", create=True),
    )
    changed = service.update(made.id, custom)
    holds(changed, access="custom")
    holds(changed.project_access, project_settings_permission="update")
    holds(changed.workspace_access, runs="plan", create=True)
    holds(service.read(made.id), access="custom")
    listed = TeamProjectAccessListOptions(project_id=world.project)
    same([one.id for one in service.list(listed)], [made.id])
    again = TeamProjectAccessAddOptions(access=TeamProjectAccessType.TEAM_PROJECT_ACCESS_READ, **relations)
    refused(TFEError, lambda: service.add(again), "taken", status=422)
    service.remove(made.id)
    refused(NotFound, lambda: service.read(made.id), status=404)


def with_token(world, token):
    config = world.tfe.users.t
    return TFEClient(TFEConfig(address=config.base, token=token, ca_bundle=config.ca_bundle))


def team_tokens(world):
    service = world.tfe.team_tokens
    first = service.create(world.team)
    assert first.id.startswith("at-") and first.token, first
    second = service.create(world.team)
    with with_token(world, first.token) as old:
        refused(AuthError, lambda: old.organizations.read(world.organization), status=401)
    with with_token(world, second.token) as team:
        same(team.organizations.read(world.organization).name, world.organization)
        refused(NotFound, lambda: team.organizations.read("nobody"), status=404)
    holds(service.read(world.team), id=second.id, token=None)
    end = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=3)
    named = service.create_with_options(world.team, TeamTokenCreateOptions(description="of CI", expired_at=end))
    holds(named, description="of CI", expired_at=end)
    holds(service.read_by_id(named.id), description="of CI", token=None)
    same(sorted(one.id for one in service.list(world.organization)), sorted([named.id, second.id]))
    same([one.team.id for one in service.list(world.organization, TeamTokenListOptions(query="makers"))], [world.team] * 2)
    service.delete_by_id(named.id)
    service.delete(world.team)
    refused(NotFound, lambda: service.read(world.team), status=404)
    refused(NotFound, lambda: service.read_by_id(named.id), status=404)


def organization_tokens(world):
    service = world.tfe.organization_tokens
    refused(NotFound, lambda: service.read(world.organization), status=404)
    made = service.create(world.organization)
    assert made.id.startswith("at-") and made.token, made
    with with_token(world, made.token) as organization:
        same([one.name for one in organization.organizations.list()], [world.organization])
    holds(service.read(world.organization), id=made.id, token=None)
    end = datetime.now(timezone.utc).replace(microsecond=0) + timedelta(days=3)
    audit = OrganizationTokenCreateOptions(expired_at=end, token_type=TokenType.AUDIT_TRAILS)
    trail = service.create_with_options(world.organization, audit)
    holds(trail, expired_at=end)
    read = service.read_with_options(world.organization, OrganizationTokenReadOptions(token_type=TokenType.AUDIT_TRAILS))
    holds(read, id=trail.id)
    service.delete_with_options(world.organization, OrganizationTokenDeleteOptions(token_type=TokenType.AUDIT_TRAILS))
    service.delete(world.organization)
    refused(NotFound, lambda: service.delete(world.organization), status=404)


def team_delete(world):
    world.tfe.teams.delete(world.team)
    refused(NotFound, lambda: world.tfe.teams.read(world.team), status=404)


RESOURCES = [
    users,
    teams,
    organization_memberships,
    team_members,
    team_workspace_access,
    team_project_access,
    team_tokens,
    organization_tokens,
    team_delete,
]
