use std::sync::Arc;

use async_trait::async_trait;
use axum::response::IntoResponse as _;
use carnet_issuer::{
    IssuerError, IssuerUrl, KeyError, KeyReference, KeySource, KeySourceError, KeySources, PublicJwk,
    SigningKey,
};
use carnet_model::IssuerName;
use carnet_store::testing::{TestStore, is_on_postgres};
use carnet_store::{MasterKey, StoredPrivateKey};

use crate::error::ApiError;
use crate::oidc::{LoadIssuerError, load_issuer};
use crate::testing::{Answer, TestServer, URL};

async fn get(server: &TestServer, path: &str, known: Option<&str>) -> Answer {
    let headers: Vec<(&str, &str)> = known.map(|tag| ("if-none-match", tag)).into_iter().collect();
    server.send_with("GET", path, "", &headers, Vec::new()).await
}

#[track_caller]
fn check_headers(answer: &Answer) {
    assert_eq!(answer.headers["cache-control"], "public, max-age=300");
    assert!(answer.headers["etag"].to_str().expect("text").starts_with('"'));
}

#[tokio::test]
async fn anybody_reads_the_discovery_document() {
    let server = TestServer::new().await;
    let answer = get(&server, "/.well-known/openid-configuration", None).await;
    assert_eq!(
        (answer.status, answer.headers["content-type"].to_str().expect("text")),
        (200, "application/json")
    );
    check_headers(&answer);
    assert_eq!(
        answer.text(),
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

#[tokio::test]
async fn anybody_reads_the_key_set_and_nothing_secret_is_in_it() {
    let server = TestServer::new().await;
    let answer = get(&server, "/.well-known/jwks", None).await;
    assert_eq!(
        (answer.status, answer.headers["content-type"].to_str().expect("text")),
        (200, "application/json")
    );
    check_headers(&answer);
    let document = answer.json();
    let keys = document["keys"].as_array().expect("a list");
    assert_eq!(keys.len(), 1);
    let mut members: Vec<&str> = keys[0].as_object().expect("a key").keys().map(String::as_str).collect();
    members.sort_unstable();
    assert_eq!(members, ["alg", "e", "kid", "kty", "n", "use"]);
    assert_eq!(keys[0]["kid"], server.app.issuer.known().ring().current().expect("a key").kid().as_str());
}

#[tokio::test]
async fn what_a_client_has_is_not_sent_again() {
    let server = TestServer::new().await;
    for path in ["/.well-known/jwks", "/.well-known/openid-configuration"] {
        let first = get(&server, path, None).await;
        let tag = first.headers["etag"].to_str().expect("text").to_owned();
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let again = get(&server, path, Some(&known)).await;
            assert_eq!((again.status, again.body.len()), (304, 0), "{known}");
            check_headers(&again);
        }
        assert_eq!(get(&server, path, Some("\"other\"")).await.status, 200);
    }
}

#[tokio::test]
async fn an_issuer_below_a_path_is_served_there_too() {
    let server = TestServer::new().await;
    assert_eq!(get(&server, "/oidc/.well-known/jwks", None).await.status, 404);
    let routes = super::routes_below(&"https://carnet.example.com/oidc".parse().expect("a URL"));
    let (router, table) = routes.finish();
    assert_eq!(table.len(), 4);
    let request = axum::http::Request::get("/oidc/.well-known/jwks").body(axum::body::Body::empty());
    let router = router.with_state(Arc::clone(&server.app));
    let response = tower::ServiceExt::oneshot(router, request.expect("a request")).await.expect("infallible");
    assert_eq!(response.status(), 200);
}

#[tokio::test]
async fn the_key_made_at_the_first_start_is_the_key_of_the_next() {
    let place = TestStore::new().await;
    let now = "2026-01-05T10:00:00Z".parse().expect("a time");
    let mut kids = Vec::new();
    for _ in 0..2 {
        let store = place.open(MasterKey::from_bytes([7; 32])).await.expect("a store");
        let issuer = load_issuer(&store, URL.parse().expect("a URL"), KeySources::local(), now)
            .await
            .expect("an issuer");
        kids.push(issuer.known().ring().current().expect("a key").kid().to_string());
        assert_eq!(
            store
                .read()
                .await
                .expect("a transaction")
                .signing_keys(&IssuerName::Site)
                .await
                .expect("keys")
                .len(),
            1
        );
    }
    assert_eq!(kids[0], kids[1]);
    let files = ["carnet.db", "carnet.db-wal"].map(|name| std::fs::read(place.folder().join(name)));
    assert!(files[0].is_ok() || is_on_postgres());
    // The algorithm identifier of every RSA key in PKCS#8 (RFC 8017, appendix A.1) stands in none of the files.
    let marker: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
    for file in files.into_iter().flatten() {
        assert!(!file.windows(marker.len()).any(|window| window == marker));
    }
}

#[tokio::test]
async fn servers_that_start_at_once_sign_with_one_key() {
    let place = TestStore::new().await;
    let now = "2026-01-05T10:00:00Z".parse().expect("a time");
    let start = async || {
        let store = place.open(MasterKey::from_bytes([7; 32])).await.expect("a store");
        let issuer = load_issuer(&store, URL.parse().expect("a URL"), KeySources::local(), now)
            .await
            .expect("an issuer");
        issuer.known().ring().current().expect("a key").kid().to_string()
    };
    let (first, second) = tokio::join!(start(), start());
    assert_eq!(first, second);
}

/// A place that signs, and one that is away.
#[derive(Debug)]
struct Vaulted(SigningKey);

#[async_trait]
impl KeySource for Vaulted {
    fn scheme(&self) -> &'static str {
        "transit"
    }

    async fn make(&self) -> Result<(KeyReference, PublicJwk), KeySourceError> {
        Ok((KeyReference::new("transit", "transit/carnet#1"), self.0.public().clone()))
    }

    async fn sign(&self, _: &KeyReference, _: &[u8]) -> Result<Vec<u8>, KeySourceError> {
        Err(KeySourceError::NotReady {
            place: "https://bao.internal".to_owned(),
            reason: "sealed".to_owned(),
        })
    }
}

