-- organization_scoped: whether every workspace may select the pool, but for the excluded ones.
CREATE TABLE agent_pools (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    organization_scoped BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (organization_id, name)
);
CREATE INDEX agent_pools_page ON agent_pools (organization_id, created_at, id);

CREATE TABLE agent_pool_allowed_workspaces (
    agent_pool_id TEXT NOT NULL REFERENCES agent_pools (id) ON DELETE CASCADE,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    PRIMARY KEY (agent_pool_id, workspace_id)
);
CREATE INDEX agent_pool_allowed_workspaces_workspace ON agent_pool_allowed_workspaces (workspace_id);

CREATE TABLE agent_pool_allowed_projects (
    agent_pool_id TEXT NOT NULL REFERENCES agent_pools (id) ON DELETE CASCADE,
    project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    PRIMARY KEY (agent_pool_id, project_id)
);
CREATE INDEX agent_pool_allowed_projects_project ON agent_pool_allowed_projects (project_id);

CREATE TABLE agent_pool_excluded_workspaces (
    agent_pool_id TEXT NOT NULL REFERENCES agent_pools (id) ON DELETE CASCADE,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    PRIMARY KEY (agent_pool_id, workspace_id)
);
CREATE INDEX agent_pool_excluded_workspaces_workspace ON agent_pool_excluded_workspaces (workspace_id);

-- The pool whose jobs a token of kind agent may take; NULL for agents of the site.
ALTER TABLE tokens ADD COLUMN agent_pool_id TEXT REFERENCES agent_pools (id) ON DELETE CASCADE;
CREATE INDEX tokens_agent_pool ON tokens (agent_pool_id, created_at, id);

-- stopped_at: when it said that it ends; failed: whether an error made it end; ip_address: where it registered from.
ALTER TABLE agents ADD COLUMN agent_pool_id TEXT REFERENCES agent_pools (id) ON DELETE CASCADE;
ALTER TABLE agents ADD COLUMN stopped_at BIGINT;
ALTER TABLE agents ADD COLUMN failed BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE agents ADD COLUMN ip_address TEXT;
CREATE INDEX agents_pool ON agents (agent_pool_id, created_at, id);
CREATE INDEX agents_ping ON agents (last_ping_at);

-- The pool whose agents may take the job; NULL for agents of the site.
ALTER TABLE jobs ADD COLUMN agent_pool_id TEXT;
CREATE INDEX jobs_pool_queue ON jobs (agent_pool_id, status, created_at, id);
CREATE INDEX jobs_agent ON jobs (agent_id, status);
