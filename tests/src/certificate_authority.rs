//! A certificate authority that nobody else trusts.

use std::path::{Path, PathBuf};

use anyhow::Context;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};
use tempfile::TempDir;

/// A throw-away certificate authority.
#[derive(Debug)]
pub struct CertificateAuthority {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
    is_expired: bool,
    folder: TempDir,
}

/// A certificate for `localhost`, `127.0.0.1` and `::1`, with its key.
#[derive(Debug, Clone)]
pub struct ServerCertificate {
    /// The certificate.
    pub certificate_pem: String,
    /// The private key.
    pub key_pem: String,
}

impl CertificateAuthority {
    /// Makes a new authority.
    pub fn new() -> anyhow::Result<Self> {
        Self::make(false)
    }

    /// Makes an authority whose time is over, as is that of everything it issues.
    pub fn expired() -> anyhow::Result<Self> {
        Self::make(true)
    }

    fn make(is_expired: bool) -> anyhow::Result<Self> {
        let mut params = CertificateParams::new(Vec::new())?;
        if is_expired {
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "Carnet test authority");
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        let folder = tempfile::tempdir().context("no temporary directory")?;
        std::fs::write(folder.path().join("ca.pem"), &pem)?;
        Ok(Self { issuer: Issuer::new(params, key), pem, is_expired, folder })
    }

    /// The authority's certificate.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// The file that holds the authority's certificate.
    pub fn pem_file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// Issues a certificate for servers on this machine.
    pub fn issue(&self) -> anyhow::Result<ServerCertificate> {
        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut params = CertificateParams::new(names)?;
        if self.is_expired {
            params.not_after = date_time_ymd(2020, 1, 1);
        }
        params.distinguished_name.push(DnType::CommonName, "localhost");
        params.use_authority_key_identifier_extension = true;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(ServerCertificate { certificate_pem: certificate.pem(), key_pem: key.serialize_pem() })
    }

    /// Issues a certificate into `folder`: the files `server.pem` and `server.key`.
    pub(crate) fn issue_into(&self, folder: &Path) -> anyhow::Result<(PathBuf, PathBuf)> {
        let issued = self.issue()?;
        let (certificate, key) = (folder.join("server.pem"), folder.join("server.key"));
        std::fs::write(&certificate, issued.certificate_pem)?;
        std::fs::write(&key, issued.key_pem)?;
        Ok((certificate, key))
    }
}
