//! The apply phase: exactly the saved plan.

use super::{LOCK_FILE, PhaseResult, Steps, arguments, summary::ApplySummary};

/// Applies the saved plan.
pub(crate) async fn apply(steps: &Steps<'_>) -> PhaseResult {
    steps.init(steps.root.join(LOCK_FILE).exists()).await?;
    let mut list = arguments(&["apply", "-input=false"]);
    list.extend(steps.output_flag());
    list.push(steps.home.plan().into());
    let mut summary = ApplySummary::default();
    let ended = steps.run_shown("apply", list, &mut |bytes| summary.read(bytes)).await?;
    if !ended.status.success() {
        return Err(steps.failure("apply", &ended));
    }
    Ok(summary.counts())
}
