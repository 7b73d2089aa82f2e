//! Runs that go well, and runs that fail before or in Terraform.

use crate::{
    agent::{World, archive, job, variable},
    server::{IDENTITY_TOKEN, RUN_TOKEN},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_and_its_apply_go_through() {
    let mut world = World::new().await;
    world.start();
    let mut plan = job("plan", "");
    plan.variables.push(variable("size", "a ${b}", "terraform"));
    world.queue(plan);
    let finish = world.server.finish().await;
    let log = world.server.log();
    assert_eq!(finish.outcome, "succeeded", "{log}");
    assert!(finish.has_changes && finish.additions == 1);
    assert_eq!(finish.terraform_version.as_deref(), Some("1.11.4"));
    assert!(log.starts_with("\u{2}Terraform v1.11.4\non linux_amd64\nCarnet agent agent, run-1\n"), "{log}");
    assert!(log.contains("size = \"a $${b}\"\n") && log.ends_with("0 to destroy.\n"), "{log}");
    assert!(!log.contains("init output") && !log.contains('\u{3}'));
    {
        let state = world.server.state();
        let document = |name: &str| String::from_utf8_lossy(&state.artifacts[name]).into_owned();
        assert!(document("plan-json").contains("hidden-value"));
        assert!(!document("plan-json-redacted").contains("hidden-value"));
        assert!(document("plan-json-redacted").contains(r#""resource_schemas":{"a":{"x":1}}"#));
        assert!(document("provider-schemas").contains(r#""a":{"x":1}"#));
        assert!(!state.requests.iter().any(|request| request == "PUT jobs/job-plan/state"));
    }
    assert!(!world.home().exists());

    world.server.state().log.clear();
    world.queue(job("apply", ""));
    let finish = world.server.finish().await;
    let log = world.server.log();
    assert_eq!((finish.outcome.as_str(), finish.additions), ("succeeded", 1), "{log}");
    assert!(log.contains("applied saved # locked\n"), "{log}");
    let newest = world.server.state().states.last().cloned().unwrap();
    assert!(String::from_utf8(newest).unwrap().contains("\"serial\":2"));
    assert!(!world.data("jobs/job-apply").exists() && !world.home().exists());
    world.stop().await;
    assert!(!world.data("logs/job-apply").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plan_that_terraform_refuses_fails_with_its_words() {
    let mut world = World::new().await;
    world.start();
    world.queue(job("plan", "fail"));
    assert_eq!(world.server.finish().await.outcome, "failed");
    let log = world.server.log();
    assert!(
        log.contains("Error: it failed\n")
            && log.contains("Operation failed: terraform plan failed (exit code 1)")
    );
    assert!(world.server.state().artifacts.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_init_shows_its_output() {
    let mut world = World::new().await;
    world.start();
    world.queue(job("plan", "badinit"));
    assert_eq!(world.server.finish().await.outcome, "failed");
    let log = world.server.log();
    assert!(log.contains("init output\nError: no init\nOperation failed: terraform init failed"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_settings_stop_the_phase_before_terraform() {
    let mut world = World::new().await;
    world.start();
    let mut plan = job("plan", "");
    plan.variables.push(variable("TFC_VAULT_PROVIDER_AUTH", "true", "env"));
    world.queue(plan);
    assert_eq!(world.server.finish().await.outcome, "failed");
    let log = world.server.log();
    assert!(log.contains("Operation failed: ") && log.contains("TFC_VAULT_ADDR"), "{log}");
    assert!(!log.contains("Initializing") && world.server.state().minted.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_identity_token_reaches_terraform_and_not_the_log() {
    let mut world = World::new().await;
    world.start();
    let mut plan = job("plan", "exec");
    plan.variables.extend([
        variable("TFC_WORKLOAD_IDENTITY_AUDIENCE", "my.audience", "env"),
        variable("SCRIPT", "echo token=$TFC_WORKLOAD_IDENTITY_TOKEN; cat $HOME/terraformrc", "env"),
    ]);
    world.queue(plan);
    let finish = world.server.finish().await;
    let log = world.server.log();
    assert_eq!(finish.outcome, "succeeded", "{log}");
    assert_eq!(world.server.state().minted, ["my.audience"]);
    assert!(log.contains("token=[redacted]\n") && log.contains("token = \"[redacted]\"\n"), "{log}");
    assert!(!log.contains(IDENTITY_TOKEN) && !log.contains(RUN_TOKEN));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sensitive_value_is_hidden_also_when_it_is_printed_in_two_pieces() {
    let mut world = World::new().await;
    world.start();
    let mut plan = job("plan", "leak");
    let mut secret = variable("SECRET", "correct-horse-battery", "env");
    secret.sensitive = true;
    plan.variables.push(secret);
    world.queue(plan);
    world.server.finish().await;
    let log = world.server.log();
    assert!(log.contains("begin [redacted] end\n") && !log.contains("correct"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_archive_is_refused() {
    let mut world = World::new().await;
    let mut header = tar::Header::new_gnu();
    header.as_old_mut().name[..5].copy_from_slice(b"../ab");
    header.set_size(0);
    header.set_cksum();
    let mut builder =
        tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
    builder.append(&header, &b""[..]).unwrap();
    world.server.state().configuration = builder.into_inner().unwrap().finish().unwrap();
    world.start();
    world.queue(job("plan", ""));
    assert_eq!(world.server.finish().await.outcome, "failed");
    assert!(
        world
            .server
            .log()
            .contains("the configuration is refused: the archive has an entry that is not allowed")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn terraform_runs_in_the_working_directory_after_our_override() {
    let mut world = World::new().await;
    world.server.state().configuration = archive(&[("sub/dir/main.tf", "")]);
    world.start();
    let mut plan = job("plan", "exec");
    plan.run.working_directory = "sub/dir".to_owned();
    plan.variables.push(variable("SCRIPT", "pwd; cat zzzz_carnet_override.tf", "env"));
    world.queue(plan);
    world.server.finish().await;
    let (log, home) = (world.server.log(), world.home());
    assert!(log.contains(&format!("{}/config/sub/dir\n", home.display())), "{log}");
    assert!(log.contains(&format!("path = \"{}/state/terraform.tfstate\"", home.display())), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_than_the_wanted_one_is_refused() {
    let mut world = World::new().await;
    world.start();
    let mut plan = job("plan", "");
    plan.run.terraform_version = "1.9.0".to_owned();
    world.queue(plan);
    assert_eq!(world.server.finish().await.outcome, "failed");
    let log = world.server.log();
    assert!(log.contains("wants version 1.9.0 and this agent has 1.11.4"), "{log}");
}
