//! Families whose service was discontinued: switching one on stops the phase, it is never ignored.

use crate::{
    lexicon::{Values, variable_name},
    notice::Notice,
    problem::Problem,
    switches::flags_on,
};

/// The flags of HCP Vault Secrets.
pub(crate) const FLAGS: [&str; 2] = ["TFC_HVS_BACKED_AWS_AUTH", "TFC_HVS_BACKED_GCP_AUTH"];

/// Records a problem for every flag that is on.
pub(crate) fn check(values: &Values<'_>, problems: &mut Vec<Problem>, warnings: &mut Vec<Notice>) {
    for flag in FLAGS {
        for tag in flags_on(values, flag, warnings) {
            problems.push(Problem::Withdrawn { variable: variable_name(flag, tag) });
        }
    }
}
