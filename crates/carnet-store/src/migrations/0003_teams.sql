-- service_of: the team or the organization that a service user stands for; NULL for people.
ALTER TABLE users ADD COLUMN service_of TEXT;
-- is_placeholder: somebody with the address was invited and has no account yet.
ALTER TABLE users ADD COLUMN is_placeholder BOOLEAN NOT NULL DEFAULT FALSE;
-- Partial: most users have none, and an index of them is no way to find one.
CREATE UNIQUE INDEX users_service_of ON users (service_of) WHERE service_of IS NOT NULL;
CREATE INDEX users_email ON users (email);

-- status: active, or invited until somebody with the address has an account.
CREATE TABLE memberships (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    status TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (organization_id, user_id)
);
CREATE INDEX memberships_user ON memberships (user_id);
CREATE INDEX memberships_page ON memberships (organization_id, created_at, id);

-- organization_access: the names of what the team may do, separated by spaces.
CREATE TABLE teams (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    is_owners BOOLEAN NOT NULL,
    visibility TEXT NOT NULL,
    sso_team_id TEXT,
    member_token_management BOOLEAN NOT NULL,
    organization_access TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (organization_id, name)
);

CREATE TABLE team_members (
    team_id TEXT NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    PRIMARY KEY (team_id, user_id)
);
CREATE INDEX team_members_user ON team_members (user_id, team_id);

-- The other columns count for level custom only; for the others they say what the level stands for.
CREATE TABLE team_workspaces (
    id TEXT PRIMARY KEY,
    team_id TEXT NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    level TEXT NOT NULL,
    runs TEXT NOT NULL,
    variables TEXT NOT NULL,
    state_versions TEXT NOT NULL,
    sentinel_mocks TEXT NOT NULL,
    locking BOOLEAN NOT NULL,
    run_tasks BOOLEAN NOT NULL,
    policy_overrides BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (workspace_id, team_id)
);
CREATE INDEX team_workspaces_team ON team_workspaces (team_id, workspace_id);

CREATE TABLE team_projects (
    id TEXT PRIMARY KEY,
    team_id TEXT NOT NULL REFERENCES teams (id) ON DELETE CASCADE,
    project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    level TEXT NOT NULL,
    settings TEXT NOT NULL,
    teams TEXT NOT NULL,
    variable_sets TEXT NOT NULL,
    runs TEXT NOT NULL,
    variables TEXT NOT NULL,
    state_versions TEXT NOT NULL,
    sentinel_mocks TEXT NOT NULL,
    creating BOOLEAN NOT NULL,
    locking BOOLEAN NOT NULL,
    deleting BOOLEAN NOT NULL,
    moving BOOLEAN NOT NULL,
    run_tasks BOOLEAN NOT NULL,
    policy_overrides BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (project_id, team_id)
);
CREATE INDEX team_projects_team ON team_projects (team_id, project_id);

ALTER TABLE tokens ADD COLUMN team_id TEXT REFERENCES teams (id) ON DELETE CASCADE;
ALTER TABLE tokens ADD COLUMN organization_id TEXT REFERENCES organizations (id) ON DELETE CASCADE;
ALTER TABLE tokens ADD COLUMN created_by TEXT;
CREATE INDEX tokens_team ON tokens (team_id, created_at, id);
CREATE INDEX tokens_organization ON tokens (organization_id, kind, created_at, id);
