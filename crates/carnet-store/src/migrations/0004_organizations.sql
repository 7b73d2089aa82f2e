-- What the owners of an organization decide. default_agent_pool_id: an id of agent_pools, with execution mode agent only.
ALTER TABLE organizations ADD COLUMN default_execution_mode TEXT NOT NULL DEFAULT 'remote';
ALTER TABLE organizations ADD COLUMN default_agent_pool_id TEXT;
ALTER TABLE organizations ADD COLUMN session_timeout BIGINT;
ALTER TABLE organizations ADD COLUMN session_remember BIGINT;
ALTER TABLE organizations ADD COLUMN owners_team_saml_role_id TEXT;
ALTER TABLE organizations ADD COLUMN send_passing_statuses BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE organizations ADD COLUMN aggregated_commit_status BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE organizations ADD COLUMN speculative_plan_management BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE organizations ADD COLUMN allow_force_delete_workspaces BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE organizations ADD COLUMN user_tokens_enabled BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE organizations ADD COLUMN max_ttl_enabled BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE organizations ADD COLUMN registry_monorepo_support BOOLEAN NOT NULL DEFAULT FALSE;
-- Features that this server does not have: kept for clients that set them; nothing acts upon them.
ALTER TABLE organizations ADD COLUMN cost_estimation_enabled BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE organizations ADD COLUMN assessments_enforced BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE organizations ADD COLUMN stacks_enabled BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX organizations_page ON organizations (created_at, id);
CREATE INDEX organizations_default_agent_pool ON organizations (default_agent_pool_id);

CREATE TABLE ssh_keys (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    sealed_value TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (organization_id, name)
);
CREATE INDEX ssh_keys_page ON ssh_keys (organization_id, created_at, id);

ALTER TABLE workspaces ADD COLUMN ssh_key_id TEXT REFERENCES ssh_keys (id) ON DELETE SET NULL;
CREATE INDEX workspaces_ssh_key ON workspaces (ssh_key_id);

-- disable_overrides: a workspace cannot give the key another value than its project gives it.
CREATE TABLE reserved_tag_keys (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    disable_overrides BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (organization_id, key)
);
CREATE INDEX reserved_tag_keys_page ON reserved_tag_keys (organization_id, created_at, id);

ALTER TABLE tags ADD COLUMN created_at BIGINT NOT NULL DEFAULT 0;
CREATE INDEX tags_lower_name ON tags (organization_id, lower(name));

-- How long tokens may live where the organization limits it (max_ttl_enabled). token_type: organization, team, user,
-- audit_trails; an organization has a row for each, or none at all.
CREATE TABLE token_ttl_policies (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    token_type TEXT NOT NULL,
    max_ttl_ms BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (organization_id, token_type)
);
