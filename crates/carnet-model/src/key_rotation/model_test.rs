//! The rules against a world that knows the true time.

mod world;

use std::time::Duration;

use proptest::prelude::*;

use self::world::{Event, LIFETIME, LONGEST, Place, Violation, World};
use super::{ClockGuard, Confirmation, KeyState, RotationPolicy};

fn policy(period: Option<u64>, announcement: u64, confirmation: Confirmation) -> RotationPolicy {
    RotationPolicy {
        period: period.map(Duration::from_secs),
        announcement: Duration::from_secs(announcement),
        published_lifetime: Duration::from_secs(LIFETIME),
        leeway: Duration::from_secs(60),
        longest_token_life: Duration::from_secs(LONGEST),
        confirmation,
    }
}

fn policies() -> impl Strategy<Value = RotationPolicy> {
    let period = prop::option::of(prop_oneof![Just(1), 100..2_000_u64, 50_000..200_000_u64]);
    let confirmation = prop_oneof![Just(Confirmation::NotNeeded), Just(Confirmation::SeenOutside)];
    (period, prop_oneof![Just(0), 0..2_000_u64], confirmation)
        .prop_map(|(period, announcement, confirmation)| policy(period, announcement, confirmation))
}

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![2 => Just(Place::Works), 1 => (0..100_usize).prop_map(Place::GivesKnown), 1 => Just(Place::IsAway)]
}

fn event() -> impl Strategy<Value = Event> {
    let jump = prop_oneof![-60_i64..60, -200_000_i64..200_000];
    prop_oneof![
        10 => prop_oneof![4 => 1..30_u64, 3 => 30..700_u64, 1 => 10_000..100_000_u64]
            .prop_map(|seconds| Event::Pass { seconds }),
        1 => jump.prop_map(|by| Event::SetClock { by }),
        4 => prop_oneof![3 => 1..1_200_u64, 1 => 1..=LONGEST].prop_map(|life| Event::Mint { life }),
        1 => Just(Event::RotateAtOnce),
        1 => Just(Event::Rotate),
        1 => Just(Event::Trim),
        1 => (0..100_usize).prop_map(Event::Revoke),
        2 => place().prop_map(Event::SetPlace),
        2 => Just(Event::CopyOutside),
        2 => any::<bool>().prop_map(|succeeds| Event::Probe { succeeds }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_tokens_are_signed_with_known_keys_that_stay_until_they_end(
        policy in policies(),
        events in prop::collection::vec(event(), 1..120),
    ) {
        let mut world = World::new(policy, LIFETIME);
        let result = world.run(&events);
        prop_assert!(result.is_ok(), "{:?}\n{:#?}", result, world.keys);
    }
}

fn pass(seconds: u64) -> Event {
    Event::Pass { seconds }
}

#[test]
fn without_the_wait_a_cache_does_not_know_the_key() {
    let hasty = RotationPolicy {
        published_lifetime: Duration::ZERO,
        leeway: Duration::ZERO,
        ..policy(Some(600), 0, Confirmation::NotNeeded)
    };
    let events = [pass(590), pass(20)];
    assert_eq!(World::new(hasty, LIFETIME).run(&events), Err(Violation::SignedWithWhatACacheDoesNotKnow));
    let patient = policy(Some(600), 0, Confirmation::NotNeeded);
    assert_eq!(World::new(patient, LIFETIME).run(&events), Ok(()));
}

#[test]
fn a_place_that_has_no_other_key_changes_nothing_by_schedule_and_revocation_stops_all_signing() {
    let mut world = World::new(policy(Some(600), 0, Confirmation::NotNeeded), LIFETIME);
    let events = [Event::SetPlace(Place::GivesKnown(0)), Event::RotateAtOnce, Event::Rotate, pass(100_000)];
    assert_eq!(world.run(&events), Ok(()));
    assert_eq!(world.keys.iter().map(|key| key.state).collect::<Vec<_>>(), [KeyState::Active]);
    assert_eq!(world.run(&[Event::Revoke(0), pass(100_000)]), Ok(()));
    assert_eq!(world.keys.iter().map(|key| key.state).collect::<Vec<_>>(), [KeyState::Revoked]);
    assert_eq!(world.run(&[Event::SetPlace(Place::Works), pass(1)]), Ok(()));
    assert_eq!(world.keys.active().map(|key| key.kid.as_str()), Some("key-2"));
}

#[test]
fn without_the_guard_a_clock_that_is_set_forward_breaks_the_wait() {
    let events = [Event::Rotate, pass(1), Event::SetClock { by: 3_600 }, pass(1)];
    let blind = || {
        let mut world = World::new(policy(None, 0, Confirmation::NotNeeded), LIFETIME);
        world.guard = ClockGuard::new(Duration::MAX);
        world
    };
    assert_eq!(blind().run(&events), Err(Violation::SignedWithWhatACacheDoesNotKnow));
    assert_eq!(World::new(policy(None, 0, Confirmation::NotNeeded), LIFETIME).run(&events), Ok(()));
}

#[test]
fn without_the_probe_a_copy_outside_does_not_know_the_key() {
    let events = [Event::CopyOutside, Event::Rotate, pass(1), pass(400)];
    let outside = || World::new(policy(None, 0, Confirmation::SeenOutside), LIFETIME);
    let mut world = outside();
    assert_eq!(world.run(&events), Ok(()));
    assert_eq!(world.keys.upcoming().map(|key| key.state), Some(KeyState::Published), "it waits");
    for event in [Event::CopyOutside, Event::Probe { succeeds: false }, pass(400)] {
        world.happen(&event);
    }
    assert!(world.keys.upcoming().is_some(), "the probe failed");
    for event in [Event::Probe { succeeds: true }, pass(359)] {
        world.happen(&event);
    }
    assert!(world.keys.upcoming().is_some(), "caches of before the probe are still in use");
    world.happen(&pass(1));
    assert_eq!((world.check(), world.keys.upcoming()), (Ok(()), None));

    let mut careless = outside();
    careless.policy.confirmation = Confirmation::NotNeeded;
    // Relying parties read the copy all the same.
    careless.served_since.clear();
    let mut result = Ok(());
    for event in &events {
        careless.happen(event);
        careless.served_since.retain(|kid, _| careless.copied.contains(kid));
        result = result.and(careless.check());
    }
    assert_eq!(result, Err(Violation::SignedWithWhatACacheDoesNotKnow));
}
