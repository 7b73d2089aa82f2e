//! Modules of the private registry. Their archives are blobs.

use carnet_model::{
    ModuleVersionStatus, OrgId, OrgName, RegistryModule, RegistryModuleId, RegistryModuleName,
    RegistryModuleProvider, RegistryModuleVersion, RegistryModuleVersionId, RegistryVersion, Timestamp,
};
use secrecy::{ExposeSecret as _, SecretString};

use crate::db::{Bind, Row, StoreError, Tx};
use crate::search::contains;

/// Where passes of the registry open.
const PASS: &str = "registry-pass";

/// Which modules of an organization are wanted.
#[derive(Debug, Clone, Default)]
pub struct RegistryModuleFilter {
    /// A part of the name or of the provider, whatever its case.
    pub text: Option<String>,
    /// The provider that they are for.
    pub provider: Option<String>,
    /// Only modules with a version that can be installed.
    pub installable: bool,
}

macro_rules! filtered {
    ($select:literal, $tail:literal) => {
        concat!(
            "SELECT ",
            $select,
            " FROM registry_modules m WHERE m.organization_id = $1 ",
            "AND (CAST($2 AS TEXT) IS NULL OR lower(m.name) LIKE $2 ESCAPE '\\' OR m.provider LIKE $2 ESCAPE '\\') ",
            "AND (CAST($3 AS TEXT) IS NULL OR m.provider = $3) ",
            "AND ($4 = FALSE OR EXISTS (SELECT 1 FROM registry_module_versions v ",
            "WHERE v.registry_module_id = m.id AND v.status = 'ok'))",
            $tail
        )
    };
}

