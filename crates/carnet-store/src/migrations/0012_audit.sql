-- The audit trail: only ever added to. No row refers to another table, so that an entry outlives what it tells of.
-- organization_id is NULL for what concerns the whole site, or a user alone.
CREATE TABLE audit_events (
    id TEXT PRIMARY KEY,
    organization_id TEXT,
    request_id TEXT,
    actor_kind TEXT NOT NULL,
    accessor_id TEXT,
    token_id TEXT,
    description TEXT NOT NULL,
    resource_type TEXT NOT NULL,
    resource_id TEXT,
    action TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE INDEX audit_events_organization ON audit_events (organization_id, created_at, id);

-- Until when tokens of a signing key are valid.
CREATE INDEX identity_tokens_kid ON identity_tokens (kid, expires_at);
