//! Phases that are stopped.

use std::time::Duration;

use crate::agent::{World, job};

#[tokio::test(flavor = "multi_thread")]
async fn a_canceled_run_is_interrupted() {
    let mut world = World::new().await;
    world.start();
    world.queue(job("plan", "hang"));
    world.server.until("the start", |state| String::from_utf8_lossy(&state.log).contains("hanging")).await;
    world.server.state().signal = "interrupt";
    assert_eq!(world.server.finish().await.outcome, "canceled");
    let log = world.server.log();
    assert!(log.contains("Stopping: the run was canceled\n") && log.contains("interrupted\n"), "{log}");
    assert!(log.ends_with("Operation canceled.\n"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_ignores_the_interrupt_is_killed_with_all_its_children() {
    let mut world = World::new().await;
    world.config.grace = Duration::from_millis(300);
    world.start();
    world.queue(job("plan", "stubborn"));
    let grandchild = world.home().join("grandchild");
    world
        .server
        .until("the start", |state| {
            String::from_utf8_lossy(&state.log).contains("stubborn")
                && std::fs::read(&grandchild).is_ok_and(|id| !id.is_empty())
        })
        .await;
    let id = std::fs::read_to_string(&grandchild).unwrap();
    world.server.state().signal = "interrupt";
    assert_eq!(world.server.finish().await.outcome, "canceled");
    assert!(!is_running(id.trim()));
    assert!(!world.home().exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_does_not_wait() {
    let mut world = World::new().await;
    world.start();
    world.queue(job("plan", "stubborn"));
    world.server.until("the start", |state| String::from_utf8_lossy(&state.log).contains("stubborn")).await;
    world.server.state().signal = "kill";
    assert_eq!(world.server.finish().await.outcome, "canceled");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phase_ends_at_its_deadline() {
    let mut world = World::new().await;
    world.start();
    let mut plan = job("plan", "hang");
    plan.deadline_at = jiff::Timestamp::from_second(1).unwrap();
    world.queue(plan);
    assert_eq!(world.server.finish().await.outcome, "failed");
    let log = world.server.log();
    assert!(log.contains("Operation failed: the plan has reached its time limit of "), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_ends_interrupts_its_jobs_and_reports_them() {
    let mut world = World::new().await;
    world.start();
    world.queue(job("apply", "hang"));
    world
        .server
        .state()
        .artifacts
        .insert("plan".to_owned(), crate::agent::archive(&[("plan.tfplan", "saved")]));
    world.server.until("the start", |state| String::from_utf8_lossy(&state.log).contains("hanging")).await;
    world.stop().await;
    assert_eq!(world.server.finish().await.outcome, "failed");
    assert!(world.server.log().contains("the agent is shutting down"));
    assert_eq!(world.server.state().states.len(), 1);
    assert_eq!(world.server.state().requests.last().unwrap(), "POST agents/agent-1/stop");
}

fn is_running(id: &str) -> bool {
    // A process that nobody has waited for yet is dead all the same.
    std::fs::read_to_string(format!("/proc/{id}/stat"))
        .is_ok_and(|stat| !stat.rsplit(')').next().unwrap_or("").trim_start().starts_with('Z'))
}
