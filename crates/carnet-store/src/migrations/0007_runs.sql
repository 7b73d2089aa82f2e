-- organization_id: that of the workspace, which never changes, so that the lists of an organization have indexes.
-- triggering_run_id: the run whose apply queued this one.
ALTER TABLE runs ADD COLUMN organization_id TEXT NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN triggering_run_id TEXT;
ALTER TABLE runs ADD COLUMN debugging_mode BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE runs SET organization_id = (SELECT w.organization_id FROM workspaces w WHERE w.id = runs.workspace_id);

-- Nothing asks for runs of a status beyond an organization.
DROP INDEX runs_status;

-- Lists count what passes their filters: the columns behind the order let them do so without the rows.
CREATE INDEX runs_workspace_page ON runs (workspace_id, plan_only, created_at, id, status, source);
CREATE INDEX runs_organization ON runs (organization_id, created_at, id);
CREATE INDEX runs_organization_page ON runs (organization_id, plan_only, created_at, id, status, source);
CREATE INDEX runs_organization_open ON runs (organization_id, is_final, created_at, id, status);
CREATE INDEX runs_configuration ON runs (configuration_version_id, created_at, id);

-- may_auto_apply: whether who made it may apply runs. archived_at: when its archive was removed.
ALTER TABLE configuration_versions ADD COLUMN may_auto_apply BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE configuration_versions ADD COLUMN archived_at BIGINT;

-- run_event_id: the event that tells who said it; its target_id is the comment.
CREATE TABLE comments (
    id TEXT PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    run_event_id TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX comments_run ON comments (run_id);

-- An apply of the source queues a run of the workspace.
CREATE TABLE run_triggers (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    source_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    UNIQUE (workspace_id, source_id)
);
CREATE INDEX run_triggers_workspace ON run_triggers (workspace_id, created_at, id);
CREATE INDEX run_triggers_source ON run_triggers (source_id, created_at, id);
