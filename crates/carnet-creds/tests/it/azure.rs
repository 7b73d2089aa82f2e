//! Tokens that the agent serves, and that must be as fresh as those in files.

use secrecy::ExposeSecret;

use crate::world::{World, env, file, refreshed};

const ON: (&str, &str) = ("TFC_AZURE_PROVIDER_AUTH", "true");
const CLIENT: (&str, &str) = ("TFC_AZURE_RUN_CLIENT_ID", "00000000-0000-0000-0000-00000000000c");

#[tokio::test]
async fn a_served_token_is_replaced_in_time() {
    let mut world = World::new();
    let mut credentials =
        world.obtain(&[ON, CLIENT, ("TFC_AZURE_TOKEN_SOURCE", "request_url")]).await.unwrap();
    assert_eq!(env(&credentials, "ARM_OIDC_TOKEN"), None);
    world.clock.advance(300);
    let refreshed = refreshed(&mut credentials).await;
    let minted = world.issuer.minted.lock().unwrap().clone();
    assert_eq!(minted.len(), 2);
    for served in [&refreshed.served, &credentials.injection().served] {
        let served: Vec<_> =
            served.iter().map(|one| (one.path.as_str(), one.token.expose_secret())).collect();
        assert_eq!(served, [("azure", minted[1].as_str())]);
    }
    assert_eq!(refreshed.files.len(), 1, "the client id stays as it is");
    assert_eq!(file(&credentials, "tfc-azure-token"), minted[1]);
}

#[tokio::test]
async fn a_token_that_is_read_once_is_never_replaced() {
    let mut world = World::new();
    let credentials = world.obtain(&[ON, CLIENT]).await.unwrap();
    assert_eq!(credentials.next_refresh_at(), None);
    let minted = world.issuer.minted.lock().unwrap().clone();
    // The provider fails where the variable and the file differ.
    assert_eq!(env(&credentials, "ARM_OIDC_TOKEN").as_deref(), Some(minted[0].as_str()));
    assert_eq!(file(&credentials, "tfc-azure-token"), minted[0]);
    assert_eq!(credentials.report()[0].expires_at.unwrap().as_second(), 1_700_007_200);
}
