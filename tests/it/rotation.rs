//! Keys are rotated while runs get tokens; `make rotation` runs the long form.

use std::time::Duration;

use carnet_tests::{Rotating, RotationOptions, rotation};

#[tokio::test]
async fn nobody_who_verifies_tokens_notices_a_rotation() -> anyhow::Result<()> {
    let report = rotation(&RotationOptions::short()).await?;
    assert_eq!(report.failures(), 0, "{report}");
    assert!(report.keys.len() >= 4, "keys were rotated\n{report}");
    assert!(report.caching.accepted >= 100 && report.again.accepted >= 100, "{report}");
    Ok(())
}

#[tokio::test]
async fn of_two_servers_one_rotates_and_both_sign_and_publish() -> anyhow::Result<()> {
    let options = RotationOptions { servers: 2, runs: 10, ..RotationOptions::short() };
    let report = rotation(&options).await?;
    assert_eq!(report.failures(), 0, "{report}");
    assert!(report.keys.len() >= 4, "keys were rotated\n{report}");
    Ok(())
}

#[tokio::test]
async fn without_the_wait_those_who_keep_the_key_set_refuse_tokens() -> anyhow::Result<()> {
    let options = RotationOptions {
        rotating: Rotating::AtOnce,
        time: Duration::from_secs(8),
        runs: 10,
        max_age: Duration::from_secs(60),
        ..RotationOptions::short()
    };
    let report = rotation(&options).await?;
    assert!(report.caching.refused > 0, "{report}");
    assert_eq!(report.fetching.refused, 0, "those who ask each time know every key\n{report}");
    Ok(())
}
