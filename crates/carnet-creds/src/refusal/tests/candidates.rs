//! Which configurations a message is about, and how often it is explained.

use super::*;

const DENIED: &str = "operation error STS: AssumeRoleWithWebIdentity, https response error StatusCode: 403, RequestID: 1, api \
                      error AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity";

fn tagged(tag: &str, role: &str) -> Presented {
    let tag = Some(tag.parse().unwrap()).filter(|_| !tag.is_empty());
    Presented { tag, ..presented(FamilyName::Aws, role, "aws.workload.identity") }
}

fn summaries(presented: &[Presented], text: &str) -> Vec<String> {
    explained(presented, text, "").iter().map(|refusal| refusal.summary().to_owned()).collect()
}

#[test]
fn a_message_that_names_a_role_is_about_that_role() {
    let both = [tagged("A", "arn:aws:iam::1:role/a"), tagged("B", "arn:aws:iam::1:role/b")];
    let named = format!("assuming arn:aws:iam::1:role/b: {DENIED}");
    assert_eq!(summaries(&both, &named), ["AWS (tag \"B\") refused the identity of the run"]);
}

#[test]
fn a_message_that_names_none_is_about_each() {
    let both = [tagged("A", "arn:aws:iam::1:role/a"), tagged("B", "arn:aws:iam::1:role/b")];
    let found = explained(&both, DENIED, "");
    assert_eq!(found.len(), 2);
    assert!(
        found[0].to_string().contains("the message does not say whether this or AWS (tag \"B\")"),
        "{}",
        found[0]
    );
    assert!(
        found[1].to_string().contains("(from TFC_AWS_PLAN_ROLE_ARN_B or TFC_AWS_RUN_ROLE_ARN_B)"),
        "{}",
        found[1]
    );
}

#[test]
fn the_same_refusal_is_explained_once_and_a_log_is_never_flooded() {
    let one = [tagged("A", "arn:aws:iam::1:role/a")];
    let twice = [boxed(DENIED, ""), boxed(DENIED, "")].concat();
    assert_eq!(find(&messages(&twice), &one).len(), 1);
    let many: Vec<Presented> =
        (0..20).map(|number| tagged(&format!("T{number}"), &format!("arn:{number}"))).collect();
    assert_eq!(find(&messages(&boxed(DENIED, "")), &many).len(), 4);
}

#[test]
fn a_family_that_is_off_is_never_blamed() {
    assert_eq!(find(&messages(&boxed(DENIED, "")), &[]), []);
}

#[test]
fn what_a_program_prints_cannot_break_the_block() {
    let one = [tagged("A", "arn:aws:iam::1:role/a")];
    let endless = format!("api error AccessDenied: AssumeRoleWithWebIdentity {}", "ä".repeat(100_000));
    let found = find(&messages(&endless), &one);
    assert!(found[0].to_string().len() < 4000, "{}", found[0]);
    assert!(found[0].details().iter().all(|line| !line.chars().any(char::is_control)));
}
