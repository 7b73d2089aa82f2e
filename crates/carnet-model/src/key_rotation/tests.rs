use std::time::Duration;

use super::{
    ClockGuard, Confirmation, Due, IssuerKeys, IssuerName, KeyRecord, KeyState, KeyStep, KnownKeyError,
    RevokeError, RotationPolicy, next_key_step, outlook,
};
use crate::Timestamp;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + seconds).expect("a time")
}

fn policy() -> RotationPolicy {
    RotationPolicy {
        period: Some(Duration::from_secs(10_000)),
        announcement: Duration::from_secs(1_000),
        published_lifetime: Duration::from_secs(300),
        leeway: Duration::from_secs(60),
        longest_token_life: Duration::from_secs(86_400),
        confirmation: Confirmation::NotNeeded,
    }
}

fn keys() -> IssuerKeys {
    vec![KeyRecord::active("a".to_owned(), at(0))].into()
}

#[track_caller]
fn check_next(keys: &IssuerKeys, now: i64, expected: Option<KeyStep>) {
    assert_eq!(next_key_step(keys, &policy(), at(now)), expected);
}

fn kid(kid: &str) -> String {
    kid.to_owned()
}

#[test]
fn a_scheduled_rotation_takes_every_step_in_its_time() {
    let mut keys = keys();
    check_next(&keys, 8_939, None);
    check_next(&keys, 8_940, Some(KeyStep::Prepare { publish_at: at(9_000) }));
    keys.prepare(kid("b"), policy().announcement, at(9_000), at(8_940)).expect("a new key");
    check_next(&keys, 8_999, None);
    for (now, step) in [
        (9_000, KeyStep::Publish { kid: kid("b") }),
        (9_000, KeyStep::NotePublished { kid: kid("b") }),
        (10_000, KeyStep::Activate { kid: kid("b") }),
    ] {
        check_next(&keys, now, Some(step.clone()));
        keys.take(&step, at(now));
        assert_eq!(keys.iter().filter(|key| key.state == KeyState::Active).count(), 1);
    }
    assert_eq!(keys.active().map(|key| key.kid.as_str()), Some("b"));
    keys.0[0].last_expiry = Some(at(12_000));
    check_next(&keys, 12_059, None);
    check_next(&keys, 12_060, Some(KeyStep::Remove { kid: kid("a") }));
}

#[test]
fn a_retired_key_without_tokens_stays_for_as_long_as_caches_do() {
    let mut keys = keys();
    keys.rotate_at_once(kid("b"), at(100)).expect("a new key");
    check_next(&keys, 459, None);
    check_next(&keys, 460, Some(KeyStep::Remove { kid: kid("a") }));
}

#[test]
fn what_the_ledger_says_is_bounded_by_the_longest_life() {
    let mut keys = keys();
    keys.0[0].last_expiry = Some(at(9_000_000));
    keys.rotate_at_once(kid("b"), at(100)).expect("a new key");
    let removal =
        outlook(&keys, &policy()).into_iter().find(|ahead| matches!(ahead.step, KeyStep::Remove { .. }));
    assert_eq!(removal.map(|ahead| ahead.due), Some(Due::At(at(100 + 86_400 + 60))));
}

#[test]
fn without_a_schedule_only_what_was_asked_for_happens() {
    let policy = RotationPolicy { period: None, ..policy() };
    let mut keys = keys();
    assert_eq!(outlook(&keys, &policy), []);
    keys.prepare(kid("b"), Duration::ZERO, at(5), at(5)).expect("a new key");
    keys.take(&KeyStep::Publish { kid: kid("b") }, at(5));
    keys.take(&KeyStep::NotePublished { kid: kid("b") }, at(6));
    assert_eq!(outlook(&keys, &policy)[0].due, Due::At(at(366)), "never before caches are over");
}

#[test]
fn a_key_that_nobody_outside_has_seen_does_not_sign() {
    let policy = RotationPolicy { confirmation: Confirmation::SeenOutside, ..policy() };
    let mut keys = keys();
    keys.prepare(kid("b"), Duration::ZERO, at(5), at(5)).expect("a new key");
    keys.take(&KeyStep::Publish { kid: kid("b") }, at(5));
    keys.take(&KeyStep::NotePublished { kid: kid("b") }, at(5));
    assert_eq!(outlook(&keys, &policy)[0].due, Due::WhenSeenOutside);
    assert_eq!(next_key_step(&keys, &policy, at(1_000_000)), None);
    keys.0[1].seen_outside_at = Some(at(2_000));
    assert_eq!(outlook(&keys, &policy)[0].due, Due::At(at(2_360)));
}

