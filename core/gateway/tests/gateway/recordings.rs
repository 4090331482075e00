//! What ends a recording, and what does not.

use std::fs::File;

use serde_json::{Value, json};
use sportello_gateway::plugins::Plugins;
use sportello_host::{Loaded, Recording, Replay};

use crate::versions::{CONFIG, canary, plugins, start, with};
use crate::world::World;

/// What an operator does.
enum Step {
    Reload(String),
    Switch(&'static str),
}

fn version(version: &str) -> Loaded {
    match plugins() {
        Plugins::BuiltIn(all) => all.into_iter().find(|loaded| loaded.manifest().version == version).unwrap(),
        Plugins::Folders => unreachable!("they are linked in"),
    }
}

async fn act(world: &World, step: Step) {
    let done = match step {
        Step::Reload(config) => world.reload(&config).await,
        Step::Switch(switch) => world.post(&format!("/v1/instances/bank/{switch}")).await,
    };
    assert_eq!(done.status, 200, "{done:?}");
}

#[tokio::test]
async fn a_recording_ends_with_what_it_is_of() {
    // What is there, what is done, and why the recording ends then; nothing where it goes on.
    let check = async |config: &str, step: Step, because: Option<&str>| {
        let world = start(config).await;
        let begun = world.post("/v1/instances/bank/record").await;
        assert_eq!((begun.status, &begun.body["ended"]), (200, &Value::Null), "{begun:?}");
        let file = world.folder.path().join(begun.body["file"].as_str().unwrap());
        for turn in 0..8 {
            world.paid_by(&format!("before {turn}")).await;
        }
        act(&world, step).await;
        let read = || Recording::read(File::open(&file).unwrap());
        if let Some(because) = because {
            // At once, and without a word of what follows.
            let len = std::fs::metadata(&file).unwrap().len();
            let recording = read().unwrap();
            assert_eq!((recording.is_whole(), recording.ended_because()), (true, Some(because)));
            let bank = world.bank().await;
            assert!(bank.is_null() || bank["recording"]["ended"] == because, "{bank:#}");
            world.pay("after", json!({})).await;
            assert_eq!(std::fs::metadata(&file).unwrap().len(), len);
        } else {
            assert_eq!(world.bank().await["recording"]["ended"], Value::Null);
            world.pay("after", json!({})).await;
        }
        let ended = world.post("/v1/instances/bank/record-end").await;
        assert_eq!((ended.status, ended.body["ended"].as_str()), (200, because), "{ended:?}");
        assert_eq!(world.post("/v1/instances/bank/record-end").await.status, 409);
        let recording = read().unwrap();
        assert_eq!((recording.is_whole(), recording.plugin()), (true, ["versioned", "1.0.0"]));
        assert_eq!(Replay::default().play(&recording, &version("1.0.0")).await.differences, []);
        world.gateway.drain().await;
    };
    let reload = |changes: &[(&str, &str)]| Step::Reload(with(changes));
    let second = Some("version 1.1.0 has taken the place of 1.0.0");
    check(CONFIG, reload(&[("1.0.0", "1.1.0")]), second).await;
    let other = "version = \"1.0.0\"\nsettings = { limit_minor = 5000 }";
    let settings = Some("version 1.0.0 was opened anew with other settings");
    check(CONFIG, reload(&[("version = \"1.0.0\"", other)]), settings).await;
    let out = reload(&[("[rails.bank]", "[rails.other]"), ("[\"bank\"]", "[\"other\"]")]);
    check(CONFIG, out, Some("it was taken out of gateway.toml")).await;
    check(CONFIG, Step::Switch("disable"), Some("it was switched off")).await;
    check(CONFIG, Step::Switch("drain"), Some("it was switched off")).await;
    check(&canary("1.1.0"), Step::Switch("promote"), second).await;
    // These put nothing else in its place.
    check(&canary("1.1.0"), Step::Switch("rollback"), None).await;
    check(CONFIG, Step::Reload(canary("1.1.0")), None).await;
    check(CONFIG, reload(&[("Paolo Bianchi", "Paolo Verdi")]), None).await;
}

#[tokio::test]
async fn what_is_off_is_not_recorded_and_one_that_ended_is_followed_by_another() {
    let world = start(CONFIG).await;
    act(&world, Step::Switch("disable")).await;
    let refused = world.post("/v1/instances/bank/record").await;
    assert_eq!(refused.status, 409, "{refused:?}");
    act(&world, Step::Switch("enable")).await;
    let first = world.post("/v1/instances/bank/record").await.body["file"].clone();
    act(&world, Step::Reload(with(&[("1.0.0", "1.1.0")]))).await;
    // Nobody has fetched the first one.
    let second = world.post("/v1/instances/bank/record").await;
    assert_eq!((second.status, &second.body["ended"]), (200, &Value::Null), "{second:?}");
    assert_ne!(second.body["file"], first);
    // Back to a version that was recorded once.
    act(&world, Step::Switch("rollback")).await;
    assert_eq!(world.paid_by("back").await, "1.0.0");
    let ended = world.post("/v1/instances/bank/record-end").await;
    assert_eq!(ended.body["ended"], "version 1.0.0 has taken the place of 1.1.0", "{ended:?}");
    assert_eq!(ended.body["changed"], Value::Null, "there is nothing to replace");
    world.gateway.drain().await;
}
