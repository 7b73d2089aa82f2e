//! A random organization, made by requests of its owner, and what is asked of it.

use serde_json::{Value, json};

use super::super::Site;
use super::model::{Answer, Caller, Grants, Kind, Place, Right, TeamGrants, project_level, workspace_level};

/// A request that needs one right.
pub(super) struct Probe {
    pub(super) kind: Kind,
    pub(super) method: &'static str,
    /// `{id}` stands for the place.
    pub(super) path: &'static str,
    pub(super) body: &'static str,
    pub(super) needs: Right,
}

macro_rules! probes {
    ($($kind:ident $method:literal $path:literal $body:literal => $needs:expr;)*) => {
        /// Requests that change nothing, or nothing that later ones depend on, wherever they are allowed.
        pub(super) const PROBES: &[Probe] = &[
            $(Probe { kind: Kind::$kind, method: $method, path: $path, body: $body, needs: $needs },)*
        ];
    };
}

const NOTHING: &str = "";

probes! {
    Organization "GET" "/api/v2/organizations/{id}" "" => ("see", 0);
    Organization "GET" "/api/v2/organizations/{id}/teams" "" => ("see", 0);
    Organization "GET" "/api/v2/organizations/{id}/organization-memberships" "" => ("see", 0);
    Organization "PATCH" "/api/v2/organizations/{id}" "{\"data\":{}}" => ("own", 1);
    Organization "PUT" "/api/carnet/v1/organizations/{id}/issuance-policy" "{\"data\":{}}" => ("own", 1);
    Organization "POST" "/api/v2/organizations/{id}/teams" "{\"data\":{}}" => ("manage-teams", 1);
    Organization "POST" "/api/v2/organizations/{id}/organization-memberships" "{\"data\":{}}" => ("manage-membership", 1);
    Organization "POST" "/api/v2/organizations/{id}/projects" "{\"data\":{}}" => ("projects", 1);
    Organization "POST" "/api/v2/organizations/{id}/agent-pools" "{\"data\":{}}" => ("manage-agent-pools", 1);
    Organization "POST" "/api/v2/organizations/{id}/workspaces" "{\"data\":{\"attributes\":{\"name\":\"fresh\"}}}" => ("workspaces", 1);
    Project "GET" "/api/v2/projects/{id}" "" => ("settings", 1);
    Project "PATCH" "/api/v2/projects/{id}" "{\"data\":{}}" => ("settings", 2);
    Project "GET" "/api/v2/projects/{id}/varsets" "" => ("sets", 1);
    Project "PUT" "/api/carnet/v1/projects/{id}/issuance-policy" "{\"data\":{}}" => ("settings", 2);
    Project "GET" "/api/v2/team-projects?filter%5Bproject%5D%5Bid%5D={id}" "" => ("settings", 1);
    Workspace "GET" "/api/v2/workspaces/{id}" "" => ("see", 0);
    Workspace "GET" "/api/v2/team-workspaces?filter%5Bworkspace%5D%5Bid%5D={id}" "" => ("see", 0);
    Workspace "PATCH" "/api/v2/workspaces/{id}" "{\"data\":{}}" => ("administer", 1);
    Workspace "GET" "/api/v2/workspaces/{id}/runs" "" => ("runs", 1);
    Workspace "POST" "/api/v2/workspaces/{id}/configuration-versions" "{\"data\":{}}" => ("runs", 2);
    Workspace "GET" "/api/v2/workspaces/{id}/vars" "" => ("variables", 1);
    Workspace "POST" "/api/v2/workspaces/{id}/vars" "{\"data\":{}}" => ("variables", 2);
    Workspace "POST" "/api/v2/workspaces/{id}/vars" "{\"data\":{\"attributes\":{\"key\":\"TFC_AWS_PROVIDER_AUTH_X\",\"category\":\"env\"}}}" => ("credentials", 1);
    Workspace "POST" "/api/v2/workspaces/{id}/state-versions" "{\"data\":{}}" => ("state", 3);
    Workspace "POST" "/api/v2/workspaces/{id}/actions/force-unlock" "" => ("administer", 1);
    Workspace "POST" "/api/v2/workspaces/{id}/actions/unlock" "" => ("lock", 1);
}

