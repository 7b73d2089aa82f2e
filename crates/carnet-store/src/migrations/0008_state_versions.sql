-- State versions.
-- A snapshot is written while a local run goes on; the last one becomes current when the workspace is unlocked.
ALTER TABLE state_versions ADD COLUMN intermediate BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE workspaces ADD COLUMN snapshot_state_version_id TEXT;
CREATE INDEX state_versions_newest ON state_versions (workspace_id, created_at, serial, id);
CREATE INDEX state_versions_status ON state_versions (workspace_id, status, created_at, serial, id);
DROP INDEX state_versions_workspace;
