//! A new version of a rail that is tried on a share of the payments, and does worse than the one beside it.

use serde_json::{Value, json};

use crate::programs::built;
use crate::scene::{Scene, rail, saying};
use crate::strangers::lying;

/// What the next version of the rail says of itself: it promises the same.
fn next() -> String {
    let mut manifest: Value = serde_json::from_str(include_str!("../../../examples/hello-rail/manifest.json")).unwrap();
    (manifest["name"], manifest["version"]) = (json!("hello-twin"), json!("1.1.0"));
    let fields = manifest.as_object_mut().unwrap();
    fields.remove("description");
    manifest.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_canary_that_fails_half_of_its_orders_goes_back_and_the_operator_is_told() {
    let programs = built();
    let scene = Scene::new(&programs, "process", "");
    // One that heeds no memo, and in the next version one that does what a memo says.
    scene.drop_in("libone.so", &saying(&programs, "hello_rail", "\"hello-rail\"", "\"hello-twin\""));
    scene.drop_in("libtwo.so", &lying(&programs, &next()));
    let table = "plugin = \"hello-twin\"\nversion = \"1.0.0\"\ncanary = { version = \"1.1.0\", share = \"50%\" }";
    let (status, begun) = scene.reload(&rail("tried", "USD", table)).await;
    assert_eq!(status, 200, "{begun:#}");

    let by = async |memo: &str| {
        let paid = scene.paying("USD", memo, "wait=30").await.unwrap();
        let version = paid["attempts"][0]["taken_by"]["version"].as_str().unwrap_or_default().to_owned();
        (paid["state"].as_str().unwrap().to_owned(), version)
    };
    let mut settled = 0;
    let returned = 'tried: {
        for turn in 0..400 {
            // So the next version fails at each second of its orders.
            let memo = if turn % 2 == 0 { "panics" } else { "lunch" };
            let (state, version) = by(memo).await;
            let is_met = memo == "panics" && version != "1.0.0";
            assert_eq!(state, if is_met { "declined" } else { "completed" }, "{memo} by {version:?}\n{}", scene.log());
            settled += usize::from(version == "1.1.0" && !is_met);
            let shown = scene.instance("tried").await;
            if !shown["returned"].is_null() {
                break 'tried shown;
            }
        }
        panic!("it is tried still: {:#}", scene.instance("tried").await);
    };
    // It was no version that always fails.
    assert!(settled > 0, "{returned:#}");
    let because = returned["returned"]["because"].as_str().unwrap();
    let counts: Vec<u32> = because.split(' ').filter_map(|word| word.parse().ok()).collect();
    assert!(
        matches!(counts[..], [failed, calls, 0, others] if 0 < failed && failed < calls && others > 0),
        "{because}"
    );
    assert_eq!((&returned["version"], &returned["canary"]), (&json!("1.0.0"), &Value::Null), "{returned:#}");
    let log = scene.log();
    let line = log.lines().find(|line| line.contains("the canary goes back")).unwrap_or_else(|| panic!("{log}"));
    assert!(["ERROR", "tried", "1.1.0", because].iter().all(|part| line.contains(part)), "{line}");

    // Whatever is paid from now on goes over the version that works.
    for _ in 0..10 {
        assert_eq!(by("panics").await, ("completed".to_owned(), "1.0.0".to_owned()));
    }
    scene.end().await;
}