const ORGANIZATION_RIGHTS: [&str; 7] = [
    "manage-projects",
    "manage-workspaces",
    "read-projects",
    "read-workspaces",
    "manage-teams",
    "manage-membership",
    "manage-agent-pools",
];

const RUNS: [&str; 4] = ["none", "read", "plan", "apply"];
const CREDENTIALS: [&str; 3] = ["none", "follows", "write"];
const VARIABLES: [&str; 3] = ["none", "read", "write"];
const STATES: [&str; 4] = ["none", "read-outputs", "read", "write"];
const SETTINGS: [&str; 3] = ["read", "update", "delete"];

/// A generator of numbers that is the same everywhere (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % sides as u64).expect("small")
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }
}

pub(super) struct World {
    site: Site,
    projects: Vec<String>,
    /// With the project of each.
    workspaces: Vec<(String, String)>,
    pub(super) grants: Grants,
    pub(super) callers: Vec<Caller>,
}

impl World {
    pub(super) async fn random(seed: u64) -> Self {
        let site = Site::new().await;
        let mut world = Self {
            site,
            projects: Vec::new(),
            workspaces: Vec::new(),
            grants: Grants::default(),
            callers: Vec::new(),
        };
        let mut dice = Dice(seed);
        world.grants.reserves = dice.one_in(2);
        let body =
            json!({ "data": { "attributes": { "credential-variables-need-admin": world.grants.reserves } } });
        let changed =
            world.site.server.request("PATCH", "/api/v2/organizations/acme", &world.site.owner, body).await;
        assert_eq!(changed.0, 200, "{}", changed.1);
        world.add_places(&mut dice).await;
        world.add_callers(&mut dice).await;
        world
    }

    async fn made(&self, path: &str, body: Value) -> Value {
        let (status, made) = self.site.server.request("POST", path, &self.site.owner, body).await;
        assert_eq!(status, 201, "{path}: {made}");
        made["data"].clone()
    }

    async fn add_places(&mut self, dice: &mut Dice) {
        for name in ["one", "two"] {
            let body = json!({ "data": { "attributes": { "name": format!("project {name}") } } });
            let made = self.made("/api/v2/organizations/acme/projects", body).await;
            self.projects.push(made["id"].as_str().expect("an id").to_owned());
        }
        for name in ["a", "b", "c"] {
            let project = self.projects[dice.roll(2)].clone();
            let body = json!({ "data": { "attributes": { "name": name }, "relationships": {
                "project": { "data": { "type": "projects", "id": project } } } } });
            let made = self.made("/api/v2/organizations/acme/workspaces", body).await;
            self.workspaces.push((made["id"].as_str().expect("an id").to_owned(), project));
        }
    }

    async fn add_callers(&mut self, dice: &mut Dice) {
        let names = ["ann", "ben", "cid"];
        let mut tokens = Vec::new();
        for name in names {
            tokens.push(self.site.member(name).await.1);
        }
        let mut teams = vec![Vec::new(); names.len()];
        for team in 0..4 {
            let members: Vec<usize> = (0..names.len()).filter(|_| dice.one_in(2)).collect();
            let token = self
                .add_team(
                    dice,
                    &format!("team-{team}"),
                    &members.iter().map(|place| names[*place]).collect::<Vec<_>>(),
                )
                .await;
            for member in members {
                teams[member].push(team);
            }
            self.callers.push(Caller { token, is_member: true, teams: vec![team] });
        }
        for (token, teams) in tokens.into_iter().zip(teams) {
            self.callers.push(Caller { token, is_member: true, teams });
        }
        self.grants.teams.push(TeamGrants { is_owners: true, ..TeamGrants::default() });
        let owners = self.grants.teams.len() - 1;
        self.callers.push(Caller { token: self.site.owner.clone(), is_member: true, teams: vec![owners] });
        self.callers.push(Caller { token: self.site.stranger.clone(), is_member: false, teams: Vec::new() });
    }

