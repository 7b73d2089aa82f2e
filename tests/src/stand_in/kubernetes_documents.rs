//! The documents that the stand-in of Kubernetes answers with.

use std::collections::BTreeSet;

use serde_json::{Value, json};

pub(super) fn version() -> Value {
    json!({
        "major": "1", "minor": "34", "gitVersion": "v1.34.0", "gitCommit": "0", "gitTreeState": "clean",
        "buildDate": "2025-08-27T10:00:00Z", "goVersion": "go1.24", "compiler": "gc", "platform": "linux/amd64",
    })
}

pub(super) fn core_versions() -> Value {
    json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
}

pub(super) fn groups() -> Value {
    let version = json!({"groupVersion": "authentication.k8s.io/v1", "version": "v1"});
    let group = json!({"name": "authentication.k8s.io", "versions": [version], "preferredVersion": version});
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]})
}

pub(super) fn core_resources() -> Value {
    let namespaces = json!({
        "name": "namespaces", "singularName": "namespace", "namespaced": false, "kind": "Namespace",
        "verbs": ["create", "list"], "shortNames": ["ns"],
    });
    json!({"kind": "APIResourceList", "groupVersion": "v1", "resources": [namespaces]})
}

pub(super) fn authentication_resources() -> Value {
    let reviews = json!({
        "name": "selfsubjectreviews", "singularName": "selfsubjectreview", "namespaced": false,
        "kind": "SelfSubjectReview", "verbs": ["create"],
    });
    json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": "authentication.k8s.io/v1",
           "resources": [reviews]})
}

pub(super) fn review(user: &str, group: &str, token_id: &str) -> Value {
    json!({
        "kind": "SelfSubjectReview", "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"creationTimestamp": null},
        "status": {"userInfo": {
            "username": user, "groups": [group, "system:authenticated"],
            "extra": {"authentication.kubernetes.io/credential-id": [format!("JTI={token_id}")]},
        }},
    })
}

pub(super) fn namespace(name: &str) -> Value {
    json!({
        "kind": "Namespace", "apiVersion": "v1",
        "metadata": {"name": name, "uid": uuid::Uuid::new_v4().to_string(), "creationTimestamp": "2025-08-27T10:00:00Z"},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    })
}

pub(super) fn namespaces(names: &BTreeSet<String>) -> Value {
    let items: Vec<Value> = names.iter().map(|name| namespace(name)).collect();
    json!({"kind": "NamespaceList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items})
}

pub(super) fn failure(code: u16, reason: &str, text: &str) -> Value {
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": text, "reason": reason,
        "code": code,
    })
}
