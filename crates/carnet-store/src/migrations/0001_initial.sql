-- Times are milliseconds since 1970 (BIGINT); JSON and sealed bytes are TEXT; one text serves SQLite and Postgres.

CREATE TABLE meta (
    key TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE users (
    id TEXT PRIMARY KEY,
    username TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL,
    is_site_admin BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);

-- hash is SHA-256 of the token, in hex: tokens have 256 bits of randomness, a slow hash would buy nothing.
CREATE TABLE tokens (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    user_id TEXT REFERENCES users (id) ON DELETE CASCADE,
    hash TEXT NOT NULL UNIQUE,
    description TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    last_used_at BIGINT
);
CREATE INDEX tokens_user ON tokens (user_id, created_at, id);

CREATE TABLE organizations (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    email TEXT NOT NULL,
    default_project_id TEXT NOT NULL,
    identity_token_ttl BIGINT,
    tolerates_static_credentials BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);

-- Declarative adapters; definition: TOML.
CREATE TABLE adapters (
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    definition TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (organization_id, name)
);

CREATE TABLE projects (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (organization_id, name)
);

CREATE TABLE workspaces (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    project_id TEXT NOT NULL REFERENCES projects (id),
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    execution_mode TEXT NOT NULL,
    terraform_version TEXT NOT NULL,
    working_directory TEXT NOT NULL,
    auto_apply BOOLEAN NOT NULL,
    allow_destroy_plan BOOLEAN NOT NULL,
    structured_run_output BOOLEAN NOT NULL,
    identity_token_ttl BIGINT,
    locked_by_user_id TEXT,
    locked_by_run_id TEXT,
    lock_reason TEXT NOT NULL,
    current_run_id TEXT,
    current_state_version_id TEXT,
    current_configuration_version_id TEXT,
    resource_count BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (organization_id, name)
);
CREATE INDEX workspaces_project ON workspaces (project_id);

CREATE TABLE tags (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    UNIQUE (organization_id, name)
);

-- A flat tag is a binding with an empty value.
CREATE TABLE workspace_tags (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    tag_id TEXT NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
    value TEXT NOT NULL,
    PRIMARY KEY (workspace_id, tag_id)
);
CREATE INDEX workspace_tags_tag ON workspace_tags (tag_id);

-- parent_project_id: the project that owns the set; NULL when the organization does.
CREATE TABLE variable_sets (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    parent_project_id TEXT REFERENCES projects (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    is_global BOOLEAN NOT NULL,
    has_priority BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (organization_id, name)
);
CREATE INDEX variable_sets_organization ON variable_sets (organization_id, is_global, created_at, id);
CREATE INDEX variable_sets_parent ON variable_sets (parent_project_id);

CREATE TABLE variable_set_projects (
    variable_set_id TEXT NOT NULL REFERENCES variable_sets (id) ON DELETE CASCADE,
    project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    PRIMARY KEY (variable_set_id, project_id)
);
CREATE INDEX variable_set_projects_project ON variable_set_projects (project_id);

CREATE TABLE variable_set_workspaces (
    variable_set_id TEXT NOT NULL REFERENCES variable_sets (id) ON DELETE CASCADE,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    PRIMARY KEY (variable_set_id, workspace_id)
);
CREATE INDEX variable_set_workspaces_workspace ON variable_set_workspaces (workspace_id);

-- A variable belongs to a workspace or to a variable set.
CREATE TABLE variables (
    id TEXT PRIMARY KEY,
    workspace_id TEXT REFERENCES workspaces (id) ON DELETE CASCADE,
    variable_set_id TEXT REFERENCES variable_sets (id) ON DELETE CASCADE,
    key TEXT NOT NULL,
    category TEXT NOT NULL,
    sealed_value TEXT NOT NULL,
    description TEXT NOT NULL,
    hcl BOOLEAN NOT NULL,
    sensitive BOOLEAN NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (workspace_id, category, key),
    UNIQUE (variable_set_id, category, key),
    CHECK ((workspace_id IS NULL) <> (variable_set_id IS NULL))
);

-- upload_hash is SHA-256 of the capability in the upload address; NULL once it was used.
CREATE TABLE configuration_versions (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    status TEXT NOT NULL,
    auto_queue_runs BOOLEAN NOT NULL,
    speculative BOOLEAN NOT NULL,
    provisional BOOLEAN NOT NULL,
    source TEXT NOT NULL,
    error_message TEXT,
    upload_hash TEXT UNIQUE,
    created_at BIGINT NOT NULL,
    uploaded_at BIGINT
);
CREATE INDEX configuration_versions_workspace ON configuration_versions (workspace_id, created_at, id);

CREATE TABLE runs (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    configuration_version_id TEXT NOT NULL REFERENCES configuration_versions (id),
    plan_id TEXT NOT NULL UNIQUE,
    apply_id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    is_final BOOLEAN NOT NULL,
    plan_only BOOLEAN NOT NULL,
    save_plan BOOLEAN NOT NULL,
    auto_apply BOOLEAN NOT NULL,
    allow_empty_apply BOOLEAN NOT NULL,
    allow_config_generation BOOLEAN NOT NULL,
    is_destroy BOOLEAN NOT NULL,
    refresh BOOLEAN NOT NULL,
    refresh_only BOOLEAN NOT NULL,
    target_addrs TEXT NOT NULL,
    replace_addrs TEXT NOT NULL,
    sealed_variables TEXT NOT NULL,
    message TEXT NOT NULL,
    source TEXT NOT NULL,
    terraform_version TEXT NOT NULL,
    structured_output BOOLEAN NOT NULL,
    has_changes BOOLEAN NOT NULL,
    created_by TEXT,
    confirmed_by TEXT,
    created_at BIGINT NOT NULL,
    canceled_at BIGINT,
    force_cancel_available_at BIGINT,
    status_timestamps TEXT NOT NULL
);
CREATE INDEX runs_workspace ON runs (workspace_id, created_at, id);
CREATE INDEX runs_open ON runs (workspace_id, is_final, created_at, id);
CREATE INDEX runs_status ON runs (status, created_at, id);

-- One row for the plan and one for the apply of each run. The log's key is the capability in its address: log_hash is its
-- SHA-256, by which it is found.
CREATE TABLE phases (
    id TEXT PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    phase TEXT NOT NULL,
    status TEXT NOT NULL,
    additions BIGINT,
    changes BIGINT,
    destructions BIGINT,
    imports BIGINT,
    generated_configuration BOOLEAN NOT NULL,
    log_hash TEXT NOT NULL UNIQUE,
    sealed_log_key TEXT NOT NULL,
    log_length BIGINT NOT NULL,
    status_timestamps TEXT NOT NULL,
    UNIQUE (run_id, phase)
);

CREATE TABLE log_chunks (
    phase_id TEXT NOT NULL REFERENCES phases (id) ON DELETE CASCADE,
    start_byte BIGINT NOT NULL,
    length BIGINT NOT NULL,
    sealed TEXT NOT NULL,
    PRIMARY KEY (phase_id, start_byte)
);

-- place counts the events of a run: several happen in one millisecond.
CREATE TABLE run_events (
    id TEXT PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    action TEXT NOT NULL,
    description TEXT NOT NULL,
    actor_id TEXT,
    created_at BIGINT NOT NULL,
    target_id TEXT,
    place BIGINT NOT NULL
);
CREATE INDEX run_events_run ON run_events (run_id, place);

CREATE TABLE agents (
    id TEXT PRIMARY KEY,
    token_id TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    last_ping_at BIGINT NOT NULL
);

-- The three hashes are SHA-256 of the control, run and delivery token. credentials: JSON, what the agent told last of them.
-- outstanding_until: when the last of them that must be revoked ends by itself; NULL when none must be.
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    workspace_id TEXT NOT NULL,
    phase TEXT NOT NULL,
    status TEXT NOT NULL,
    agent_id TEXT,
    control_hash TEXT UNIQUE,
    run_hash TEXT UNIQUE,
    delivery_hash TEXT UNIQUE,
    wanted_signal TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    claimed_at BIGINT,
    lease_expires_at BIGINT,
    deadline_at BIGINT,
    finished_at BIGINT,
    report TEXT,
    credentials TEXT,
    outstanding_until BIGINT,
    UNIQUE (run_id, phase)
);
CREATE INDEX jobs_outstanding ON jobs (outstanding_until);
CREATE INDEX jobs_queue ON jobs (status, created_at, id);
CREATE INDEX jobs_workspace ON jobs (workspace_id, status);

-- The ledger: one row for every identity token, committed before the token leaves the server.
CREATE TABLE identity_tokens (
    jti TEXT PRIMARY KEY,
    job_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    workspace_id TEXT NOT NULL,
    organization_id TEXT NOT NULL,
    phase TEXT NOT NULL,
    family TEXT NOT NULL,
    tag TEXT,
    audience TEXT NOT NULL,
    subject TEXT NOT NULL,
    claims TEXT NOT NULL,
    kid TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX identity_tokens_workspace ON identity_tokens (workspace_id, issued_at, jti);
CREATE INDEX identity_tokens_run ON identity_tokens (run_id, issued_at, jti);

CREATE TABLE signing_keys (
    kid TEXT PRIMARY KEY,
    sealed_pkcs8 TEXT NOT NULL,
    is_current BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);

-- forced: the writer asked to skip the comparison with the current state. resources: JSON, one entry per resource block.
-- The two hashes are SHA-256 of the capabilities in the upload addresses; NULL once they were used.
CREATE TABLE state_versions (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    run_id TEXT,
    created_by TEXT,
    status TEXT NOT NULL,
    serial BIGINT NOT NULL,
    lineage TEXT NOT NULL,
    md5 TEXT NOT NULL,
    size BIGINT NOT NULL,
    terraform_version TEXT,
    resource_count BIGINT NOT NULL,
    resources TEXT NOT NULL,
    forced BOOLEAN NOT NULL,
    has_json BOOLEAN NOT NULL,
    upload_hash TEXT UNIQUE,
    json_upload_hash TEXT UNIQUE,
    created_at BIGINT NOT NULL
);
CREATE INDEX state_versions_workspace ON state_versions (workspace_id, created_at, id);
CREATE INDEX state_versions_run ON state_versions (run_id);

CREATE TABLE state_outputs (
    id TEXT PRIMARY KEY,
    state_version_id TEXT NOT NULL REFERENCES state_versions (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    sensitive BOOLEAN NOT NULL,
    value_type TEXT NOT NULL,
    detailed_type TEXT NOT NULL,
    sealed_value TEXT NOT NULL,
    UNIQUE (state_version_id, name)
);
