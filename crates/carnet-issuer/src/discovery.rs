//! The documents that relying parties read.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use crate::IssuerUrl;

/// Every claim that a token of a workspace run can have.
const CLAIMS: [&str; 16] = [
    "sub",
    "aud",
    "exp",
    "iat",
    "iss",
    "jti",
    "nbf",
    "terraform_run_phase",
    "terraform_workspace_id",
    "terraform_workspace_name",
    "terraform_organization_id",
    "terraform_organization_name",
    "terraform_project_id",
    "terraform_project_name",
    "terraform_run_id",
    "terraform_full_workspace",
];

/// The OpenID Connect discovery document of an issuer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscoveryDocument {
    /// The issuer's URL, byte for byte the claim `iss`.
    pub issuer: String,
    /// Where the key set is.
    pub jwks_uri: String,
    /// What the issuer answers with: identity tokens only.
    pub response_types_supported: Vec<String>,
    /// How subjects are named: the same for every relying party.
    pub subject_types_supported: Vec<String>,
    /// How tokens are signed.
    pub id_token_signing_alg_values_supported: Vec<String>,
    /// The scopes: OpenID Connect's own.
    pub scopes_supported: Vec<String>,
    /// The claims that tokens can have.
    pub claims_supported: Vec<String>,
}

impl DiscoveryDocument {
    /// Makes the document of an issuer.
    pub fn new(url: &IssuerUrl) -> Self {
        let list = |values: &[&str]| values.iter().copied().map(str::to_owned).collect();
        Self {
            issuer: url.as_str().to_owned(),
            jwks_uri: url.jwks_url(),
            response_types_supported: list(&["id_token"]),
            subject_types_supported: list(&["public"]),
            id_token_signing_alg_values_supported: list(&["RS256"]),
            scopes_supported: list(&["openid"]),
            claims_supported: list(&CLAIMS),
        }
    }

    /// The document as it is served.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("lists of texts can always be written as JSON")
    }
}

/// The strong entity tag (RFC 9110, section 8.8.3) of a document's bytes, with its quotes.
pub fn etag(document: &[u8]) -> String {
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest(&SHA256, document)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    #[test]
    fn the_discovery_document_is_that_of_hcp_terraform() {
        let document = DiscoveryDocument::new(&fixture::issuer_url());
        assert_eq!(
            String::from_utf8(document.to_json()).expect("text"),
            concat!(
                r#"{"issuer":"https://carnet.example.com","jwks_uri":"https://carnet.example.com/.well-known/jwks","#,
                r#""response_types_supported":["id_token"],"subject_types_supported":["public"],"#,
                r#""id_token_signing_alg_values_supported":["RS256"],"scopes_supported":["openid"],"#,
                r#""claims_supported":["sub","aud","exp","iat","iss","jti","nbf","terraform_run_phase","#,
                r#""terraform_workspace_id","terraform_workspace_name","terraform_organization_id","#,
                r#""terraform_organization_name","terraform_project_id","terraform_project_name","terraform_run_id","#,
                r#""terraform_full_workspace"]}"#,
            )
        );
    }

    #[test]
    fn every_claim_of_a_token_is_announced() {
        let token = fixture::token();
        let document = DiscoveryDocument::new(&fixture::issuer_url());
        let mut claims: Vec<_> = fixture::claims(&token).keys().cloned().collect();
        let mut announced = document.claims_supported;
        claims.sort();
        announced.sort();
        assert_eq!(claims, announced);
    }

    #[test]
    fn the_key_set_has_exactly_the_members_that_relying_parties_take() {
        let jwks = fixture::issuer().jwks();
        let json = String::from_utf8(jwks.to_json()).expect("text");
        let (kid, value) =
            (fixture::key().kid().to_string(), serde_json::to_value(&jwks.keys[0]).expect("a key"));
        let n = value["n"].as_str().expect("a modulus");
        assert_eq!(
            json,
            format!(
                r#"{{"keys":[{{"kty":"RSA","use":"sig","alg":"RS256","kid":"{kid}","n":"{n}","e":"AQAB"}}]}}"#
            )
        );
        assert_eq!(n.len(), 342);
        assert_eq!(serde_json::from_str::<crate::Jwks>(&json).expect("a key set"), jwks);
    }

    #[test]
    fn the_etag_is_strong_and_follows_the_bytes() {
        assert_eq!(etag(b""), "\"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU\"");
        assert_ne!(etag(b"{}"), etag(b"{ }"));
    }
}
