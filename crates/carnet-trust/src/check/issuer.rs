//! The issuer of a token, as far as every service looks at it in the same way.

use super::{
    Cause, Claims, Family, Finding,
    judgement::{Checked, refused},
};

/// A token must say who issued it; the clouds and Kubernetes look for keys over `https://` alone.
pub(super) fn check(family: Family, claims: &Claims) -> Checked {
    let service = match family {
        Family::Aws => "AWS",
        Family::Azure => "Entra",
        Family::Gcp => "Google Cloud",
        Family::Kubernetes => "Kubernetes",
        // It can be given keys, and compares no issuer unless it is told to.
        Family::Vault => return Ok(()),
    };
    if claims.issuer().is_empty() {
        let says = "the token does not say who issued it";
        return refused(
            Finding::new("iss", Cause::ClaimMissing, says)
                .helped("present a whole token, or claims that have iss, sub and aud"),
        );
    }
    if claims.issuer().starts_with("http://") {
        let says = format!("the issuer begins with http://, and {service} takes issuers over https:// alone");
        return refused(Finding::new("iss", Cause::Scheme, says).helped(
            "give the issuer an address with https:// (--url, --issuer-url): no policy puts this right",
        ));
    }
    Ok(())
}
