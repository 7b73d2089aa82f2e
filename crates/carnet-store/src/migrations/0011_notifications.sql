-- Notifications. The address is sealed, too: that of a chat is a capability. triggers: JSON.
CREATE TABLE notification_configurations (
    id TEXT PRIMARY KEY,
    workspace_id TEXT NOT NULL REFERENCES workspaces (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    destination_type TEXT NOT NULL,
    sealed_url TEXT NOT NULL,
    sealed_token TEXT,
    triggers TEXT NOT NULL,
    enabled BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX notification_configurations_workspace ON notification_configurations (workspace_id, created_at, id);

-- What is to be sent: written with the change that it tells of, removed when it has arrived or was given up. due_at lies behind
-- the time that a server takes to send, so that a row whose server died is taken again.
CREATE TABLE notification_deliveries (
    id TEXT PRIMARY KEY,
    notification_id TEXT NOT NULL REFERENCES notification_configurations (id) ON DELETE CASCADE,
    run_id TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    event TEXT NOT NULL,
    run_status TEXT NOT NULL,
    run_updated_at BIGINT NOT NULL,
    run_updated_by TEXT,
    attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL
);
CREATE INDEX notification_deliveries_due ON notification_deliveries (due_at, id);
CREATE INDEX notification_deliveries_configuration ON notification_deliveries (notification_id);
CREATE INDEX notification_deliveries_run ON notification_deliveries (run_id);

-- The latest answers of each destination. code is NULL when there was none.
CREATE TABLE notification_responses (
    id TEXT PRIMARY KEY,
    notification_id TEXT NOT NULL REFERENCES notification_configurations (id) ON DELETE CASCADE,
    code BIGINT,
    body TEXT NOT NULL,
    successful BOOLEAN NOT NULL,
    sent_at BIGINT NOT NULL
);
CREATE INDEX notification_responses_configuration ON notification_responses (notification_id, sent_at, id);
