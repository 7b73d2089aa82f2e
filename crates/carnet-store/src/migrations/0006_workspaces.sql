-- Workspaces. overwrites_execution_mode: whether mode and pool are its own; otherwise the project or the organization says
-- them. trigger_prefixes, trigger_patterns: JSON lists. auto_destroy_*: kept for clients; nothing acts upon them.
-- latest_change_at: when a setting, a run or the state changed last.
ALTER TABLE workspaces ADD COLUMN overwrites_execution_mode BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE workspaces ADD COLUMN agent_pool_id TEXT;
ALTER TABLE workspaces ADD COLUMN auto_apply_run_trigger BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE workspaces ADD COLUMN queue_all_runs BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE workspaces ADD COLUMN speculative_enabled BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE workspaces ADD COLUMN file_triggers_enabled BOOLEAN NOT NULL DEFAULT TRUE;
ALTER TABLE workspaces ADD COLUMN trigger_prefixes TEXT NOT NULL DEFAULT '[]';
ALTER TABLE workspaces ADD COLUMN trigger_patterns TEXT NOT NULL DEFAULT '[]';
ALTER TABLE workspaces ADD COLUMN global_remote_state BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE workspaces ADD COLUMN project_remote_state BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE workspaces ADD COLUMN assessments_enabled BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE workspaces ADD COLUMN auto_destroy_at BIGINT;
ALTER TABLE workspaces ADD COLUMN auto_destroy_activity_duration TEXT;
ALTER TABLE workspaces ADD COLUMN inherits_project_auto_destroy BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE workspaces ADD COLUMN source TEXT NOT NULL DEFAULT 'tfe-api';
ALTER TABLE workspaces ADD COLUMN source_name TEXT;
ALTER TABLE workspaces ADD COLUMN source_url TEXT;
ALTER TABLE workspaces ADD COLUMN migration_environment TEXT;
ALTER TABLE workspaces ADD COLUMN latest_change_at BIGINT NOT NULL DEFAULT 0;
UPDATE workspaces SET latest_change_at = updated_at;

-- The lists of an organization. What their filters ask first stands behind the order, so that skipped rows are not read.
CREATE INDEX workspaces_page ON workspaces (organization_id, name, id, project_id);
CREATE INDEX workspaces_latest_change ON workspaces (organization_id, latest_change_at, id);
CREATE INDEX workspaces_agent_pool ON workspaces (agent_pool_id);
CREATE INDEX jobs_workspace_time ON jobs (workspace_id, phase, claimed_at, finished_at);

-- Workspaces (consumer_id) that may read the state of another.
CREATE TABLE remote_state_consumers (
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    consumer_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    PRIMARY KEY (workspace_id, consumer_id)
);
CREATE INDEX remote_state_consumers_consumer ON remote_state_consumers (consumer_id);
