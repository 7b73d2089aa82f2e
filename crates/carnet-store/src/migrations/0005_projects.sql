-- default_execution_mode: NULL for what the organization says. auto_destroy_activity_duration: kept for clients; nothing is
-- ever destroyed because of it.
ALTER TABLE projects ADD COLUMN auto_destroy_activity_duration TEXT;
ALTER TABLE projects ADD COLUMN default_execution_mode TEXT;
ALTER TABLE projects ADD COLUMN default_agent_pool_id TEXT;
CREATE INDEX projects_page ON projects (organization_id, created_at, id);
CREATE INDEX projects_lower_name ON projects (organization_id, lower(name));
CREATE INDEX projects_default_agent_pool ON projects (default_agent_pool_id);

-- A key without a value is bound with an empty one, as in workspace_tags.
CREATE TABLE project_tags (
    project_id TEXT NOT NULL REFERENCES projects (id) ON DELETE CASCADE,
    tag_id TEXT NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
    value TEXT NOT NULL,
    PRIMARY KEY (project_id, tag_id)
);
CREATE INDEX project_tags_tag ON project_tags (tag_id);

-- The tags that count for a workspace: its own, and those of its project that it does not override or may not override.
-- inherited_from: the project that a tag comes from; NULL for the workspace's own.
CREATE VIEW effective_workspace_tags AS
SELECT b.workspace_id, b.tag_id, b.value, CAST(NULL AS TEXT) AS inherited_from
FROM workspace_tags b
WHERE NOT EXISTS (
    SELECT 1 FROM workspaces w
    JOIN project_tags p ON p.project_id = w.project_id
    JOIN tags t ON t.id = p.tag_id
    JOIN reserved_tag_keys r ON r.organization_id = t.organization_id AND r.key = t.name
    WHERE w.id = b.workspace_id AND p.tag_id = b.tag_id AND r.disable_overrides = TRUE
)
UNION ALL
SELECT w.id, p.tag_id, p.value, p.project_id
FROM project_tags p
JOIN workspaces w ON w.project_id = p.project_id
WHERE NOT EXISTS (SELECT 1 FROM workspace_tags b WHERE b.workspace_id = w.id AND b.tag_id = p.tag_id)
OR EXISTS (
    SELECT 1 FROM tags t
    JOIN reserved_tag_keys r ON r.organization_id = t.organization_id AND r.key = t.name
    WHERE t.id = p.tag_id AND r.disable_overrides = TRUE
);
