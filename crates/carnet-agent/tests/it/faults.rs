//! Servers that are away, answers that are lost, agents that die.

use crate::agent::{World, archive, clock, job};

fn with_saved_plan(world: &World) {
    world.server.state().artifacts.insert("plan".to_owned(), archive(&[("plan.tfplan", "saved")]));
}

fn has_logged(text: &'static str) -> impl Fn(&crate::server::State) -> bool {
    move |state| String::from_utf8_lossy(&state.log).contains(text)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_costs_no_byte_of_the_log() {
    let mut world = World::new().await;
    world.server.state().lost_answers = 3;
    world.start();
    world.queue(job("plan", ""));
    assert_eq!(world.server.finish().await.outcome, "succeeded");
    let log = world.server.log();
    assert_eq!(log.matches("Terraform v1.11.4").count(), 1, "{log}");
    assert_eq!(log.matches("Plan: 1 to add").count(), 1, "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn terraform_goes_on_while_the_server_is_away() {
    let mut world = World::new().await;
    with_saved_plan(&world);
    world.start();
    world.queue(job("apply", "gate"));
    world.server.until("the gate", has_logged("at the gate")).await;
    world.server.state().is_away = true;
    std::fs::write(world.home().join("gate"), "").unwrap();
    // The state is offered again and again; then the server returns.
    world
        .server
        .until("attempts to deliver", |state| {
            state.requests.iter().rev().take(3).filter(|request| request.ends_with("/state")).count() > 0
                && std::fs::read_to_string(world.data("jobs/job-apply/state/terraform.tfstate"))
                    .is_ok_and(|text| text.contains("\"serial\":2"))
        })
        .await;
    world.server.state().is_away = false;
    assert_eq!(world.server.finish().await.outcome, "succeeded");
    let newest = world.server.state().states.last().cloned().unwrap();
    assert!(String::from_utf8(newest).unwrap().contains("\"serial\":2"));
    assert!(world.server.log().contains("Apply complete!"));
    assert!(!world.data("jobs/job-apply").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_lease_interrupts_and_the_state_still_arrives() {
    let mut world = World::new().await;
    with_saved_plan(&world);
    world.start();
    world.queue(job("apply", "hang"));
    world.server.until("the start", has_logged("hanging")).await;
    world.server.state().is_lost = true;
    world.server.until("the state", |state| !state.states.is_empty()).await;
    world.server.until("the end", |_| !world.home().exists() && !world.data("jobs/job-apply").exists()).await;
    assert!(world.server.state().finishes.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_the_server_refuses_is_kept() {
    let mut world = World::new().await;
    with_saved_plan(&world);
    world.server.state().has_newer_state = true;
    world.start();
    world.queue(job("apply", ""));
    assert_eq!(world.server.finish().await.outcome, "failed");
    let log = world.server.log();
    assert!(log.contains("the state was not stored") && log.contains("a newer state is there"), "{log}");
    let kept = std::fs::read_to_string(world.data("refused/job-apply/state/terraform.tfstate")).unwrap();
    assert!(kept.contains("\"serial\":2"));
}

/// An agent that dies is a runtime that is torn down: nothing of it can act any more, as after a kill.
#[test]
fn the_next_agent_delivers_what_a_dead_one_left() {
    let outer = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let mut world = outer.block_on(World::new());
    with_saved_plan(&world);
    world.queue(job("apply", "gate"));
    let inner = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    inner.spawn(carnet_agent::run(world.config.clone(), clock(), std::future::pending()));
    outer.block_on(world.server.until("the gate", has_logged("at the gate")));
    outer.block_on(world.server.until("the first state", |state| !state.states.is_empty()));
    {
        let mut state = world.server.state();
        state.is_lost = true;
        state.states.clear();
    }
    drop(inner);
    outer.block_on(async {
        world.start();
        world.server.until("the delivery", |state| !state.states.is_empty()).await;
        // The guardian has stopped Terraform and deleted its home before the state was taken up.
        assert!(!world.home().exists());
        let delivered = world.server.state().states.last().cloned().unwrap();
        assert!(String::from_utf8(delivered).unwrap().contains("\"serial\":1"));
        world.server.until("the end of the folder", |_| !world.data("jobs/job-apply").exists()).await;
        world.stop().await;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_agent_token_ends_the_agent() {
    let mut world = World::new().await;
    world.config.agent_token = "wrong".to_owned().into();
    let ended = carnet_agent::run(world.config.clone(), clock(), std::future::pending()).await;
    assert!(matches!(ended, Err(carnet_agent::AgentError::Unauthorized)));
}