    /// Makes a team with random grants; yields its token.
    async fn add_team(&mut self, dice: &mut Dice, name: &str, members: &[&str]) -> String {
        let organization: Vec<&'static str> =
            ORGANIZATION_RIGHTS.iter().copied().filter(|_| dice.one_in(9)).collect();
        let access: Value = organization.iter().map(|name| ((*name).to_owned(), json!(true))).collect();
        let id = self.site.team(name, json!({ "organization-access": access }), members).await;
        let mut grants = TeamGrants { organization, ..TeamGrants::default() };
        for project in self.projects.clone() {
            if dice.one_in(3) {
                let rights = self.grant_project(dice, &id, &project).await;
                grants.projects.push((project, rights));
            }
        }
        for (workspace, _) in self.workspaces.clone() {
            if dice.one_in(3) {
                let rights = self.grant_workspace(dice, &id, &workspace).await;
                grants.workspaces.push((workspace, rights));
            }
        }
        self.grants.teams.push(grants);
        let made = self.made(&format!("/api/v2/teams/{id}/authentication-token"), Value::Null).await;
        made["attributes"]["token"].as_str().expect("shown once").to_owned()
    }

    async fn grant_project(&self, dice: &mut Dice, team: &str, project: &str) -> Vec<Right> {
        let level = ["read", "write", "maintain", "admin", "custom"][dice.roll(5)];
        let (mut attributes, mut rights) = (json!({ "access": level }), project_level(level));
        if level == "custom" {
            let runs = dice.roll(4);
            let settings = dice.roll(3);
            let creates = dice.one_in(2);
            attributes["workspace-access"] = json!({ "runs": RUNS[runs], "create": creates });
            attributes["project-access"] = json!({ "settings": SETTINGS[settings] });
            rights = vec![
                ("runs", height(runs)),
                ("settings", height(settings) + 1),
                ("create", u8::from(creates)),
            ];
        }
        let body = json!({ "data": { "attributes": attributes, "relationships": {
            "team": { "data": { "type": "teams", "id": team } },
            "project": { "data": { "type": "projects", "id": project } } } } });
        self.made("/api/v2/team-projects", body).await;
        rights
    }

    async fn grant_workspace(&self, dice: &mut Dice, team: &str, workspace: &str) -> Vec<Right> {
        let level = ["read", "plan", "write", "admin", "custom"][dice.roll(5)];
        let (mut attributes, mut rights) = (json!({ "access": level }), workspace_level(level));
        if level == "custom" {
            let (runs, variables, state) = (dice.roll(4), dice.roll(3), dice.roll(4));
            let locks = dice.one_in(2);
            attributes["runs"] = json!(RUNS[runs]);
            attributes["variables"] = json!(VARIABLES[variables]);
            attributes["state-versions"] = json!(STATES[state]);
            let credentials = dice.roll(3);
            attributes["credential-variables"] = json!(CREDENTIALS[credentials]);
            attributes["workspace-locking"] = json!(locks);
            rights = vec![
                ("runs", height(runs)),
                ("variables", height(variables)),
                // Who writes no variables writes none of these.
                ("credentials", if variables == 2 { height(credentials) } else { 0 }),
                ("state", height(state)),
                ("lock", u8::from(locks)),
            ];
        }
        let body = json!({ "data": { "attributes": attributes, "relationships": {
            "team": { "data": { "type": "teams", "id": team } },
            "workspace": { "data": { "type": "workspaces", "id": workspace } } } } });
        self.made("/api/v2/team-workspaces", body).await;
        rights
    }

    /// Everywhere that something can be asked for.
    pub(super) fn places(&self) -> Vec<Place> {
        let organization = Place { kind: Kind::Organization, id: "acme".to_owned(), project: String::new() };
        let projects = self.projects.iter().map(|id| Place {
            kind: Kind::Project,
            id: id.clone(),
            project: String::new(),
        });
        let workspaces = self.workspaces.iter().map(|(id, project)| Place {
            kind: Kind::Workspace,
            id: id.clone(),
            project: project.clone(),
        });
        std::iter::once(organization).chain(projects).chain(workspaces).collect()
    }

    pub(super) async fn ask(&self, caller: &Caller, place: &Place, probe: &Probe) -> Answer {
        let path = probe.path.replace("{id}", &place.id);
        let body = if probe.body == NOTHING { Vec::new() } else { probe.body.as_bytes().to_vec() };
        match self.site.server.send(probe.method, &path, &caller.token, body).await.status {
            403 => Answer::Forbidden,
            404 => Answer::Hidden,
            200..=299 | 409 | 422 => Answer::Allowed,
            other => panic!("{} {path} answered {other}", probe.method),
        }
    }
}

fn height(place: usize) -> u8 {
    u8::try_from(place).expect("small")
}
