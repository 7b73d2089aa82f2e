//! The issuer itself says no: an issuance policy, or variables that lead to no such token.

use super::{Advice, Refusal};

/// What was asked for.
pub(crate) struct Asked<'a> {
    /// The configuration as messages name it.
    pub(crate) title: String,
    /// The claim `sub` that the token would carry.
    pub(crate) subject: &'a str,
    pub(crate) audience: &'a str,
    pub(crate) role: Option<&'a str>,
}

/// Explains why no identity token was made: nothing was presented to anybody.
pub(crate) fn not_allowed(asked: &Asked<'_>, cause: String, fix: Vec<String>) -> Refusal {
    let Asked { title, subject, audience, role } = asked;
    let role = role.map(|role| format!(", for the role {role}")).unwrap_or_default();
    let advice = Advice { cause, fix, difference: None };
    Refusal::of(format!("{title}: this run may not have an identity token"))
        .tried(&format!("an identity token for the audience {audience}{role}"))
        .row("as:", subject)
        .advised(&advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_names_what_was_asked_for_and_the_way_out() {
        let asked = Asked {
            title: "AWS (tag \"BLUE\")".to_owned(),
            subject: "organization:acme:project:p:workspace:net:run_phase:apply",
            audience: "aws.workload.identity",
            role: Some("arn:aws:iam::1:role/admin"),
        };
        let fix = vec!["use another role".to_owned(), "or: change the policy".to_owned()];
        let block = not_allowed(&asked, "statement \"a\" does not allow it".to_owned(), fix).to_string();
        assert_eq!(
            block,
            "AWS (tag \"BLUE\"): this run may not have an identity token\n\
             \x20 tried:      an identity token for the audience aws.workload.identity, for the role arn:aws:iam::1:role/admin\n\
             \x20 as:         organization:acme:project:p:workspace:net:run_phase:apply\n\
             \x20 cause:      statement \"a\" does not allow it\n\
             \x20 likely fix: use another role\n\
             \x20             or: change the policy"
        );
    }
}