fn module(row: &Row) -> Result<RegistryModule, StoreError> {
    Ok(RegistryModule {
        id: row.parsed("id")?,
        organization_id: row.parsed("organization_id")?,
        name: row.parsed("name")?,
        provider: row.parsed("provider")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn version(row: &Row) -> Result<RegistryModuleVersion, StoreError> {
    Ok(RegistryModuleVersion {
        id: row.parsed("id")?,
        registry_module_id: row.parsed("registry_module_id")?,
        version: row.parsed("version")?,
        status: row.parsed("status")?,
        commit_sha: row.optional_text("commit_sha")?,
        archive_id: row.optional_text("archive_id")?,
        error: row.optional_text("error")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

impl Tx {
    /// Makes a secret that stands for one thing of the registry until a moment; nothing of it is stored.
    pub fn registry_pass(&self, thing: &str, until: Timestamp) -> Result<SecretString, StoreError> {
        let text = format!("{} {thing}", until.as_millisecond());
        Ok(SecretString::from(self.sealer.seal(PASS, text.as_bytes())?))
    }

    /// What a secret of [`Tx::registry_pass`] stands for, unless its time is over.
    pub fn open_registry_pass(&self, pass: &SecretString, now: Timestamp) -> Option<String> {
        let opened = self.sealer.open(PASS, pass.expose_secret()).ok()?;
        let (until, thing) = std::str::from_utf8(&opened).ok()?.split_once(' ')?;
        (now.as_millisecond() < until.parse().ok()?).then(|| thing.to_owned())
    }

    /// The organization whose name a namespace is. Terraform writes namespaces of providers in small letters.
    pub async fn organization_of_namespace(
        &mut self,
        namespace: &str,
    ) -> Result<Option<OrgName>, StoreError> {
        let rows = self
            .all(
                "SELECT name FROM organizations WHERE name = $1 OR lower(name) = lower($1) ORDER BY name LIMIT 3",
                &[namespace.into()],
            )
            .await?;
        let names = rows.iter().map(|row| row.parsed("name")).collect::<Result<Vec<OrgName>, _>>()?;
        let exact = names.iter().find(|name| name.as_str() == namespace);
        Ok(exact.or(if names.len() == 1 { names.first() } else { None }).cloned())
    }

    /// Stores a new module; one that is there is a conflict.
    pub async fn insert_registry_module(&mut self, module: &RegistryModule) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO registry_modules (id, organization_id, name, provider, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
            &[
                (&module.id).into(),
                (&module.organization_id).into(),
                module.name.as_str().into(),
                module.provider.as_str().into(),
                module.created_at.into(),
                module.updated_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Removes a module with its versions.
    pub async fn delete_registry_module(&mut self, id: &RegistryModuleId) -> Result<(), StoreError> {
        self.execute("DELETE FROM registry_modules WHERE id = $1", &[id.into()]).await.map(drop)
    }

    /// The module of this id.
    pub async fn registry_module(
        &mut self,
        id: &RegistryModuleId,
    ) -> Result<Option<RegistryModule>, StoreError> {
        let row = self.optional("SELECT * FROM registry_modules WHERE id = $1", &[id.into()]).await?;
        row.as_ref().map(module).transpose()
    }

    /// The module of this name for this provider.
    pub async fn registry_module_named(
        &mut self,
        organization: &OrgId,
        name: &RegistryModuleName,
        provider: &RegistryModuleProvider,
    ) -> Result<Option<RegistryModule>, StoreError> {
        let row = self
            .optional(
                "SELECT * FROM registry_modules WHERE organization_id = $1 AND name = $2 AND provider = $3",
                &[organization.into(), name.as_str().into(), provider.as_str().into()],
            )
            .await?;
        row.as_ref().map(module).transpose()
    }

    /// The modules of this name for all providers.
    pub async fn registry_modules_named(
        &mut self,
        organization: &OrgId,
        name: &RegistryModuleName,
    ) -> Result<Vec<RegistryModule>, StoreError> {
        let rows = self
            .all(
                "SELECT * FROM registry_modules WHERE organization_id = $1 AND name = $2 ORDER BY created_at, id",
                &[organization.into(), name.as_str().into()],
            )
            .await?;
        rows.iter().map(module).collect()
    }

    /// A page of the modules of an organization, the oldest first, and how many there are.
    pub async fn registry_modules(
        &mut self,
        organization: &OrgId,
        filter: &RegistryModuleFilter,
        offset: u64,
        limit: u64,
    ) -> Result<(Vec<RegistryModule>, u64), StoreError> {
        let mut binds: Vec<Bind> = vec![
            organization.into(),
            filter.text.as_deref().map(contains).into(),
            filter.provider.clone().into(),
            filter.installable.into(),
        ];
        let total = self.total(filtered!("COUNT(*) AS total", ""), &binds).await?;
        binds.extend([limit.into(), offset.into()]);
        let rows =
            self.all(filtered!("m.*", " ORDER BY m.created_at, m.id LIMIT $5 OFFSET $6"), &binds).await?;
        Ok((rows.iter().map(module).collect::<Result<_, _>>()?, total))
    }

    /// Stores a new version of a module; one that is there is a conflict.
    pub async fn insert_module_version(&mut self, version: &RegistryModuleVersion) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO registry_module_versions (id, registry_module_id, version, status, commit_sha, error, \
             created_at, updated_at, archive_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            &[
                (&version.id).into(),
                (&version.registry_module_id).into(),
                version.version.to_string().into(),
                version.status.as_str().into(),
                version.commit_sha.clone().into(),
                version.error.clone().into(),
                version.created_at.into(),
                version.updated_at.into(),
                version.archive_id.clone().into(),
            ],
        )
        .await
        .map(drop)
    }

    /// The versions of a module, the newest first.
    pub async fn module_versions(
        &mut self,
        id: &RegistryModuleId,
    ) -> Result<Vec<RegistryModuleVersion>, StoreError> {
        let rows = self
            .all(
                "SELECT * FROM registry_module_versions WHERE registry_module_id = $1 ORDER BY id",
                &[id.into()],
            )
            .await?;
        let mut versions = rows.iter().map(version).collect::<Result<Vec<_>, _>>()?;
        versions.sort_by(|left, right| right.version.cmp(&left.version));
        Ok(versions)
    }

    /// One version of a module.
    pub async fn module_version(
        &mut self,
        id: &RegistryModuleId,
        wanted: &RegistryVersion,
    ) -> Result<Option<RegistryModuleVersion>, StoreError> {
        let row = self
            .optional(
                "SELECT * FROM registry_module_versions WHERE registry_module_id = $1 AND version = $2",
                &[id.into(), wanted.to_string().into()],
            )
            .await?;
        row.as_ref().map(version).transpose()
    }

    /// The version of a module of this id.
    pub async fn module_version_by_id(
        &mut self,
        id: &RegistryModuleVersionId,
    ) -> Result<Option<RegistryModuleVersion>, StoreError> {
        let row = self.optional("SELECT * FROM registry_module_versions WHERE id = $1", &[id.into()]).await?;
        row.as_ref().map(version).transpose()
    }

    /// Notes why an archive of a version was refused.
    pub async fn refuse_module_archive(
        &mut self,
        id: &RegistryModuleVersionId,
        error: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE registry_module_versions SET status = $2, error = $3, updated_at = $4 \
             WHERE id = $1 AND archive_id IS NULL",
            &[id.into(), ModuleVersionStatus::Failed.as_str().into(), error.into(), now.into()],
        )
        .await
        .map(drop)
    }

    /// Gives a version its archive; `false` when it has one already.
    pub async fn set_module_archive(
        &mut self,
        id: &RegistryModuleVersionId,
        archive: &str,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let changed = self
            .execute(
                "UPDATE registry_module_versions SET status = $2, archive_id = $3, error = NULL, updated_at = $4 \
                 WHERE id = $1 AND archive_id IS NULL",
                &[id.into(), ModuleVersionStatus::Ok.as_str().into(), archive.into(), now.into()],
            )
            .await?;
        self.execute(
            "UPDATE registry_modules SET updated_at = $2 \
             WHERE id = (SELECT registry_module_id FROM registry_module_versions WHERE id = $1)",
            &[id.into(), now.into()],
        )
        .await?;
        Ok(changed > 0)
    }

    /// The blobs of everything that an organization has in the registry.
    pub async fn registry_blobs(&mut self, organization: &OrgId) -> Result<Vec<String>, StoreError> {
        let mut blobs = Vec::new();
        for sql in [
            "SELECT v.archive_id AS blob FROM registry_module_versions v JOIN registry_modules m \
             ON m.id = v.registry_module_id WHERE m.organization_id = $1 AND v.archive_id IS NOT NULL",
            "SELECT v.checksums_id AS blob FROM registry_provider_versions v JOIN registry_providers p \
             ON p.id = v.registry_provider_id WHERE p.organization_id = $1 AND v.checksums_id IS NOT NULL",
            "SELECT v.signature_id AS blob FROM registry_provider_versions v JOIN registry_providers p \
             ON p.id = v.registry_provider_id WHERE p.organization_id = $1 AND v.signature_id IS NOT NULL",
            "SELECT b.archive_id AS blob FROM registry_platforms b JOIN registry_provider_versions v \
             ON v.id = b.registry_provider_version_id JOIN registry_providers p ON p.id = v.registry_provider_id \
             WHERE p.organization_id = $1 AND b.archive_id IS NOT NULL",
        ] {
            for row in self.all(sql, &[organization.into()]).await? {
                blobs.push(row.text("blob")?);
            }
        }
        Ok(blobs)
    }

    /// Removes a version of a module.
    pub async fn delete_module_version(&mut self, id: &RegistryModuleVersionId) -> Result<(), StoreError> {
        self.execute("DELETE FROM registry_module_versions WHERE id = $1", &[id.into()]).await.map(drop)
    }
}
