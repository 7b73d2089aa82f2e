//! One address for one thing: clients write slashes that name nothing.

use axum::extract::Request;
use axum::http::Uri;
use axum::http::uri::PathAndQuery;

/// Takes empty segments out of the path of a request of the API: terrasnek ends the addresses of some lists with a
/// slash, and doubles it in others.
pub(crate) fn without_empty_segments(mut request: Request) -> Request {
    if let Some(plain) = plain(request.uri()) {
        *request.uri_mut() = plain;
    }
    request
}

/// The address without empty segments; `None` when it has none.
fn plain(uri: &Uri) -> Option<Uri> {
    let path = uri.path();
    if !path.starts_with("/api/") || !(path.ends_with('/') || path.contains("//")) {
        return None;
    }
    let mut plain = String::new();
    for segment in path.split('/').filter(|segment| !segment.is_empty()) {
        plain.push('/');
        plain.push_str(segment);
    }
    if let Some(query) = uri.query() {
        plain.push('?');
        plain.push_str(query);
    }
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(plain.parse::<PathAndQuery>().ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(uri: &str, expected: Option<&str>) {
        let uri: Uri = uri.parse().expect("a URI");
        assert_eq!(plain(&uri).map(|uri| uri.to_string()).as_deref(), expected);
    }

    #[test]
    fn empty_segments_are_left_out() {
        check("/api/v2/workspaces/ws-1/vars/", Some("/api/v2/workspaces/ws-1/vars"));
        check(
            "/api/v2/registry-modules/private/acme/net//aws",
            Some("/api/v2/registry-modules/private/acme/net/aws"),
        );
        check(
            "https://localhost/api/v2/runs/?page[size]=1",
            Some("https://localhost/api/v2/runs?page[size]=1"),
        );
        check("/api/v2/runs//", Some("/api/v2/runs"));
    }

    #[test]
    fn everything_else_stays() {
        check("/api/v2/workspaces/ws-1/vars", None);
        check("/api/v2/workspaces?q=a//b/", None);
        check("/app//acme/", None);
        check("/", None);
    }
}
