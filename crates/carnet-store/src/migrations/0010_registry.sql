-- Modules and providers of an organization stand in the namespace of its name.
CREATE TABLE registry_modules (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    provider TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (organization_id, name, provider)
);
CREATE INDEX registry_modules_page ON registry_modules (organization_id, created_at, id);

-- archive_id: the blob that was uploaded and passed its check. error: why one did not.
CREATE TABLE registry_module_versions (
    id TEXT PRIMARY KEY,
    registry_module_id TEXT NOT NULL REFERENCES registry_modules (id) ON DELETE CASCADE,
    version TEXT NOT NULL,
    status TEXT NOT NULL,
    commit_sha TEXT,
    archive_id TEXT,
    error TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (registry_module_id, version)
);

CREATE TABLE registry_providers (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (organization_id, name)
);
CREATE INDEX registry_providers_page ON registry_providers (organization_id, created_at, id);

-- checksums_id, signature_id: the blobs that were uploaded. protocols: versions of the plugin protocol, separated by spaces. key_id: of a key in gpg_keys of the organization.
CREATE TABLE registry_provider_versions (
    id TEXT PRIMARY KEY,
    registry_provider_id TEXT NOT NULL REFERENCES registry_providers (id) ON DELETE CASCADE,
    version TEXT NOT NULL,
    key_id TEXT NOT NULL,
    protocols TEXT NOT NULL,
    checksums_id TEXT,
    signature_id TEXT,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (registry_provider_id, version)
);
CREATE INDEX registry_provider_versions_page ON registry_provider_versions (registry_provider_id, created_at, id);

CREATE TABLE registry_platforms (
    id TEXT PRIMARY KEY,
    registry_provider_version_id TEXT NOT NULL REFERENCES registry_provider_versions (id) ON DELETE CASCADE,
    os TEXT NOT NULL,
    arch TEXT NOT NULL,
    filename TEXT NOT NULL,
    checksum TEXT NOT NULL,
    archive_id TEXT,
    UNIQUE (registry_provider_version_id, os, arch)
);

CREATE TABLE gpg_keys (
    id TEXT PRIMARY KEY,
    organization_id TEXT NOT NULL REFERENCES organizations (id) ON DELETE CASCADE,
    key_id TEXT NOT NULL,
    armored TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    UNIQUE (organization_id, key_id)
);
CREATE INDEX gpg_keys_page ON gpg_keys (organization_id, created_at, id);
