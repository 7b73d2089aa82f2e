//! Federated credentials of Entra: exact by nature, but for expressions.

use serde_json::Value;

use super::{Wide, pattern};
use crate::check::Trust;

pub(super) fn scan(trust: &Trust) -> Vec<Wide> {
    let list = trust.policy.get("value").unwrap_or(&trust.policy);
    let all: Vec<&Value> = list.as_array().map_or(vec![list], |list| list.iter().collect());
    let mut found = Vec::new();
    for (index, one) in all.iter().enumerate() {
        let stated = &one["claimsMatchingExpression"];
        let expression = stated.get("value").unwrap_or(stated).as_str().unwrap_or_default();
        let at = format!("[{index}].claimsMatchingExpression");
        let pattern =
            expression.split("claims['sub'] matches '").nth(1).and_then(|rest| rest.split('\'').next());
        found.extend(pattern.and_then(|pattern| pattern::examine(&at, pattern)));
    }
    let subjects: Vec<&str> = all.iter().filter_map(|one| one["subject"].as_str()).collect();
    found.extend(pattern::both_phases("the list", &subjects));
    found
}
