//! What Terraform can and cannot see.

use std::fs;

use carnet_agent::SandboxMode;

use crate::agent::{World, job, variable};

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_holds_nothing_of_the_host() {
    let mut world = World::new().await;
    for (name, value) in
        [("AWS_SECRET_ACCESS_KEY", "host-secret"), ("LANG", "C.UTF-8"), ("CARNET_TOKEN", "host")]
    {
        world.config.host_env.insert(name.to_owned(), value.to_owned());
    }
    world.start();
    world.queue(job("plan", "env"));
    world.server.finish().await;
    let log = world.server.log();
    let names: Vec<&str> = log
        .lines()
        .filter_map(|line| line.split_once('='))
        .map(|(name, _)| name)
        .filter(|name| !matches!(*name, "PWD" | "OLDPWD" | "SHLVL" | "_"))
        .collect();
    let expected = [
        "CHECKPOINT_DISABLE",
        "FAKE",
        "HOME",
        "LANG",
        "PATH",
        "TFC_PROJECT_NAME",
        "TFC_RUN_ID",
        "TFC_WORKSPACE_NAME",
        "TFC_WORKSPACE_SLUG",
        "TF_CLI_CONFIG_FILE",
        "TF_INPUT",
        "TF_IN_AUTOMATION",
        "TF_VAR_TFC_PROJECT_NAME",
        "TF_VAR_TFC_RUN_ID",
        "TF_VAR_TFC_WORKSPACE_NAME",
        "TF_VAR_TFC_WORKSPACE_SLUG",
        "TMPDIR",
    ];
    let mut names = names;
    names.sort_unstable();
    assert_eq!(names, expected);
    assert!(log.contains("TFC_WORKSPACE_SLUG=acme/net\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sandbox_keeps_terraform_in_its_own_places() {
    let mut world = World::new().await;
    let base = world.folder.path().canonicalize().unwrap();
    let protected = base.join("server");
    fs::create_dir(&protected).unwrap();
    fs::write(protected.join("master.key"), "the key").unwrap();
    fs::create_dir(base.join("work/carnet-run-2")).unwrap();
    fs::write(base.join("work/carnet-run-2/token"), "another run").unwrap();
    fs::write(base.join("free"), "readable").unwrap();
    world.config.protected.push(protected);
    world.config.sandbox = SandboxMode::Required;
    world
        .server
        .state()
        .artifacts
        .insert("plan".to_owned(), crate::agent::archive(&[("plan.tfplan", "saved")]));
    world.start();
    let mut apply = job("apply", "exec");
    let script = format!(
        "cat {0}/free; echo; cat {0}/server/master.key {0}/work/carnet-run-2/token {0}/data/jobs/job-apply/delivery.json; \
         (echo x > {0}/free) ; echo x > $TMPDIR/fine && echo own directory; kill -0 {1} && echo signalled; \
         cat /proc/{1}/environ >/dev/null && echo traced; ls {0}/server",
        base.display(),
        std::process::id()
    );
    apply.variables.push(variable("SCRIPT", &script, "env"));
    world.queue(apply);
    let finish = world.server.finish().await;
    let log = world.server.log();
    if log.contains("this machine's kernel has no Landlock") {
        assert_eq!(finish.outcome, "failed");
        return;
    }
    assert_eq!(finish.outcome, "succeeded", "{log}");
    assert!(log.contains("readable\n") && log.contains("own directory\n"), "{log}");
    for secret in ["the key", "another run", "delivery_token", "signalled", "traced"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
    assert_eq!(fs::read_to_string(base.join("free")).unwrap(), "readable");
    assert!(!world.server.state().states.is_empty());
}
