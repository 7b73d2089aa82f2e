-- Where each signing key is in its life. issuer: site, or the id of the organization whose own issuer it is. announcement: for
-- how many milliseconds the key is published at least before it signs. published_at: since when everybody who asks is served it.
-- held_until: the clock jumped, so it is not removed before. sealed_pkcs8 is empty once the life of the key is over.
ALTER TABLE signing_keys ADD COLUMN issuer TEXT NOT NULL DEFAULT 'site';
ALTER TABLE signing_keys ADD COLUMN organization_id TEXT REFERENCES organizations (id) ON DELETE CASCADE;
ALTER TABLE signing_keys ADD COLUMN state TEXT NOT NULL DEFAULT 'retired';
ALTER TABLE signing_keys ADD COLUMN announcement BIGINT NOT NULL DEFAULT 0;
ALTER TABLE signing_keys ADD COLUMN publish_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE signing_keys ADD COLUMN published_at BIGINT;
ALTER TABLE signing_keys ADD COLUMN seen_outside_at BIGINT;
ALTER TABLE signing_keys ADD COLUMN activated_at BIGINT;
ALTER TABLE signing_keys ADD COLUMN retired_at BIGINT;
ALTER TABLE signing_keys ADD COLUMN ended_at BIGINT;
ALTER TABLE signing_keys ADD COLUMN held_until BIGINT;
UPDATE signing_keys SET publish_at = created_at, published_at = created_at, activated_at = created_at;
UPDATE signing_keys SET state = 'active' WHERE is_current = TRUE;
ALTER TABLE signing_keys DROP COLUMN is_current;
CREATE UNIQUE INDEX signing_keys_active ON signing_keys (issuer) WHERE state = 'active';
CREATE INDEX signing_keys_issuer ON signing_keys (issuer, state, created_at, kid);
CREATE INDEX signing_keys_organization ON signing_keys (organization_id);

-- Issuers that organizations have of their own. url: NULL for the one below the issuer of the site. is_minting: whether the
-- tokens of the organization's runs are its; until then its keys are only published, so that trust can be set up.
CREATE TABLE organization_issuers (
    organization_id TEXT PRIMARY KEY REFERENCES organizations (id) ON DELETE CASCADE,
    url TEXT,
    is_minting BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX organization_issuers_url ON organization_issuers (url);

-- The role that the token is for, as the variables of the run named it when the token was minted; NULL where there is none.
ALTER TABLE identity_tokens ADD COLUMN role TEXT;

-- Which trust the runs of an organization made use of lately.
CREATE INDEX identity_tokens_organization ON identity_tokens (organization_id, issued_at);