#[tokio::test]
async fn of_a_key_elsewhere_only_where_it_is_can_be_read_and_nobody_can_slip_in_another() {
    let place = TestStore::new().await;
    let now = "2026-01-05T10:00:00Z".parse().expect("a time");
    let url: IssuerUrl = URL.parse().expect("a URL");
    let store = place.open(MasterKey::from_bytes([7; 32])).await.expect("a store");
    let key = SigningKey::generate().expect("a key");
    let kid = key.kid().to_string();
    let sources = KeySources::local().making_keys_in(Arc::new(Vaulted(key)));
    for _ in 0..2 {
        let issuer = load_issuer(&store, url.clone(), sources.clone(), now).await.expect("an issuer");
        let known = issuer.known();
        assert_eq!(known.ring().current().expect("a key").kid().as_str(), kid);
        assert_eq!(
            known.ring().current().expect("a key").reference().map(KeyReference::as_str),
            Some("transit:transit/carnet#1")
        );
    }
    let refused = load_issuer(&store, url, KeySources::local(), now).await.expect_err("refused");
    let LoadIssuerError::Key(error) = &refused else { panic!("{refused:?}") };
    let cause = std::error::Error::source(error).expect("a cause").to_string();
    assert!(cause.contains("--transit-address"), "{cause}");
    let mut tx = store.read().await.expect("a transaction");
    let stored = tx.signing_keys(&IssuerName::Site).await.expect("keys");
    assert!(matches!(&stored[0].private, StoredPrivateKey::Elsewhere { .. }));
}

#[tokio::test]
async fn a_run_is_told_what_helps_when_the_place_of_the_key_does_not_sign() {
    let source =
        KeySourceError::NotReady { place: "https://bao.internal".to_owned(), reason: "sealed".to_owned() };
    let reference = KeyReference::new("transit", "transit/carnet#1");
    let error: ApiError = IssuerError::Key(KeyError::Elsewhere { reference, source }).into();
    let response = error.into_response();
    assert_eq!(
        (response.status().as_u16(), response.headers()["retry-after"].to_str().ok()),
        (503, Some("1"))
    );
    let body = axum::body::to_bytes(response.into_body(), 4096).await.expect("a body");
    let text = String::from_utf8(body.to_vec()).expect("text");
    assert!(text.contains("could not be signed") && text.contains("perhaps it is sealed"), "{text}");
    assert!(!text.contains("bao.internal"), "{text}");
}
