//! Federated credentials of Entra: exact by nature, but for expressions.

use serde_json::Map;

use super::{
    Wide,
    literal::literals,
    pattern,
    probe::{Probes, Until},
};
use crate::check::{
    Claims, Trust,
    azure::{credentials, is_admitted},
};

pub(super) fn scan(trust: &Trust) -> Vec<Wide> {
    let (_, all) = credentials(trust);
    let all = all.unwrap_or_default();
    let mut found = Vec::new();
    for (index, one) in all.iter().enumerate() {
        let stated = &one["claimsMatchingExpression"];
        let Some(expression) = stated.get("value").unwrap_or(stated).as_str() else { continue };
        let at = format!("[{index}].claimsMatchingExpression");
        // The names of claims are texts, too, and stand before what they are compared with.
        let mut about = String::new();
        let texts: Vec<(String, String)> = literals(&expression.replace(" and ", " && "))
            .into_iter()
            .filter_map(|(before, text)| {
                if before.ends_with('[') {
                    about = text;
                    return None;
                }
                Some((about.clone(), text))
            })
            .collect();
        let probes = Probes::new(&texts, Map::new());
        found.extend(probes.widest(&at, Until::Phase, &|claims: &Claims| is_admitted(one, claims)));
    }
    let subjects: Vec<&str> = all.iter().filter_map(|one| one["subject"].as_str()).collect();
    found.extend(pattern::both_phases("the list", &subjects));
    found
}
