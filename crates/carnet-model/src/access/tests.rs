use super::*;

#[test]
fn levels_read_what_they_write() {
    for level in RunAccess::ALL {
        assert_eq!(level.as_str().parse(), Ok(*level));
    }
    assert_eq!(
        "sometimes".parse::<RunAccess>(),
        Err("\"sometimes\" is none of none, read, plan, apply".to_owned())
    );
}

#[test]
fn each_named_level_of_a_workspace_contains_the_one_before() {
    let levels = [WorkspaceLevel::Read, WorkspaceLevel::Plan, WorkspaceLevel::Write, WorkspaceLevel::Admin];
    let mut before = WorkspaceAccess::NONE;
    for level in levels {
        let access = WorkspaceAccess::of_level(level).expect("a named level");
        assert_eq!(before.union(access), access, "{level:?}");
        before = access;
    }
}

#[test]
fn each_named_level_of_a_project_contains_the_one_before() {
    let levels = [ProjectLevel::Read, ProjectLevel::Write, ProjectLevel::Maintain, ProjectLevel::Admin];
    let mut before = ProjectAccess::CUSTOM;
    for level in levels {
        let access = ProjectAccess::of_level(level).expect("a named level");
        assert_eq!(before.union(access), access, "{level:?}");
        before = access;
    }
}

#[test]
fn organization_access_is_read_and_written_by_name() {
    let mut access = OrganizationAccess::default();
    assert_eq!(OrganizationAccess::NAMES.len(), 16);
    for name in OrganizationAccess::NAMES {
        assert_eq!(access.get(name), Some(false));
        assert!(access.set(name, true));
    }
    assert_eq!(access, OrganizationAccess::ALL);
    assert!(!access.set("manage-everything", true));
}
