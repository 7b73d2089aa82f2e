-- The name that a thing was made with; NULL while it has that name. Subjects of the form name@id go on using it.
ALTER TABLE organizations ADD COLUMN first_name TEXT;
ALTER TABLE projects ADD COLUMN first_name TEXT;
ALTER TABLE workspaces ADD COLUMN first_name TEXT;

-- What is said about subjects and claims. scope_id: the organization, project or workspace that says it, and the column of its
-- kind once more so that it goes with it. tag: the configuration of a workspace; '' for all. template, claims (a JSON list): NULL
-- leaves it to whoever is above.
CREATE TABLE subject_settings (
    scope_id TEXT NOT NULL,
    tag TEXT NOT NULL,
    scope TEXT NOT NULL,
    organization_id TEXT REFERENCES organizations (id) ON DELETE CASCADE,
    project_id TEXT REFERENCES projects (id) ON DELETE CASCADE,
    workspace_id TEXT REFERENCES workspaces (id) ON DELETE CASCADE,
    template TEXT,
    claims TEXT,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (scope_id, tag)
);
CREATE INDEX subject_settings_organization ON subject_settings (organization_id);
CREATE INDEX subject_settings_project ON subject_settings (project_id);
CREATE INDEX subject_settings_workspace ON subject_settings (workspace_id);

-- What subjects go on saying about a part of the tree until a moment: the name, the first name and the id that it had when that
-- was asked for. holder_id: the organization, project or workspace whose runs say it. While it lasts nothing else in the
-- organization gets the name. tree_id: the organization of all of this.
CREATE TABLE kept_names (
    holder_id TEXT NOT NULL,
    part TEXT NOT NULL,
    holder TEXT NOT NULL,
    tree_id TEXT NOT NULL,
    organization_id TEXT REFERENCES organizations (id) ON DELETE CASCADE,
    project_id TEXT REFERENCES projects (id) ON DELETE CASCADE,
    workspace_id TEXT REFERENCES workspaces (id) ON DELETE CASCADE,
    part_id TEXT NOT NULL,
    name TEXT NOT NULL,
    first_name TEXT NOT NULL,
    kept_until BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (holder_id, part)
);
CREATE INDEX kept_names_name ON kept_names (part, name, tree_id);
CREATE INDEX kept_names_organization ON kept_names (organization_id);
CREATE INDEX kept_names_project ON kept_names (project_id);
CREATE INDEX kept_names_workspace ON kept_names (workspace_id);