#[test]
fn a_revoked_key_is_replaced_at_once_and_takes_the_one_beside_it_along() {
    let mut keys = keys();
    keys.prepare(kid("b"), Duration::ZERO, at(5), at(5)).expect("a new key");
    assert_eq!(keys.revoke("x", None, at(10)), Err(RevokeError::Unknown));
    let known = |state| KnownKeyError { kid: kid("b"), state };
    let refused = keys.revoke("a", Some(kid("b")), at(10));
    assert_eq!(refused, Err(RevokeError::Replacement(known(KeyState::Prepared))));
    assert_eq!(keys.revoke("a", Some(kid("c")), at(10)), Ok(()));
    let states: Vec<_> = keys.iter().map(|key| (key.kid.as_str(), key.state)).collect();
    assert_eq!(states, [("a", KeyState::Revoked), ("b", KeyState::Removed), ("c", KeyState::Active)]);
    let before = keys.clone();
    assert_eq!(keys.revoke("a", None, at(20)), Ok(()), "a second time changes nothing");
    assert_eq!(keys, before);
}

#[test]
fn a_key_is_revoked_although_nothing_takes_its_place_and_one_is_made_as_soon_as_can_be() {
    let mut keys = keys();
    keys.prepare(kid("b"), Duration::ZERO, at(5), at(5)).expect("a new key");
    assert_eq!(keys.revoke("a", None, at(10)), Ok(()));
    let states: Vec<_> = keys.iter().map(|key| (key.kid.as_str(), key.state)).collect();
    assert_eq!(states, [("a", KeyState::Revoked), ("b", KeyState::Removed)]);
    let off = RotationPolicy { period: None, ..policy() };
    assert_eq!(next_key_step(&keys, &off, at(10)), Some(KeyStep::Replace), "also when nothing is scheduled");
    assert!(keys.rotate_at_once(kid("a"), at(11)).is_err(), "the revoked key does not come back");
    keys.rotate_at_once(kid("c"), at(11)).expect("a new key");
    assert_eq!(next_key_step(&keys, &off, at(11)), None);
}

#[test]
fn a_key_that_is_known_already_is_no_new_key() {
    let mut keys = keys();
    let before = keys.clone();
    let known = Err(KnownKeyError { kid: kid("a"), state: KeyState::Active });
    assert_eq!(keys.prepare(kid("a"), Duration::ZERO, at(5), at(5)), known);
    assert_eq!(keys.rotate_at_once(kid("a"), at(5)), known);
    assert_eq!(keys.add(KeyRecord::active(kid("a"), at(5))), known);
    assert!(matches!(keys.revoke("a", Some(kid("a")), at(5)), Err(RevokeError::Replacement(_))));
    assert_eq!(keys, before, "nothing was changed");
}

#[test]
fn trimming_removes_what_no_token_needs_and_says_until_when_the_rest_is_needed() {
    let mut keys = keys();
    keys.0[0].last_expiry = Some(at(600));
    keys.rotate_at_once(kid("b"), at(10)).expect("a new key");
    keys.rotate_at_once(kid("c"), at(20)).expect("a new key");
    let trimmed = keys.trim(&policy(), at(30));
    assert_eq!((trimmed.removed, trimmed.needed_until), (vec![kid("b")], Some(at(660))));
    assert_eq!(keys.trim(&policy(), at(660)).removed, ["a"]);
}

#[test]
fn a_clock_that_runs_is_no_jump_and_one_that_is_set_is_one() {
    let mut guard = ClockGuard::new(Duration::from_secs(60));
    let mut jumps = |now, passed| guard.has_jumped(at(now), Duration::from_secs(passed));
    assert!(!jumps(0, 100));
    assert!(!jumps(1_030, 1_100), "half of the leeway");
    assert!(jumps(2_031, 2_100));
    assert!(!jumps(2_131, 2_200), "counted from there");
    assert!(jumps(2_000, 2_300), "backward, too");
}

#[test]
fn names_of_issuers_and_states_are_read_as_they_are_written() {
    let organization = IssuerName::Organization(crate::OrgId::from_entropy([7; 16]));
    for name in [IssuerName::Site, organization] {
        assert_eq!(name.to_string().parse(), Ok(name));
    }
    assert!("elsewhere".parse::<IssuerName>().is_err());
    for state in KeyState::ALL {
        assert_eq!(state.as_str().parse(), Ok(state));
        assert!(!(state.is_over() && state.is_in_key_set()));
    }
}
