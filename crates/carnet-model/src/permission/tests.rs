use super::*;
use crate::{JobId, OrgId, ProjectLevel, RunId, TokenId, WorkspaceId, WorkspaceLevel};

const HERE: Place = Place { is_own_organization: true, is_own_workspace: false };

fn allowed(owner: &TokenOwner, standing: &Standing, place: Place) -> Vec<Permission> {
    let all = Permission::ALL.iter().copied();
    all.filter(|permission| is_allowed(owner, standing, place, *permission)).collect()
}

fn user() -> TokenOwner {
    let user_id = crate::UserId::from_entropy([0; 16]);
    TokenOwner::User { token_id: TokenId::from_entropy([0; 16]), user_id, is_site_admin: false }
}

#[test]
fn an_agent_token_opens_nothing_of_the_api() {
    let agent = TokenOwner::Agent { token_id: TokenId::from_entropy([0; 16]), agent_pool_id: None };
    let owner = Standing { is_member: true, is_owner: true, ..Standing::default() };
    assert_eq!(allowed(&agent, &owner, HERE), []);
}

#[test]
fn a_run_reads_the_state_of_its_own_workspace_only() {
    let run = TokenOwner::Run {
        job_id: JobId::from_entropy([0; 16]),
        run_id: RunId::from_entropy([0; 16]),
        workspace_id: WorkspaceId::from_entropy([1; 16]),
    };
    let own = Place { is_own_workspace: true, ..HERE };
    let none = Standing::default();
    let state = [Permission::ReadStateOutputs, Permission::ReadState];
    let always = [Permission::ReadEntitlements, Permission::ReadRegistry];
    let rights = |more: &[&[Permission]]| [&always[..], &more.concat()].concat();
    assert_eq!(allowed(&run, &none, HERE), always);
    assert_eq!(
        allowed(&run, &none, own),
        rights(&[&[Permission::ReadWorkspace, Permission::ReadRuns], &state])
    );
    let shared = Standing { shares_state: true, ..none };
    assert_eq!(allowed(&run, &shared, HERE), rights(&[&[Permission::ReadWorkspace], &state]));
    assert_eq!(allowed(&run, &shared, Place::default()), []);
}

#[test]
fn an_organization_token_sets_up_and_never_runs() {
    let token = TokenOwner::Organization {
        token_id: TokenId::from_entropy([0; 16]),
        user_id: crate::UserId::from_entropy([0; 16]),
        organization_id: OrgId::from_entropy([0; 16]),
    };
    let rights = allowed(&token, &Standing::default(), HERE);
    assert!(rights.contains(&Permission::ManageTeams) && rights.contains(&Permission::ReadState));
    for denied in
        [Permission::QueuePlans, Permission::ApplyRuns, Permission::ReadApplies, Permission::WriteState]
    {
        assert!(!rights.contains(&denied), "{denied:?}");
    }
    assert_eq!(allowed(&token, &Standing::default(), Place::default()), []);
}

#[test]
fn a_member_without_grants_sees_the_organization_and_no_workspace() {
    let member = Standing { is_member: true, ..Standing::default() };
    let rights = allowed(&user(), &member, HERE);
    assert_eq!(
        rights,
        [Permission::ReadOrganization, Permission::ReadEntitlements, Permission::ReadRegistry]
    );
    assert_eq!(allowed(&user(), &Standing::default(), HERE), []);
}

#[test]
fn an_owner_may_do_everything() {
    let owner = Standing { is_member: true, is_owner: true, ..Standing::default() };
    assert_eq!(allowed(&user(), &owner, HERE), Permission::ALL);
}

#[test]
fn access_to_one_workspace_says_nothing_of_its_project() {
    let workspace = WorkspaceAccess::of_level(WorkspaceLevel::Admin);
    let standing = Standing { is_member: true, workspace, ..Standing::default() };
    assert!(standing.allows(Permission::DeleteWorkspace));
    assert!(!standing.allows(Permission::ReadProject));
    assert!(!standing.allows(Permission::CreateWorkspaces));
}

#[test]
fn the_widest_of_all_grants_counts() {
    let project = ProjectAccess::of_level(ProjectLevel::Read);
    let workspace = WorkspaceAccess::of_level(WorkspaceLevel::Plan);
    let standing = Standing { is_member: true, project, workspace, ..Standing::default() };
    assert!(standing.allows(Permission::QueuePlans));
    assert!(standing.allows(Permission::ReadProject));
    assert!(!standing.allows(Permission::ApplyRuns));
}

#[test]
fn reading_all_projects_shows_no_workspace() {
    let organization = OrganizationAccess { read_projects: true, ..OrganizationAccess::default() };
    let standing = Standing { is_member: true, organization, ..Standing::default() };
    assert!(standing.allows(Permission::ReadProject));
    assert!(!standing.allows(Permission::ReadWorkspace));
}

#[test]
fn credential_variables_follow_the_others_unless_they_are_reserved_or_granted_apart() {
    use crate::{CredentialVariableAccess as Credential, VariableAccess};
    let custom = |variables, credential_variables| WorkspaceAccess {
        variables,
        credential_variables,
        ..WorkspaceAccess::CUSTOM
    };
    let may = |grants: &[WorkspaceAccess], reserved| {
        let workspace = grants.iter().copied().reduce(WorkspaceAccess::union);
        let standing = Standing {
            is_member: true,
            workspace,
            credential_variables_need_admin: reserved,
            ..Standing::default()
        };
        standing.allows(Permission::WriteCredentialVariables)
    };
    let level = |level| WorkspaceAccess::of_level(level).expect("a named level");
    let (write, admin) = (level(WorkspaceLevel::Write), level(WorkspaceLevel::Admin));
    let named = custom(VariableAccess::Write, Credential::Write);
    let without = custom(VariableAccess::Write, Credential::None);
    let follows = custom(VariableAccess::Write, Credential::Follows);
    for (grants, free, reserved) in [
        (vec![level(WorkspaceLevel::Plan)], false, false),
        (vec![write], true, false),
        (vec![admin], true, true),
        (vec![named], true, true),
        (vec![without], false, false),
        (vec![follows], true, false),
        (vec![without, follows], true, false),
        (vec![custom(VariableAccess::Read, Credential::Write)], false, false),
        // What one team may write and the other may not write at all adds up to nothing new.
        (vec![without, custom(VariableAccess::Read, Credential::Write)], false, false),
        (vec![without, custom(VariableAccess::Read, Credential::Follows)], false, false),
    ] {
        assert_eq!((may(&grants, false), may(&grants, true)), (free, reserved), "{grants:?}");
    }
    let maintain = ProjectAccess::of_level(ProjectLevel::Maintain);
    let standing = Standing {
        is_member: true,
        project: maintain,
        credential_variables_need_admin: true,
        ..Standing::default()
    };
    assert!(standing.allows(Permission::WriteCredentialVariables));
}
