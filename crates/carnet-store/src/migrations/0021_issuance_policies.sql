-- What identity tokens may be issued; scope: the id of the organization or of the project; document: JSON.
CREATE TABLE issuance_policies (
    scope TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    project_id TEXT REFERENCES projects (id) ON DELETE CASCADE,
    document TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX issuance_policies_organization_id ON issuance_policies (organization_id);
CREATE INDEX issuance_policies_project_id ON issuance_policies (project_id);

-- The identity tokens that the variables which a job was given lead to, JSON; NULL until the job is claimed.
ALTER TABLE jobs ADD COLUMN token_grants TEXT;

-- Who may write the variables that decide about credentials: none, write, or as for other variables (follows).
ALTER TABLE team_workspaces ADD COLUMN credential_variables TEXT NOT NULL DEFAULT 'follows';
ALTER TABLE team_projects ADD COLUMN credential_variables TEXT NOT NULL DEFAULT 'follows';
ALTER TABLE organizations ADD COLUMN credential_variables_need_admin BOOLEAN NOT NULL DEFAULT FALSE;
