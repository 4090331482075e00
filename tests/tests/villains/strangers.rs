//! A library that somebody drops into the folder while people pay, and that is not what it should be.

use std::path::Path;

use crate::programs::built;
use crate::scene::{Scene, rail};

/// The villain, saying of itself something else.
pub(crate) fn lying(programs: &Path, says: &str) -> Vec<u8> {
    let mut library = std::fs::read(programs.join("libhostile_villain.so")).unwrap();
    let manifest = include_bytes!("../../hostile/villain/manifest.json");
    let at = library.windows(manifest.len()).position(|window| window == manifest).unwrap();
    let padded = format!("{says:len$}", len = manifest.len());
    library[at..at + manifest.len()].copy_from_slice(padded.as_bytes());
    library
}

fn manifest(name: &str, kind: &str, contract: &str) -> String {
    format!(
        r#"{{"name":"{name}","kind":"{kind}","version":"1.0.0","contract":"{contract}",
        "rail":{{"accounts":["iban"],"orders":{{"transfer":{{"doubt":"statement"}}}}}}}}"#
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_library_that_is_not_what_it_should_be_is_refused_while_others_pay() {
    let programs = built();
    let scene = Scene::new(&programs, "process", "");
    let built = |name: &str| std::fs::read(programs.join(format!("libhostile_{name}.so"))).unwrap();
    let check = async |library: &[u8], name: &str, isolation: &str, told: &str| {
        // It is called as it says that it is; but for what is there.
        let stem = if name == "hello-rail" { "another".to_owned() } else { name.replace('-', "_") };
        let file = scene.at(&format!("plugins/lib{stem}.so"));
        std::fs::write(&file, library).unwrap();
        let table = format!("plugin = {name:?}\nisolation = {isolation:?}");
        let (status, said) = scene.reload(&rail("dropped", "USD", &table)).await;
        assert!(status == 422 && said.to_string().contains(told), "{name}: {status} {said:#}");
        // The operator is told in the log as well, and nothing has changed.
        scene.until(told, async || scene.log().contains(told)).await;
        let shown = scene.get("/v1/instances").await;
        assert_eq!(shown["instances"].as_array().map(Vec::len), Some(2), "{shown:#}");
        assert_eq!(shown["last_reload"]["problems"], said["problems"]);
        scene.others_go_on().await;
        std::fs::remove_file(file).unwrap();
    };
    check(&built("next_contract"), "next-contract", "process", "contract 2.0").await;
    for isolation in ["process", "in-process"] {
        check(&built("next_layout"), "next-layout", isolation, "its ABI is not ours").await;
    }
    let lies = |name, kind, contract| lying(&programs, &manifest(name, kind, contract));
    check(&lies("newer", "rail", "1.99"), "newer", "process", "contract 1.99").await;
    check(&built("panics_channel"), "panics-channel", "process", "is a channel").await;
    check(&lies("liar", "bank", "1.0"), "liar", "process", "bank").await;
    check(&lies("liar", "channel", "1.0"), "liar", "process", "its manifest is wrong").await;
    // It says that it is another one, which is there and pays.
    check(&lies("hello-rail", "rail", "1.0"), "hello-rail", "process", "both say that they are `hello-rail` 1.0.0")
        .await;
    check(&lying(&programs, "{"), "liar", "process", "its manifest is wrong").await;
    // And one that is as it should be is taken.
    let table = "plugin = \"villain\"\nisolation = \"process\"";
    let (status, said) = scene.reload(&rail("dropped", "USD", table)).await;
    assert_eq!(status, 200, "{said:#}");
    scene.check("USD", "behaves", "completed settled", "").await;
    scene.end().await;
}
