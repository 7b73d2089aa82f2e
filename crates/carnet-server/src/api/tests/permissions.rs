//! Random teams, tokens and resources: the answers of the server are those of a small model that was written apart from it,
//! as tables of the documented levels.

mod model;
mod world;

use self::model::{Answer, expected};
use self::world::{PROBES, World};

/// How many random organizations are tried.
const WORLDS: u64 = 12;

#[tokio::test]
async fn every_decision_equals_the_one_of_an_independent_model() {
    let mut counts = [0_usize; 3];
    for seed in 0..WORLDS {
        let world = World::random(seed).await;
        for caller in &world.callers {
            for place in world.places() {
                for probe in PROBES.iter().filter(|probe| probe.kind == place.kind) {
                    let wanted = expected(&world.grants, caller, &place, probe.needs);
                    let found = world.ask(caller, &place, probe).await;
                    assert_eq!(
                        found, wanted,
                        "world {seed}: {caller:?} at {place:?} asks {} {}\n{:#?}",
                        probe.method, probe.path, world.grants
                    );
                    counts[match wanted {
                        Answer::Allowed => 0,
                        Answer::Forbidden => 1,
                        Answer::Hidden => 2,
                    }] += 1;
                }
            }
        }
    }
    assert!(counts.iter().all(|count| *count > 100), "the worlds say too little: {counts:?}");
}
