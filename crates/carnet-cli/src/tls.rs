//! Certificates of the server: from files, or from an authority in the data directory.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use jiff::ToSpan as _;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::edge;

/// A server's certificate and, where we made it, the authority that clients must trust.
pub(crate) struct ServerTls {
    pub(crate) config: Arc<ServerConfig>,
    pub(crate) authority_pem: Option<Vec<u8>>,
}

/// Reads a certificate chain and its key.
pub(crate) fn from_files(certificate: &Path, key: &Path) -> anyhow::Result<ServerTls> {
    let chain = fs::read(certificate).with_context(|| format!("{} cannot be read", certificate.display()))?;
    let key_pem = fs::read(key).with_context(|| format!("{} cannot be read", key.display()))?;
    let config = config(&chain, &key_pem)
        .with_context(|| format!("{} and {} cannot be used", certificate.display(), key.display()))?;
    Ok(ServerTls { config, authority_pem: None })
}

/// Makes a certificate for this start from the authority in `folder`, which is made with the first.
pub(crate) fn automatic(folder: &Path, host: Option<&str>) -> anyhow::Result<ServerTls> {
    fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
    let (authority_file, key_file) = (folder.join("ca.pem"), folder.join("ca.key"));
    match (authority_file.exists(), key_file.exists()) {
        (true, true) => {}
        (false, false) => make_authority(&authority_file, &key_file)?,
        // A new authority would be one that no client trusts.
        (has_certificate, _) => {
            let missing = if has_certificate { &key_file } else { &authority_file };
            bail!(
                "{} is missing: put it back, or remove {} altogether for a new authority that every client must then trust",
                missing.display(),
                folder.display()
            );
        }
    }
    let authority_pem = fs::read_to_string(&authority_file)?;
    let authority_key =
        KeyPair::from_pem(&fs::read_to_string(&key_file)?).context("the authority's key is damaged")?;
    let issuer =
        Issuer::from_ca_cert_pem(&authority_pem, authority_key).context("the authority is damaged")?;
    let mut names = vec!["localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    names.extend(host.map(str::to_owned).filter(|host| !names.contains(host)));
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "Carnet server");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    lasts(&mut params, SERVER_DAYS)?;
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, &issuer)?;
    let config = config(certificate.pem().as_bytes(), key.serialize_pem().as_bytes())?;
    Ok(ServerTls { config, authority_pem: Some(authority_pem.into_bytes()) })
}

/// How long the authority lasts: clients have stored it.
const AUTHORITY_DAYS: i64 = 3650;

/// How long a server's certificate lasts; every start makes a new one.
const SERVER_DAYS: i64 = 825;

/// Sets the life of a certificate, from yesterday on for clocks that run late.
fn lasts(params: &mut CertificateParams, days: i64) -> anyhow::Result<()> {
    let today = edge::now().to_zoned(TimeZone::UTC).date();
    let moment = |date: Date| -> anyhow::Result<_> {
        Ok(date_time_ymd(i32::from(date.year()), u8::try_from(date.month())?, u8::try_from(date.day())?))
    };
    params.not_before = moment(today.checked_sub(1.day())?)?;
    params.not_after = moment(today.checked_add(days.days())?)?;
    Ok(())
}

fn make_authority(authority_file: &Path, key_file: &Path) -> anyhow::Result<()> {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Carnet local authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    lasts(&mut params, AUTHORITY_DAYS)?;
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    write_private(key_file, authority.key().serialize_pem().as_bytes())?;
    fs::write(authority_file, authority.pem())
        .with_context(|| format!("{} cannot be written", authority_file.display()))
}

fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("{} cannot be written", path.display()))?;
    file.write_all(bytes)?;
    Ok(file.sync_all()?)
}

fn config(chain_pem: &[u8], key_pem: &[u8]) -> anyhow::Result<Arc<ServerConfig>> {
    let chain = CertificateDer::pem_slice_iter(chain_pem)
        .collect::<Result<Vec<_>, _>>()
        .context("the certificate is not PEM")?;
    if chain.is_empty() {
        bail!("the certificate file holds no certificate in PEM");
    }
    let key = PrivateKeyDer::from_pem_slice(key_pem).context("the key file holds no private key in PEM")?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .context("the certificate and the private key do not belong together")?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_an_authority_is_not_replaced() {
        let folder = std::env::temp_dir().join(format!("carnet-tls-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let first = automatic(&folder, None).expect("made").authority_pem;
        assert_eq!(automatic(&folder, Some("carnet.example.org")).expect("read").authority_pem, first);
        fs::remove_file(folder.join("ca.key")).expect("removed");
        assert!(automatic(&folder, None).is_err());
        assert_eq!(fs::read(folder.join("ca.pem")).ok(), first);
        fs::remove_dir_all(&folder).expect("removed");
    }
}
