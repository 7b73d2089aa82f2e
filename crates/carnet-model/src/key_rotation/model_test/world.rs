//! A world that knows the true time: caches, tokens, clocks that are set, probes that fail.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::super::{
    ClockGuard, Confirmation, IssuerKeys, KeyRecord, KeyState, KeyStep, RotationPolicy, due_key_steps,
};
use crate::Timestamp;

/// Something that happens.
#[derive(Debug, Clone)]
pub(super) enum Event {
    /// Time passes, and the server looks at the keys.
    Pass {
        seconds: u64,
    },
    /// The clock of the server is set.
    SetClock {
        by: i64,
    },
    /// A run gets a token.
    Mint {
        life: u64,
    },
    /// A new key is to sign at once.
    RotateAtOnce,
    /// A new key is to sign as soon as it may.
    Rotate,
    Trim,
    /// The n-th key of all, counted around, is revoked.
    Revoke(usize),
    /// What the place of keys gives from now on when it is asked for a new one.
    SetPlace(Place),
    /// The key set is copied to where relying parties read it.
    CopyOutside,
    /// A probe looks at the copy; `false` when it fails.
    Probe {
        succeeds: bool,
    },
}

/// The place where keys are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// It makes a new key each time.
    Works,
    /// It gives the n-th key of all, counted around: it has no other.
    GivesKnown(usize),
    /// It does not answer.
    IsAway,
}

/// What must never happen.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Violation {
    NotOneActiveKey,
    KeyTwice,
    SignedWithWhatACacheDoesNotKnow,
    TokenWithoutItsKey,
    RevokedKeyInUse,
}

struct Token {
    kid: String,
    /// In true time.
    ends: u64,
}

pub(super) struct World {
    pub(super) policy: RotationPolicy,
    /// How long caches keep the key set.
    cache_life: u64,
    pub(super) keys: IssuerKeys,
    pub(super) guard: ClockGuard,
    /// True seconds since the start, and what the server's clock is ahead.
    passed: u64,
    ahead: i64,
    /// Since when relying parties that ask are served a key, in true time.
    pub(super) served_since: BTreeMap<String, u64>,
    /// Keys that somebody made sign at once, knowing the price.
    at_once: BTreeSet<String>,
    pub(super) copied: BTreeSet<String>,
    revoked: BTreeSet<String>,
    tokens: Vec<Token>,
    made: usize,
    place: Place,
    /// The key that signed was revoked while the place gave none.
    is_without: bool,
}

fn start() -> Timestamp {
    "2026-01-05T10:00:00Z".parse().expect("a time")
}

impl World {
    pub(super) fn new(policy: RotationPolicy, cache_life: u64) -> Self {
        let mut world = Self {
            guard: ClockGuard::new(policy.leeway),
            policy,
            cache_life,
            keys: IssuerKeys::default(),
            passed: 0,
            ahead: 0,
            served_since: BTreeMap::new(),
            at_once: BTreeSet::new(),
            copied: BTreeSet::new(),
            revoked: BTreeSet::new(),
            tokens: Vec::new(),
            made: 0,
            place: Place::Works,
            is_without: false,
        };
        let kid = world.new_kid().expect("the place works");
        world.at_once.insert(kid.clone());
        world.keys = vec![KeyRecord::active(kid, world.now())].into();
        world.guard.has_jumped(world.now(), Duration::ZERO);
        world.note_served();
        world
    }

    fn now(&self) -> Timestamp {
        let seconds = i64::try_from(self.passed).expect("small") + self.ahead;
        start().checked_add(jiff::SignedDuration::from_secs(seconds)).expect("within the calendar")
    }

    /// What the place gives; it may be no new key at all.
    fn new_kid(&mut self) -> Option<String> {
        match self.place {
            Place::Works => {
                self.made += 1;
                Some(format!("key-{}", self.made))
            }
            Place::GivesKnown(place) => Some(self.keys.0[place % self.keys.0.len()].kid.clone()),
            Place::IsAway => None,
        }
    }

    /// Signs with what the place gives, at once; `false` when that is no new key.
    fn sign_at_once(&mut self) -> bool {
        let Some(kid) = self.new_kid() else { return false };
        if self.keys.rotate_at_once(kid.clone(), self.now()).is_err() {
            return false;
        }
        self.at_once.insert(kid);
        self.is_without = false;
        true
    }

    /// What every operation of the server does first.
    fn look_at_clock(&mut self) {
        if self.guard.has_jumped(self.now(), Duration::from_secs(self.passed)) {
            self.keys.restart_waits(&self.policy, self.now());
        }
    }

