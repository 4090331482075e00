//! Real libraries, from their files on.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use serde_json::{Value, json};
use sportello_host::{Ask, CallError, Declared, LoadError, OpenError, PickError, Sent, Spec, scan};
use sportello_sdk::{Outcome, Secret};

use crate::world::{World, until};

/// The folder of the libraries that are built for these tests, once.
pub(crate) fn folder() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let status = Command::new(std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
            .args(["build", "--quiet", "--workspace"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(status.success());
        // This program stands in `target/PROFILE/deps`, and the libraries in `target/debug`.
        let target = std::env::current_exe().unwrap().ancestors().nth(3).unwrap().to_owned();
        target.join("debug")
    })
}

pub(crate) fn file(name: &str) -> PathBuf {
    folder().join(format!("{}{name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX))
}

pub(crate) fn spec(settings: Value) -> Spec {
    let mut spec = Spec::new("anna", Arc::new(World::default()));
    spec.settings = settings;
    spec.backoff.pause = Duration::from_millis(1);
    spec
}

pub(crate) fn order() -> Vec<u8> {
    let party = json!({ "name": "anna", "account": "hello:1" });
    let order = json!({
        "key": "a1", "payment": "0190f5fe7c007a00a3f1c0ffee000001", "kind": "transfer",
        "amount": { "minor": 2000, "currency": "EUR" }, "debtor": party, "creditor": party, "made_at_ms": 1,
    });
    order.to_string().into_bytes()
}

#[tokio::test]
async fn a_rail_from_its_file_to_its_end() {
    let loaded = Declared::read(file("hello_rail")).unwrap().load().unwrap();
    let running = loaded.open(spec(json!({ "limit_minor": 5000 }))).await.unwrap();
    running.start();
    let answer = running.ask(Ask::new("submit", &order())).await.unwrap();
    assert!(matches!(answer.decode::<Outcome>().unwrap(), Outcome::Settled { .. }));
    assert_eq!(answer.sent, Sent::Nothing);
    let strict = loaded.open(spec(json!({ "limit_minor": 100 }))).await.unwrap();
    let answer = strict.ask(Ask::new("submit", &order())).await.unwrap();
    assert!(matches!(answer.decode::<Outcome>().unwrap(), Outcome::Declined { .. }));
    let error = strict.ask(Ask::new("dance", b"{}")).await.unwrap_err();
    assert_eq!(error.failure().unwrap().code, "unsupported");
    let wrong = loaded.open(spec(json!({ "limit_minor": "much", "limit": 1 }))).await.unwrap_err();
    assert!(matches!(&wrong, OpenError::Spec { errors, .. } if errors.0.len() == 2), "{wrong}");
    running.drain(Duration::from_secs(5)).await.close().await.unwrap();
}

#[tokio::test]
async fn what_runs_is_what_was_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rail.so");
    std::fs::copy(file("hello_rail"), &path).unwrap();
    let declared = Declared::read(&path).unwrap();
    // Written in place, as by somebody who waits for the moment between the check and the load.
    std::fs::write(&path, b"something else altogether").unwrap();
    assert!(declared.load().unwrap().open(spec(json!({}))).await.is_ok());
    assert!(Declared::read(&path).is_err());
}

#[tokio::test]
async fn the_same_bytes_are_loaded_once_and_different_ones_side_by_side() {
    let mut names = Vec::new();
    for name in ["hello_rail", "hello_channel", "hello_rail", "hostile_panics"] {
        let declared = Declared::read(file(name)).unwrap();
        let loaded = declared.clone().load().unwrap();
        assert_eq!(loaded.fingerprint(), Some(declared.fingerprint()));
        let schema = loaded.schema().await.unwrap();
        names.push(schema["properties"].as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(" "));
    }
    assert_eq!(names[0], names[2]);
    assert_ne!(names[0], names[1]);
    assert_ne!(names[0], names[3]);
    #[cfg(target_os = "linux")]
    {
        let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
        let mut sealed: Vec<_> = maps
            .lines()
            .filter_map(|line| line.find("/memfd:hello-rail").map(|_| line.split_whitespace().nth(4).unwrap()))
            .collect();
        sealed.dedup();
        assert_eq!(sealed.len(), 1, "{maps}");
    }
}

#[tokio::test]
async fn a_rail_that_panics_hurts_itself_alone() {
    let loaded = Declared::read(file("hostile_panics")).unwrap().load().unwrap();
    let good = Declared::read(file("hello_rail")).unwrap().load().unwrap().open(spec(json!({}))).await.unwrap();
    let told = |place: &str| spec(json!({ "panic_in": place }));
    let panicked = |error: &CallError, place: &str| {
        assert!(error.is_panic(), "{place}: {error}");
        assert_eq!(error.sent, Sent::Nothing, "{place}");
        assert!(error.to_string().contains("told to panic"), "{place}: {error}");
    };
    match loaded.open(told("open")).await {
        Err(OpenError::Failed { error, .. }) => panicked(&error, "open"),
        other => panic!("{other:?}"),
    }
    let inquiry = format!(r#"{{"order":{}}}"#, String::from_utf8(order()).unwrap());
    for (place, params) in [("submit", order()), ("inquire", inquiry.into_bytes())] {
        let running = loaded.open(told(place)).await.unwrap();
        panicked(&running.ask(Ask::new(place, &params)).await.unwrap_err(), place);
        panicked(&running.ask(Ask::new(place, &params)).await.unwrap_err(), place);
        assert_eq!(running.stats().panics, 2);
    }
    let running = loaded.open(told("run")).await.unwrap();
    running.start();
    until(|| running.stats().restarts >= 3).await;
    assert!(running.ask(Ask::new("submit", &order())).await.is_ok());
    assert_eq!(running.drain(Duration::from_secs(5)).await.left(), 0);

    let running = loaded.open(told("close")).await.unwrap();
    panicked(&running.drain(Duration::from_secs(5)).await.close().await.unwrap_err(), "close");

    // A panic in the drop of a call that was given up would abort the process, were it not for the fence.
    let running = loaded.open(told("drop")).await.unwrap();
    let error = running.ask(Ask::new("submit", &order()).within(Duration::from_millis(20))).await.unwrap_err();
    assert_eq!(error.sent, Sent::Nothing);
    until(|| running.stats().in_flight == 0).await;
    assert!(good.ask(Ask::new("submit", &order())).await.is_ok());
}

#[tokio::test]
async fn a_channel_that_panics_hurts_itself_alone() {
    let loaded = Declared::read(file("hostile_panics_channel")).unwrap().load().unwrap();
    let note = br#"{"key":"n1","to":"hello:1","private":true,"text":"paid"}"#;
    let mut spec = spec(json!({ "panic_in": "send" }));
    for name in &loaded.manifest().secrets {
        spec.secrets.insert(name.clone(), Secret::new("s3cret"));
    }
    let running = loaded.open(spec).await.unwrap();
    assert!(running.ask(Ask::new("send", note)).await.unwrap_err().is_panic());
}

#[test]
fn what_is_no_plugin_of_this_contract() {
    let check = |path: &Path, expected: &[&str]| {
        let error = Declared::read(path).unwrap_err().to_string();
        for part in expected {
            assert!(error.contains(part), "{error}");
        }
    };
    check(
        &file("hostile_next_contract"),
        &["`next-contract`", "contract 2.0", &format!("speaks {}", sportello_sdk::frames::CONTRACT), "newer gateway"],
    );
    check(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml").as_path(), &["not a shared library"]);
    check(&std::env::current_exe().unwrap(), &["no section `sportello.manifest`", "export_rail!"]);
    check(Path::new("nowhere.so"), &["nowhere.so: cannot be read"]);
    check(folder(), &["cannot be read"]);
    let pipes = tempfile::tempdir().unwrap();
    let pipe = pipes.path().join("libpipe.so");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    check(&pipe, &["cannot be read", "no regular file"]);
}

#[test]
fn folders_are_scanned() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let copy = |from: &str, to: &str| {
        std::fs::create_dir_all(at(to).parent().unwrap()).unwrap();
        std::fs::copy(file(from), at(to)).unwrap();
    };
    copy("hello_rail", "libhello_rail.so");
    copy("hello_rail", "again/again.so");
    copy("hello_channel", "hello-channel/libhello_channel.so");
    copy("hostile_panics", "unrelated/libother.so");
    copy("hostile_next_contract", "libnext.so");
    std::fs::write(at("libtext.so"), "text").unwrap();
    std::fs::write(at("notes.txt"), "text").unwrap();
    std::fs::copy(std::env::current_exe().unwrap(), at("libprogram.so")).unwrap();
    let found = scan(&[folder.path().to_owned()]);
    let names: Vec<_> = found.all().map(|declared| declared.manifest().name.as_str()).collect();
    assert_eq!(names, ["hello-channel", "hello-rail", "hello-rail"]);
    assert!(matches!(found.problems.as_slice(), [LoadError::Contract { .. }]), "{:?}", found.problems);
    // Twice the same is no question of which.
    assert!(found.pick("hello-rail").is_ok());
    let error = found.pick("hello-raul").unwrap_err();
    assert_eq!(error.to_string(), "no plugin is called `hello-raul`; there are: hello-channel, hello-rail");

    // The same name and version with other contents is.
    let mut other = std::fs::read(file("hello_rail")).unwrap();
    other.push(0);
    std::fs::write(at("again/again.so"), other).unwrap();
    let found = scan(&[folder.path().to_owned()]);
    assert!(matches!(found.pick("hello-rail"), Err(PickError::Ambiguous { .. })));

    let found = scan(&[at("libtext.so"), at("libprogram.so"), at("nowhere")]);
    assert_eq!(found.problems.len(), 3, "what is named must be a plugin");
}
