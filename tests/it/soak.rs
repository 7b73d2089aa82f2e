//! The short form of the soak; `make soak` runs the long one.

use carnet_tests::{SoakOptions, soak};

#[tokio::test]
async fn an_apply_outlives_every_token_without_one_expiry_error() -> anyhow::Result<()> {
    let report = soak(&SoakOptions::short(), |_| {}).await?;
    assert!(report.is_success(), "{}\n{report}", report.log);
    Ok(())
}
