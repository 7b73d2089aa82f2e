-- Codes of `terraform login`, by SHA-256 in hex. token_id: what the code was traded for; a second use takes that token away.
CREATE TABLE login_codes (
    hash TEXT PRIMARY KEY,
    client_id TEXT NOT NULL,
    redirect_uri TEXT NOT NULL,
    code_challenge TEXT NOT NULL,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    token_id TEXT REFERENCES tokens (id) ON DELETE CASCADE,
    expires_at BIGINT NOT NULL
);
CREATE INDEX login_codes_expiry ON login_codes (expires_at);