    fn work(&mut self) {
        // Each step is a transaction; what was committed before it begins is served.
        let mut held_back = Vec::new();
        loop {
            let due = due_key_steps(&self.keys, &self.policy, self.now());
            let Some(step) = due.into_iter().find(|step| !held_back.contains(step)) else { return };
            match &step {
                KeyStep::Prepare { publish_at } => {
                    let announcement = self.policy.announcement;
                    let made = self.new_kid();
                    let now = self.now();
                    let prepared = made.map(|kid| self.keys.prepare(kid, announcement, *publish_at, now));
                    // It is held back until the place gives a new key; what else is due is done.
                    if !matches!(prepared, Some(Ok(()))) {
                        held_back.push(step.clone());
                    }
                }
                KeyStep::Replace => {
                    if !self.sign_at_once() {
                        held_back.push(step.clone());
                    }
                }
                other => self.keys.take(other, self.now()),
            }
            self.note_served();
        }
    }

    fn served_here(&self) -> BTreeSet<String> {
        self.keys.iter().filter(|key| key.state.is_in_key_set()).map(|key| key.kid.clone()).collect()
    }

    fn note_served(&mut self) {
        let served = match self.policy.confirmation {
            Confirmation::NotNeeded => self.served_here(),
            Confirmation::SeenOutside => self.copied.clone(),
        };
        for kid in served {
            self.served_since.entry(kid).or_insert(self.passed);
        }
    }

    pub(super) fn happen(&mut self, event: &Event) {
        if let Event::Pass { seconds } = event {
            self.passed += seconds;
        }
        if let Event::SetClock { by } = event {
            self.ahead += by;
        }
        self.look_at_clock();
        let now = self.now();
        match event {
            Event::Pass { .. } => self.work(),
            Event::SetClock { .. } => {}
            Event::Mint { life } => self.mint(*life),
            Event::RotateAtOnce => drop(self.sign_at_once()),
            Event::Rotate if self.keys.upcoming().is_none() => {
                if let Some(kid) = self.new_kid() {
                    // What is known already is refused.
                    let _ = self.keys.prepare(kid, Duration::ZERO, now, now);
                }
            }
            Event::SetPlace(place) => self.place = *place,
            Event::Rotate => {}
            Event::Trim => drop(self.keys.trim(&self.policy, now)),
            Event::Revoke(place) => self.revoke(*place),
            Event::CopyOutside => self.copied = self.served_here(),
            Event::Probe { succeeds } => self.probe(*succeeds),
        }
        self.note_served();
    }

    fn mint(&mut self, life: u64) {
        let expiry = self.now().checked_add(Duration::from_secs(life)).expect("within the calendar");
        let Some(active) = self.keys.0.iter_mut().find(|key| key.state == KeyState::Active) else { return };
        active.last_expiry = active.last_expiry.max(Some(expiry));
        self.tokens.push(Token { kid: active.kid.clone(), ends: self.passed + life });
    }

    fn revoke(&mut self, place: usize) {
        let kid = self.keys.0[place % self.keys.0.len()].kid.clone();
        let is_active = self.keys.find(&kid).is_some_and(|key| key.state == KeyState::Active);
        let replacement = self.new_kid().filter(|new| self.keys.find(new).is_none());
        self.at_once.extend(replacement.clone());
        self.is_without |= is_active && replacement.is_none();
        self.keys.revoke(&kid, replacement, self.now()).expect("the key is there");
        self.revoked.insert(kid);
    }

    fn probe(&mut self, succeeds: bool) {
        let (copied, now) = (self.copied.clone(), self.now());
        for key in self.keys.0.iter_mut().filter(|key| succeeds && copied.contains(&key.kid)) {
            key.seen_outside_at.get_or_insert(now);
        }
    }

    pub(super) fn check(&self) -> Result<(), Violation> {
        let active: Vec<&KeyRecord> = self.keys.iter().filter(|key| key.state == KeyState::Active).collect();
        if active.len() != usize::from(!self.is_without) {
            return Err(Violation::NotOneActiveKey);
        }
        let names: BTreeSet<&String> = self.keys.iter().map(|key| &key.kid).collect();
        if names.len() != self.keys.iter().count() {
            return Err(Violation::KeyTwice);
        }
        // The oldest cache that may be in use was filled this long ago; it knows what was served then.
        let oldest = self.passed.saturating_sub(self.cache_life);
        let is_known = |kid: &str| self.served_since.get(kid).is_some_and(|since| *since <= oldest);
        if active.iter().any(|active| !is_known(&active.kid) && !self.at_once.contains(&active.kid)) {
            return Err(Violation::SignedWithWhatACacheDoesNotKnow);
        }
        let served = self.served_here();
        let is_signing = |kid: &String| active.iter().any(|active| active.kid == *kid);
        if self.revoked.iter().any(|kid| served.contains(kid) || is_signing(kid)) {
            return Err(Violation::RevokedKeyInUse);
        }
        let mut alive = self.tokens.iter().filter(|token| token.ends > self.passed);
        if alive.any(|token| !served.contains(&token.kid) && !self.revoked.contains(&token.kid)) {
            return Err(Violation::TokenWithoutItsKey);
        }
        Ok(())
    }

    pub(super) fn run(&mut self, events: &[Event]) -> Result<(), Violation> {
        for event in events {
            self.happen(event);
            self.check()?;
        }
        Ok(())
    }
}

pub(super) const LIFETIME: u64 = 300;
pub(super) const LONGEST: u64 = 86_400;
