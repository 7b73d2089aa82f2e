//! What the tests of this crate share: two keys, an issuer, an identity and a moment.

use std::{
    sync::LazyLock,
    task::{Context, Poll, Waker},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use carnet_model::{Phase, Timestamp, WorkloadIdentity};
use secrecy::ExposeSecret as _;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::{Audience, Issuer, IssuerUrl, Jti, KeyRing, MintRequest, SigningKey};

static KEYS: LazyLock<[Zeroizing<Vec<u8>>; 2]> = LazyLock::new(|| {
    let new_key = || SigningKey::generate().expect("a key").to_pkcs8().expect("bytes");
    [new_key(), new_key()]
});

pub(crate) fn key() -> SigningKey {
    SigningKey::from_pkcs8(&KEYS[0]).expect("a key")
}

pub(crate) fn other_key() -> SigningKey {
    SigningKey::from_pkcs8(&KEYS[1]).expect("a key")
}

pub(crate) fn issuer_url() -> IssuerUrl {
    "https://carnet.example.com".parse().expect("a URL")
}

pub(crate) fn issuer() -> Issuer {
    Issuer::new(issuer_url(), KeyRing::single(key()))
}

pub(crate) fn audience() -> Audience {
    "aws.workload.identity".parse().expect("an audience")
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_millisecond(1_700_000_000_250).expect("a time")
}

pub(crate) fn identity(phase: Phase) -> WorkloadIdentity {
    WorkloadIdentity {
        organization_id: "org-GRNbCjYNpBB6NEBH".parse().expect("an id"),
        organization_name: "acme".parse().expect("a name"),
        project_id: "prj-vegSA59s1XPwMr2t".parse().expect("an id"),
        project_name: "Default Project".parse().expect("a name"),
        workspace_id: "ws-mbsd5E3Ktt5Rg2Xm".parse().expect("an id"),
        workspace_name: "net-prod".parse().expect("a name"),
        run_id: "run-X3n1AUXNGWbfECsJ".parse().expect("an id"),
        phase,
    }
}

/// The result of a future that has nothing to wait for: signing with a key that is here.
pub(crate) fn at_once<T>(future: impl Future<Output = T>) -> T {
    match std::pin::pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result,
        Poll::Pending => panic!("it waits for something"),
    }
}

/// A plan's token that lives ten minutes.
pub(crate) fn token() -> String {
    let request = MintRequest {
        audience: audience(),
        lifetime: Duration::from_secs(600),
        jti: Jti::from_entropy([7; 16]),
    };
    let minted = at_once(issuer().mint(&identity(Phase::Plan), request, now())).expect("a token");
    minted.token.expose_secret().to_owned()
}

pub(crate) fn claims(token: &str) -> Map<String, Value> {
    let claims = token.split('.').nth(1).expect("claims");
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("base64url")).expect("JSON")
}
