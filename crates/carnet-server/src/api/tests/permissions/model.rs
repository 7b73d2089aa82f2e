//! The rules once more, as tables. Nothing here may use what the server decides with.

/// What a request is answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    Allowed,
    Forbidden,
    Hidden,
}

/// Where something was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Organization,
    Project,
    Workspace,
}

#[derive(Debug, Clone)]
pub(super) struct Place {
    pub(super) kind: Kind,
    pub(super) id: String,
    /// The project of a workspace.
    pub(super) project: String,
}

#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) token: String,
    pub(super) is_member: bool,
    /// The teams by place in [`Grants::teams`].
    pub(super) teams: Vec<usize>,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Grants {
    /// Whether the organization reserves credential variables.
    pub(super) reserves: bool,
    pub(super) teams: Vec<TeamGrants>,
}

/// The names of what one team was given, as they were sent to the server.
#[derive(Debug, Clone, Default)]
pub(super) struct TeamGrants {
    pub(super) is_owners: bool,
    pub(super) organization: Vec<&'static str>,
    pub(super) projects: Vec<(String, Vec<Right>)>,
    pub(super) workspaces: Vec<(String, Vec<Right>)>,
}

/// A right by name, with its height; a switch has height 1.
pub(super) type Right = (&'static str, u8);

/// Heights: runs 1 read, 2 plan, 3 apply; variables 1 read, 2 write; state 1 outputs, 2 read, 3 write; settings 1 read, 2 update,
/// 3 delete; teams 1 read, 2 manage; sets 1 read, 2 write; credentials 1 as variables, 2 by name or as an administrator.
pub(super) fn workspace_level(level: &str) -> Vec<Right> {
    match level {
        "read" => vec![("runs", 1), ("variables", 1), ("state", 2)],
        "plan" => vec![("runs", 2), ("variables", 1), ("state", 2)],
        "write" => vec![("runs", 3), ("variables", 2), ("credentials", 1), ("state", 3), ("lock", 1)],
        _ => everything_in_a_workspace(),
    }
}

pub(super) fn everything_in_a_workspace() -> Vec<Right> {
    vec![("runs", 3), ("variables", 2), ("credentials", 2), ("state", 3), ("lock", 1), ("administer", 1)]
}

pub(super) fn project_level(level: &str) -> Vec<Right> {
    let mut rights = vec![("settings", 1)];
    rights.extend(match level {
        "read" => vec![("sets", 1), ("runs", 1), ("variables", 1), ("state", 2)],
        "write" => {
            vec![("sets", 1), ("runs", 3), ("variables", 2), ("credentials", 1), ("state", 3), ("lock", 1)]
        }
        "maintain" => [vec![("sets", 2), ("create", 1), ("delete", 1)], everything_in_a_workspace()].concat(),
        _ => {
            let project =
                vec![("settings", 3), ("teams", 2), ("sets", 2), ("create", 1), ("delete", 1), ("move", 1)];
            [project, everything_in_a_workspace()].concat()
        }
    });
    rights
}

/// What the server must answer a caller who needs the right.
pub(super) fn expected(grants: &Grants, caller: &Caller, place: &Place, needs: Right) -> Answer {
    if !caller.is_member {
        return Answer::Hidden;
    }
    let teams: Vec<&TeamGrants> = caller.teams.iter().map(|team| &grants.teams[*team]).collect();
    if teams.iter().any(|team| team.is_owners) {
        return Answer::Allowed;
    }
    let has = |name: &str| teams.iter().any(|team| team.organization.contains(&name));
    match place.kind {
        Kind::Organization => in_organization(&has, needs),
        Kind::Project => match in_project(&teams, &has, &place.id) {
            None => Answer::Hidden,
            Some(rights) => decided(&rights, needs),
        },
        Kind::Workspace => {
            let more = u8::from(needs.0 == "credentials" && grants.reserves);
            in_workspace(&teams, &has, place, (needs.0, needs.1 + more))
        }
    }
}

fn in_organization(has: &impl Fn(&str) -> bool, needs: Right) -> Answer {
    let allowed = match needs.0 {
        "see" => true,
        "projects" => has("manage-projects"),
        // In the default project, on which no team of these worlds is granted anything.
        "workspaces" => has("manage-projects") || has("manage-workspaces"),
        "tags" => has("manage-projects") || has("manage-workspaces"),
        name => has(name),
    };
    if allowed { Answer::Allowed } else { Answer::Forbidden }
}

fn granted(list: &[(String, Vec<Right>)], id: &str) -> Option<Vec<Right>> {
    let found: Vec<&Vec<Right>> =
        list.iter().filter(|(place, _)| place == id).map(|(_, rights)| rights).collect();
    (!found.is_empty()).then(|| found.into_iter().flatten().copied().collect())
}

fn in_project(teams: &[&TeamGrants], has: &impl Fn(&str) -> bool, id: &str) -> Option<Vec<Right>> {
    let mut rights: Option<Vec<Right>> = None;
    let mut add = |more: Vec<Right>| rights.get_or_insert_default().extend(more);
    for team in teams {
        if let Some(found) = granted(&team.projects, id) {
            add(found);
        }
    }
    if has("manage-projects") {
        add(project_level("admin"));
    }
    if has("manage-workspaces") {
        add(vec![("settings", 1), ("sets", 2), ("create", 1), ("delete", 1), ("move", 1)]);
        add(everything_in_a_workspace());
    }
    if has("read-projects") || has("read-workspaces") {
        add(vec![("settings", 1), ("sets", 1)]);
    }
    rights
}

fn in_workspace(teams: &[&TeamGrants], has: &impl Fn(&str) -> bool, place: &Place, needs: Right) -> Answer {
    let mut rights: Vec<Right> = Vec::new();
    let mut is_visible = false;
    for team in teams {
        let on_project = granted(&team.projects, &place.project);
        for found in [on_project, granted(&team.workspaces, &place.id)].into_iter().flatten() {
            is_visible = true;
            rights.extend(found);
        }
    }
    if has("manage-projects") || has("manage-workspaces") {
        is_visible = true;
        rights.extend(everything_in_a_workspace());
    }
    if has("read-workspaces") {
        is_visible = true;
        rights.extend(workspace_level("read"));
    }
    if is_visible { decided(&rights, needs) } else { Answer::Hidden }
}

fn decided(rights: &[Right], needs: Right) -> Answer {
    let is_enough = needs.1 == 0 || rights.iter().any(|right| right.0 == needs.0 && right.1 >= needs.1);
    if is_enough { Answer::Allowed } else { Answer::Forbidden }
}
