//! Providers of the private registry and the keys they are signed with. Their archives are blobs.

use carnet_model::{
    GpgKey, OrgId, PlatformName, RegistryPlatform, RegistryPlatformId, RegistryProvider, RegistryProviderId,
    RegistryProviderName, RegistryProviderVersion, RegistryProviderVersionId, RegistryVersion, Timestamp,
};

use crate::db::{Bind, Row, StoreError, Tx};
use crate::search::contains;

macro_rules! filtered {
    ($select:literal, $tail:literal) => {
        concat!(
            "SELECT ",
            $select,
            " FROM registry_providers p WHERE p.organization_id = $1 ",
            "AND (CAST($2 AS TEXT) IS NULL OR p.name LIKE $2 ESCAPE '\\')",
            $tail
        )
    };
}

fn provider(row: &Row) -> Result<RegistryProvider, StoreError> {
    Ok(RegistryProvider {
        id: row.parsed("id")?,
        organization_id: row.parsed("organization_id")?,
        name: row.parsed("name")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn version(row: &Row) -> Result<RegistryProviderVersion, StoreError> {
    Ok(RegistryProviderVersion {
        id: row.parsed("id")?,
        registry_provider_id: row.parsed("registry_provider_id")?,
        version: row.parsed("version")?,
        key_id: row.text("key_id")?,
        protocols: row.text("protocols")?.split_whitespace().map(str::to_owned).collect(),
        checksums_id: row.optional_text("checksums_id")?,
        signature_id: row.optional_text("signature_id")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn platform(row: &Row) -> Result<RegistryPlatform, StoreError> {
    Ok(RegistryPlatform {
        id: row.parsed("id")?,
        registry_provider_version_id: row.parsed("registry_provider_version_id")?,
        os: row.parsed("os")?,
        arch: row.parsed("arch")?,
        filename: row.parsed("filename")?,
        checksum: row.parsed("checksum")?,
        archive_id: row.optional_text("archive_id")?,
    })
}

fn gpg_key(row: &Row) -> Result<GpgKey, StoreError> {
    Ok(GpgKey {
        id: row.parsed("id")?,
        organization_id: row.parsed("organization_id")?,
        key_id: row.text("key_id")?,
        armored: row.text("armored")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

impl Tx {
    /// Stores a new provider; one that is there is a conflict.
    pub async fn insert_registry_provider(&mut self, provider: &RegistryProvider) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO registry_providers (id, organization_id, name, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5)",
            &[
                (&provider.id).into(),
                (&provider.organization_id).into(),
                provider.name.as_str().into(),
                provider.created_at.into(),
                provider.updated_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Removes a provider with its versions.
    pub async fn delete_registry_provider(&mut self, id: &RegistryProviderId) -> Result<(), StoreError> {
        self.execute("DELETE FROM registry_providers WHERE id = $1", &[id.into()]).await.map(drop)
    }

    /// The provider of this name.
    pub async fn registry_provider(
        &mut self,
        organization: &OrgId,
        name: &RegistryProviderName,
    ) -> Result<Option<RegistryProvider>, StoreError> {
        let row = self
            .optional(
                "SELECT * FROM registry_providers WHERE organization_id = $1 AND name = $2",
                &[organization.into(), name.as_str().into()],
            )
            .await?;
        row.as_ref().map(provider).transpose()
    }

    /// A page of the providers of an organization, the oldest first, and how many there are.
    pub async fn registry_providers(
        &mut self,
        organization: &OrgId,
        text: Option<&str>,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<RegistryProvider>, u64), StoreError> {
        let mut binds: Vec<Bind> = vec![organization.into(), text.map(contains).into()];
        let total = self.total(filtered!("COUNT(*) AS total", ""), &binds).await?;
        binds.extend([limit.into(), offset.into()]);
        let rows =
            self.all(filtered!("p.*", " ORDER BY p.created_at, p.id LIMIT $3 OFFSET $4"), &binds).await?;
        Ok((rows.iter().map(provider).collect::<Result<_, _>>()?, total))
    }

    /// Stores a new version of a provider; one that is there is a conflict.
    pub async fn insert_provider_version(
        &mut self,
        version: &RegistryProviderVersion,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO registry_provider_versions (id, registry_provider_id, version, key_id, protocols, checksums_id, \
             signature_id, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            &[
                (&version.id).into(),
                (&version.registry_provider_id).into(),
                version.version.to_string().into(),
                (&version.key_id).into(),
                version.protocols.join(" ").into(),
                version.checksums_id.clone().into(),
                version.signature_id.clone().into(),
                version.created_at.into(),
                version.updated_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The versions of a provider, the newest first.
    pub async fn provider_versions(
        &mut self,
        id: &RegistryProviderId,
    ) -> Result<Vec<RegistryProviderVersion>, StoreError> {
        let sql = "SELECT * FROM registry_provider_versions WHERE registry_provider_id = $1 ORDER BY id";
        let rows = self.all(sql, &[id.into()]).await?;
        let mut versions = rows.iter().map(version).collect::<Result<Vec<_>, _>>()?;
        versions.sort_by(|left, right| right.version.cmp(&left.version));
        Ok(versions)
    }

    /// One version of a provider.
    pub async fn provider_version(
        &mut self,
        id: &RegistryProviderId,
        wanted: &RegistryVersion,
    ) -> Result<Option<RegistryProviderVersion>, StoreError> {
        let row = self
            .optional(
                "SELECT * FROM registry_provider_versions WHERE registry_provider_id = $1 AND version = $2",
                &[id.into(), wanted.to_string().into()],
            )
            .await?;
        row.as_ref().map(version).transpose()
    }

    /// The version of a provider of this id.
    pub async fn provider_version_by_id(
        &mut self,
        id: &RegistryProviderVersionId,
    ) -> Result<Option<RegistryProviderVersion>, StoreError> {
        let row =
            self.optional("SELECT * FROM registry_provider_versions WHERE id = $1", &[id.into()]).await?;
        row.as_ref().map(version).transpose()
    }

    /// Gives a version its checksums; `false` when it has some already.
    pub async fn set_provider_checksums(
        &mut self,
        id: &RegistryProviderVersionId,
        blob: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE registry_provider_versions SET checksums_id = $2, updated_at = $3 \
                   WHERE id = $1 AND checksums_id IS NULL";
        Ok(self.execute(sql, &[id.into(), blob.into(), now.into()]).await? > 0)
    }

    /// Gives a version the signature of its checksums; `false` when it has one already.
    pub async fn set_provider_signature(
        &mut self,
        id: &RegistryProviderVersionId,
        blob: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE registry_provider_versions SET signature_id = $2, updated_at = $3 \
                   WHERE id = $1 AND signature_id IS NULL";
        Ok(self.execute(sql, &[id.into(), blob.into(), now.into()]).await? > 0)
    }

    /// Removes a version of a provider.
    pub async fn delete_provider_version(
        &mut self,
        id: &RegistryProviderVersionId,
    ) -> Result<(), StoreError> {
        self.execute("DELETE FROM registry_provider_versions WHERE id = $1", &[id.into()]).await.map(drop)
    }

    /// Stores a new platform of a version; one that is there is a conflict.
    pub async fn insert_registry_platform(&mut self, platform: &RegistryPlatform) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO registry_platforms (id, registry_provider_version_id, os, arch, filename, checksum, archive_id) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &[
                (&platform.id).into(),
                (&platform.registry_provider_version_id).into(),
                platform.os.as_str().into(),
                platform.arch.as_str().into(),
                platform.filename.as_str().into(),
                platform.checksum.as_str().into(),
                platform.archive_id.clone().into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The platforms of a version.
    pub async fn registry_platforms(
        &mut self,
        id: &RegistryProviderVersionId,
    ) -> Result<Vec<RegistryPlatform>, StoreError> {
        let rows = self
            .all(
                "SELECT * FROM registry_platforms WHERE registry_provider_version_id = $1 ORDER BY id",
                &[id.into()],
            )
            .await?;
        rows.iter().map(platform).collect()
    }

    /// One platform of a version.
    pub async fn registry_platform(
        &mut self,
        id: &RegistryProviderVersionId,
        os: &PlatformName,
        arch: &PlatformName,
    ) -> Result<Option<RegistryPlatform>, StoreError> {
        let row = self
            .optional(
                "SELECT * FROM registry_platforms WHERE registry_provider_version_id = $1 AND os = $2 AND arch = $3",
                &[id.into(), os.as_str().into(), arch.as_str().into()],
            )
            .await?;
        row.as_ref().map(platform).transpose()
    }

    /// The platform of this id.
    pub async fn registry_platform_by_id(
        &mut self,
        id: &RegistryPlatformId,
    ) -> Result<Option<RegistryPlatform>, StoreError> {
        let row = self.optional("SELECT * FROM registry_platforms WHERE id = $1", &[id.into()]).await?;
        row.as_ref().map(platform).transpose()
    }

    /// Gives a platform its archive; `false` when it has one already.
    pub async fn set_platform_archive(
        &mut self,
        id: &RegistryPlatformId,
        blob: &str,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE registry_platforms SET archive_id = $2 WHERE id = $1 AND archive_id IS NULL";
        Ok(self.execute(sql, &[id.into(), blob.into()]).await? > 0)
    }

    /// Removes a platform.
    pub async fn delete_registry_platform(&mut self, id: &RegistryPlatformId) -> Result<(), StoreError> {
        self.execute("DELETE FROM registry_platforms WHERE id = $1", &[id.into()]).await.map(drop)
    }

    /// Stores a new key; one that is there is a conflict.
    pub async fn insert_gpg_key(&mut self, key: &GpgKey) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO gpg_keys (id, organization_id, key_id, armored, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
            &[
                (&key.id).into(),
                (&key.organization_id).into(),
                (&key.key_id).into(),
                (&key.armored).into(),
                key.created_at.into(),
                key.updated_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The key of an organization with this key id.
    pub async fn gpg_key(
        &mut self,
        organization: &OrgId,
        key_id: &str,
    ) -> Result<Option<GpgKey>, StoreError> {
        let row = self
            .optional(
                "SELECT * FROM gpg_keys WHERE organization_id = $1 AND key_id = $2",
                &[organization.into(), key_id.into()],
            )
            .await?;
        row.as_ref().map(gpg_key).transpose()
    }

    /// The keys of an organization, the oldest first.
    pub async fn gpg_keys(&mut self, organization: &OrgId) -> Result<Vec<GpgKey>, StoreError> {
        let sql = "SELECT * FROM gpg_keys WHERE organization_id = $1 ORDER BY created_at, id";
        self.all(sql, &[organization.into()]).await?.iter().map(gpg_key).collect()
    }

    /// Moves a key to another organization; one that is there is a conflict.
    pub async fn move_gpg_key(
        &mut self,
        key: &GpgKey,
        organization: &OrgId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE gpg_keys SET organization_id = $2, updated_at = $3 WHERE id = $1",
            &[(&key.id).into(), organization.into(), now.into()],
        )
        .await
        .map(drop)
    }

    /// Tells whether a version of a provider of the organization is signed with the key.
    pub async fn is_gpg_key_in_use(&mut self, key: &GpgKey) -> Result<bool, StoreError> {
        let row = self
            .optional(
                "SELECT v.id FROM registry_provider_versions v JOIN registry_providers p ON p.id = v.registry_provider_id \
                 WHERE p.organization_id = $1 AND v.key_id = $2 LIMIT 1",
                &[(&key.organization_id).into(), (&key.key_id).into()],
            )
            .await?;
        Ok(row.is_some())
    }

    /// Removes a key.
    pub async fn delete_gpg_key(&mut self, key: &GpgKey) -> Result<(), StoreError> {
        self.execute("DELETE FROM gpg_keys WHERE id = $1", &[(&key.id).into()]).await.map(drop)
    }
}
