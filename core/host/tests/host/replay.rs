//! What passes between host and plugin is kept, and another version is tried against it.

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use sportello_host::{Ask, Loaded, Recorder, Recording, RecordingError, Replay, Replayed, Spec, Subject};
use sportello_sdk::frames::Reply;

use crate::world::{Asked, manifest, ok, raw, spec};

/// A file in memory.
#[derive(Clone, Default)]
struct Sheet(Arc<Mutex<Vec<u8>>>);

impl Write for Sheet {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Sheet {
    fn recorder(&self, sees_pan: bool) -> Arc<Recorder> {
        let plugin = ["raw".to_owned(), "1.0.0".to_owned()];
        let subject = Subject { instance: "paolo".to_owned(), plugin, sha256: None, sees_pan, at_ms: 7 };
        // As the program takes secrets and card numbers out.
        let redact = |text: &str| text.replace("s3cret", "[redacted]").replace("4111111111111111", "[card]");
        Recorder::new(subject, Arc::new(redact), self.clone()).unwrap()
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// How a version of the plugin works.
#[derive(Clone, Copy, Default)]
struct Version {
    stores_under: &'static str,
    asks_secret: bool,
    answers: u64,
    asks_twice: bool,
    says_nothing: bool,
    fails: bool,
}

const FIRST: Version = Version {
    stores_under: "last",
    asks_secret: true,
    answers: 1,
    asks_twice: false,
    says_nothing: false,
    fails: false,
};

fn version(version: Version) -> Loaded {
    raw(manifest(&[]), move |asked: Asked| act(version, asked))
}

async fn act(version: Version, asked: Asked) -> Reply {
    if version.says_nothing {
        return std::future::pending().await;
    }
    if version.asks_secret {
        asked.ask("secret", json!({ "name": "token" })).await;
    }
    let name = json!({ "name": version.stores_under, "expected": 0 });
    asked.host.call(asked.frame.call, "store.put", name.to_string().into(), Bytes::from_static(b"s3cret")).await;
    if version.asks_twice {
        asked.ask("sleep", json!({ "for_ms": 0 })).await;
    }
    if version.fails {
        return Reply { ok: false, ..ok(json!({})) };
    }
    ok(json!({ "answer": version.answers, "card": "4111111111111111", "asked": asked.frame.params }))
}

/// What is recorded of two calls.
async fn recorded(spec: Spec, sees_pan: bool) -> Sheet {
    let sheet = Sheet::default();
    let recorder = sheet.recorder(sees_pan);
    let running = version(FIRST).open(Spec { recorder: Some(Arc::clone(&recorder)), ..spec }).await.unwrap();
    for call in 0..2 {
        running.ask(Ask::new("submit", json!({ "key": call }).to_string().as_bytes())).await.unwrap();
    }
    running.drain(Duration::from_secs(5)).await.close().await.unwrap();
    recorder.finish();
    assert!(!recorder.is_broken());
    sheet
}

async fn played(recording: &Recording, against: Loaded) -> Replayed {
    Replay { patience: Duration::from_millis(200), ..Replay::default() }.play(recording, &against).await
}

#[tokio::test]
async fn another_version_is_tried_against_what_was_recorded() {
    let recording = Recording::read(recorded(spec(), false).await.text().as_bytes()).unwrap();
    assert!(recording.is_whole());
    assert_eq!(recording.plugin(), ["raw", "1.0.0"]);
    let check = async |against: Version, expected: &[&str]| {
        let replayed = played(&recording, version(against)).await;
        let told: Vec<String> = replayed.differences.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), expected.len(), "{told:#?}");
        for (told, expected) in told.iter().zip(expected) {
            assert!(told.contains(expected), "{told} does not say {expected}");
        }
    };
    check(FIRST, &[]).await;
    let answers = Version { answers: 2, ..FIRST };
    check(answers, &["(`submit`) at /answer: it was 1, and is 2"; 2]).await;
    let elsewhere = Version { stores_under: "first", ..FIRST };
    check(elsewhere, &["(`store.put`) at /name: it was \"last\", and is \"first\""; 2]).await;
    let curious = Version { asks_twice: true, ..FIRST };
    check(curious, &["a new question `sleep`"; 2]).await;
    let fails = Version { fails: true, ..FIRST };
    check(fails, &["it was a result: "; 2]).await;
    let incurious = Version { asks_secret: false, ..FIRST };
    let told = ["a new question `store.put`", "`secret` did not come", "`store.put` did not come"];
    check(incurious, &told.repeat(2)).await;
    let silent = Version { says_nothing: true, ..FIRST };
    let told = ["`secret` did not come", "`store.put` did not come", "`submit` did not come"];
    check(silent, &told.repeat(2)).await;
}

#[tokio::test]
async fn what_nobody_should_read_is_in_no_recording() {
    let check = async |sees_pan: bool, body_of_store: &str| {
        let text = recorded(spec(), sees_pan).await.text();
        for absent in ["s3cret", "4111111111111111", "a card"] {
            assert!(!text.contains(absent), "{text}");
        }
        assert!(text.contains(body_of_store), "{text}");
        // It is played all the same.
        let recording = Recording::read(text.as_bytes()).unwrap();
        assert_eq!(played(&recording, version(FIRST)).await.differences, []);
    };
    check(false, r#""body":{"text":"[redacted]"}"#).await;
    check(true, r#""body":{"left_out":6}"#).await;
}

#[tokio::test]
async fn recordings_that_are_none() {
    let whole = recorded(spec(), false).await.text();
    let check = |text: &str, expected: Result<bool, &str>| {
        let read = Recording::read(text.as_bytes()).map(|recording| recording.is_whole());
        match (read, expected) {
            (Ok(is_whole), Ok(expected)) => assert_eq!(is_whole, expected),
            (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
            (read, expected) => panic!("{read:?}, and not {expected:?}"),
        }
    };
    check(&whole, Ok(true));
    // A crash cut the last line.
    check(&whole[..whole.len() - 20], Ok(false));
    check("", Err("does not begin"));
    check(whole.split_once('\n').unwrap().1, Err("does not begin"));
    check(&whole.replace("\"format\":1", "\"format\":2"), Err("format 2"));
    check(&format!("{whole}nonsense\n{{}}\n"), Err("is not as"));
    assert!(matches!(Recording::read(&b"\xff\n"[..]), Err(RecordingError::Unreadable(_))));
}

#[tokio::test]
async fn a_full_disk_ends_the_recording_and_nothing_else() {
    struct Full;
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("no space left"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Err(std::io::Error::other("no space left"))
        }
    }
    let plugin = ["raw".to_owned(), "1.0.0".to_owned()];
    let subject = Subject { instance: "paolo".to_owned(), plugin, sha256: None, sees_pan: false, at_ms: 7 };
    let recorder = Recorder::new(subject, Arc::new(|text: &str| text.to_owned()), Full).unwrap();
    let running = version(FIRST).open(Spec { recorder: Some(Arc::clone(&recorder)), ..spec() }).await.unwrap();
    for _ in 0..100 {
        running.ask(Ask::new("submit", b"{}")).await.unwrap();
    }
    recorder.finish();
    assert!(recorder.is_broken());
}

/// Calls are numbered anew by each instance, and a replay has one: what follows one that ended by itself is not recorded.
#[tokio::test]
async fn a_recording_is_of_one_instance() {
    let sheet = Sheet::default();
    let recorder = sheet.recorder(false);
    for _ in 0..2 {
        let running = version(FIRST).open(Spec { recorder: Some(Arc::clone(&recorder)), ..spec() }).await.unwrap();
        running.ask(Ask::new("submit", b"{}")).await.unwrap();
        running.drain(Duration::from_secs(5)).await.close().await.unwrap();
    }
    recorder.finish();
    let because = Some("the plugin had ended by itself, and was opened anew");
    assert_eq!((recorder.ended(), recorder.is_broken()), (because, false));
    let recording = Recording::read(sheet.text().as_bytes()).unwrap();
    assert_eq!((recording.is_whole(), recording.ended_because()), (true, because));
    assert_eq!(sheet.text().matches(r#""method":"submit""#).count(), 1);
    assert_eq!(played(&recording, version(FIRST)).await.differences, []);
    // Whoever finishes it later changes nothing.
    recorder.end("another reason");
    assert_eq!(recorder.ended(), because);
}

#[tokio::test]
async fn a_plugin_that_is_played_to_is_given_the_secrets_that_are_real() {
    let recording = Recording::read(recorded(spec(), false).await.text().as_bytes()).unwrap();
    let given = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&given);
    let curious = raw(manifest(&[]), move |asked: Asked| {
        let noted = Arc::clone(&noted);
        async move {
            let answer = asked.ask("secret", json!({ "name": "token" })).await;
            noted.lock().unwrap().push(String::from_utf8(answer.frame.to_vec()).unwrap());
            act(Version { asks_secret: false, ..FIRST }, asked).await
        }
    });
    let secrets = [("token".to_owned(), "a real one".to_owned())].into();
    let replay = Replay { patience: Duration::from_millis(200), secrets };
    assert_eq!(replay.play(&recording, &curious).await.differences, []);
    let given = given.lock().unwrap().clone();
    assert_eq!(given.len(), 2);
    assert!(given.iter().all(|frame| frame.contains(r#""value":"a real one""#)), "{given:?}");
}
