use clap::Parser as _;
use serde_json::json;

use super::{keys, tokens};
use crate::cli::Cli;

#[test]
fn the_listing_says_what_happens_next_and_when() {
    let key = |kid: &str, state: &str, step: Option<&str>, at: Option<&str>| {
        json!({ "kid": kid, "state": state, "created_at": "2026-01-05T10:00:00Z", "tokens_alive": 3,
            "activated_at": "2026-01-05T11:00:00Z", "next_step": step, "next_step_at": at })
    };
    let text = keys::listing(&json!({
        "issuer": { "issuer": "site", "url": "https://carnet.example.com" },
        "policy": { "rotation_seconds": null, "jwks_max_age_seconds": 300, "announcement_seconds": 86400 },
        "next_key_at": null,
        "held_back": "https://bao.example.com does not answer",
        "not_signing": null,
        "keys": [
            key("first", "active", None, None),
            key("second", "prepared", Some("publish"), Some("2026-01-05T12:00:00Z")),
            key("third", "published", Some("activate"), None),
        ],
    }));
    for expected in [
        "site  https://carnet.example.com",
        "first   active     2026-01-05T11:00:00Z  3       -         -",
        "second  prepared   2026-01-05T10:00:00Z  3       publish   2026-01-05T12:00:00Z",
        "when it was seen outside",
        "HELD BACK: https://bao.example.com does not answer",
        "on request only",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
}

#[test]
fn the_listing_says_how_long_the_key_that_waits_is_published() {
    let told = |asked: u64, wait: u64, consequences: &[&str]| {
        keys::listing(&json!({
            "issuer": { "issuer": "site", "url": "https://carnet.example.com" },
            "policy": { "rotation_seconds": 1, "jwks_max_age_seconds": 300, "announcement_seconds": 86400 },
            "keys": [{ "kid": "next", "state": "published", "published_at": "2026-01-05T10:00:00Z",
                "next_step": "activate", "next_step_at": null, "announcement_seconds": asked, "wait_seconds": wait,
                "signs_not_before": "2026-01-07T10:00:00Z" }],
            "consequences": consequences,
        }))
    };
    let long = told(172_800, 172_800, &[]);
    assert!(long.contains("when it was seen outside, not before 2026-01-07T10:00:00Z"), "{long}");
    assert!(long.contains("next is published for at least 172800 s before it signs.\n"), "{long}");
    assert!(!long.contains("86400"), "{long}");
    let short = told(1, 360, &["Tokens are signed with it."]);
    assert!(
        short.contains("at least 360 s before it signs. The 1 s that were asked for were raised"),
        "{short}"
    );
    assert!(short.ends_with("- Tokens are signed with it.\n"), "{short}");
}

#[test]
fn the_tokens_of_a_key_are_counted_by_what_they_were_for() {
    let token = |jti: &str, run: &str, role: Option<&str>| {
        json!({ "jti": jti, "run_id": run, "role": role, "workspace_id": "ws-1", "organization_id": "org-1",
            "audience": "aws.workload.identity" })
    };
    let answer = json!({ "tokens": [
        token("a", "run-1", Some("arn:aws:iam::1:role/plan")),
        token("b", "run-1", None),
        token("c", "run-2", Some("arn:aws:iam::1:role/plan")),
    ] });
    let text = tokens::listing(&answer);
    assert!(
        text.ends_with("3 tokens of 2 runs in 1 workspaces of 1 organizations, 1 audiences, 1 roles\n"),
        "{text}"
    );
    assert!(text.contains("arn:aws:iam::1:role/plan"));
}

#[test]
fn a_key_whose_name_begins_with_a_hyphen_can_be_named() {
    let words = ["carnet", "issuer", "revoke", "-xYz", "--server", "https://carnet.example.com"];
    assert!(Cli::try_parse_from(words).is_ok());
    let both =
        ["carnet", "issuer", "rotate", "--at-once", "--announce", "5m", "--server", "https://a.example"];
    assert!(Cli::try_parse_from(both).is_err(), "at once is without an announcement");
}
