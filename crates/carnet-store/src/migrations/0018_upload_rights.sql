-- Whose authority counts when bytes come: the token that asked for the address of an upload, and the one that claimed a job.
ALTER TABLE configuration_versions ADD COLUMN upload_token_id TEXT;
ALTER TABLE state_versions ADD COLUMN upload_token_id TEXT;
ALTER TABLE jobs ADD COLUMN agent_token_id TEXT;
