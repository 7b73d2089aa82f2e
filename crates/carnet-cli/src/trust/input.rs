//! What is judged: policies, tokens and claims from files and from standard input.

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use carnet_issuer::Jwks;
use carnet_trust::check::Claims;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

/// No policy and no token is longer.
const LIMIT: u64 = 4 << 20;

/// The text of a file, or of standard input for `-`.
pub(super) fn text(file: &Path) -> anyhow::Result<SecretString> {
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin().take(LIMIT).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|opened| opened.take(LIMIT).read_to_string(&mut text))
    };
    read.with_context(|| format!("{} cannot be read", file.display()))?;
    Ok(SecretString::from(text))
}

/// A document of JSON. A policy that stands in another document as text, as consoles show it, is read, too.
pub(super) fn document(file: &Path) -> anyhow::Result<Value> {
    let text = text(file)?;
    let found = serde_json::from_str(text.expose_secret());
    let value: Value = found.map_err(|error| {
        anyhow::anyhow!(
            "{} is not JSON (line {}, column {}); YAML becomes JSON with: yq -o=json . FILE",
            file.display(),
            error.line(),
            error.column()
        )
    })?;
    Ok(match value.as_str().map(serde_json::from_str) {
        Some(Ok(inner)) => inner,
        Some(Err(_)) | None => value,
    })
}

/// Claims that were written by hand.
pub(super) fn claims(file: &Path) -> anyhow::Result<Claims> {
    match document(file)? {
        Value::Object(members) => Ok(Claims::new(members)),
        _ => bail!("{} holds no JSON object of claims", file.display()),
    }
}

/// A token's claims, and what is known of its signature. No error repeats a part of the token.
pub(super) fn token(file: &Path, jwks: Option<&Path>) -> anyhow::Result<(Claims, &'static str)> {
    let text = text(file)?;
    let token = text.expose_secret().trim();
    let mut parts = token.split('.');
    let (Some(header), Some(payload), Some(signature), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        bail!("{} holds no token: a token has three parts with dots between them", file.display());
    };
    let (header, payload_members) = (members(header, "header")?, members(payload, "payload")?);
    let said = match jwks {
        None => "the signature was not checked; give the issuer's key set with --jwks to have it checked",
        Some(jwks) => {
            let keys = self::text(jwks)?;
            let keys: Jwks = serde_json::from_str(keys.expose_secret())
                .with_context(|| format!("{} holds no key set", jwks.display()))?;
            let kid =
                header.get("kid").and_then(Value::as_str).context("the header of the token names no key")?;
            let key = keys.find(kid).with_context(|| format!("the key set has no key {kid:?}"))?;
            let signed = token.rsplit_once('.').map_or("", |(signed, _)| signed);
            let signature =
                URL_SAFE_NO_PAD.decode(signature).ok().context("the signature is no base64url")?;
            if !key.is_signature_of(signed.as_bytes(), &signature) {
                bail!("the signature of the token is wrong: it was changed, or another key made it");
            }
            "the signature is right"
        }
    };
    let named = |name: &str| header.get(name).and_then(Value::as_str).map(str::to_owned);
    Ok((Claims::new(payload_members).signed_with(named("alg")).with_key(named("kid")), said))
}

fn members(part: &str, name: &str) -> anyhow::Result<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok();
    let value = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    value.with_context(|| format!("the {name} of the token cannot be read"))
}
