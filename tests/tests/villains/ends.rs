//! What kills or stops a process kills or stops the plugin's own alone: what it was doing is in doubt, and that ends by asking;
//! it comes back; and what it reaches for is kept from it.

use crate::programs::built;
use crate::provider::Provider;
use crate::scene::{Scene, rail};

/// How a process ends; the currency of the instance to which that happens, so that no pause before a start is a long one; and
/// what the operator is told.
const ENDS: [(&str, &str, &str); 8] = [
    ("segfault", "USD", "SIGSEGV"),
    ("abort", "GBP", "SIGABRT"),
    ("exit", "CHF", "it exited with status 3"),
    ("memory", "SEK", "its memory bound of 64 MB was reached"),
    ("loop", "NOK", "it hung"),
    ("fork-bomb", "DKK", "it hung"),
    ("exec", "PLN", "SIGSYS"),
    ("garbage", "CZK", "it broke the framing"),
];

/// A rail that does what no code in the gateway's own process could be kept from.
fn escapes(provider: &Provider) -> String {
    format!(
        "plugin = \"escapes\"\nisolation = \"process\"\ndeadline = \"20s\"\ngrants = [\"pan\", {:?}]\n\
         limits = {{ memory_mb = 64 }}\nsettings = {{ token = \"token-of-the-villain\" }}",
        provider.address
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_a_process_ends_the_plugins_own_and_its_order_is_asked_about() {
    let provider = Provider::start().await;
    let table = escapes(&provider);
    let villains: String = ENDS.iter().map(|(end, currency, _)| rail(end, currency, &table)).collect();
    let scene = Scene::new(&built(), "process", &villains);
    let mut in_doubt = Vec::new();
    for (end, currency, told) in ENDS {
        // Its provider has it when the process ends.
        let memo = format!("http-then {}/{end} {end}", provider.address);
        let (_, id) = scene.commits(currency, &memo, "wait=0").await;
        scene.until(told, async || scene.log().contains(told)).await;
        let events = async || scene.get(&format!("/v1/payments/{id}/events")).await.to_string();
        scene.until(end, async || events().await.contains("unknown")).await;
        scene.others_go_on().await;
        in_doubt.push((end, currency, id));
    }
    for (end, currency, id) in in_doubt {
        scene.until_it_is(&id, "completed settled").await;
        assert_eq!(provider.taken(&format!("/{end}")), 1, "{end}");
        scene.is_back(end).await;
        let instance = scene.instance(end).await;
        assert_eq!(instance["restarts"], 1, "{instance:#}");
        scene.check(currency, "nothing", "transferring pending", "").await;
    }
    // Where no byte had left, nobody is in doubt.
    scene.check("USD", "segfault", "declined not_sent", "SIGSEGV").await;
    scene.is_back("segfault").await;
    scene.end().await;
}

/// A rail that ends at each order is started again, later each time: nothing is busy with it all day.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ends_again_and_again_is_started_with_pauses_that_grow() {
    let provider = Provider::start().await;
    let scene = Scene::new(&built(), "process", &rail("escapes", "USD", &escapes(&provider)));
    for _ in 0..5 {
        scene.is_back("escapes").await;
        scene.check("USD", "segfault", "declined not_sent", "SIGSEGV").await;
    }
    scene.is_back("escapes").await;
    let log = scene.log();
    let of_it = || log.lines().filter(|line| line.contains("instance=\"escapes\""));
    let ends = of_it().filter(|line| line.contains("the plugin has ended by itself")).map(second_of);
    let starts = of_it().filter(|line| line.contains(" open ")).map(second_of).skip(1);
    let pauses: Vec<f64> = ends.zip(starts).map(|(end, start)| (start - end).rem_euclid(86_400.0)).collect();
    // They double, up to a part that is left to chance: 0.1 to 0.2 s at first, 1.6 to 3.2 at last.
    assert!(pauses.len() == 5 && pauses[4] > 1.6 && pauses[4] > 2.0 * pauses[0], "{pauses:?}\n{log}");
    scene.end().await;
}

/// The second of the day at which a line was written.
fn second_of(line: &str) -> f64 {
    let time = line.split_once('T').and_then(|(_, rest)| rest.split_once('Z')).unwrap().0;
    time.split(':').fold(0.0, |seconds, part| seconds * 60.0 + part.parse::<f64>().unwrap())
}

/// What shares the gateway's process ends it, and all that it has in hand: that can be told, and not contained. It is told
/// whose code it was, in the moment and at the next start, which finds out what became of the order.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_ends_the_process_that_it_shares_is_named() {
    let provider = Provider::start().await;
    let programs = built();
    let table = escapes(&provider).replace("isolation = \"process\"", "isolation = \"in-process\"");
    let table = table.replace("limits = { memory_mb = 64 }\n", "");
    let mut scene = Scene::new(&programs, "in-process", &rail("escapes", "USD", &table));
    scene.others_end().await;
    for (end, told) in [("segfault", "SIGSEGV"), ("abort", "SIGABRT"), ("exit", "exit")] {
        let memo = format!("http-then {}/shared-{end} {end}", provider.address);
        // Nobody answers.
        assert!(scene.paying("USD", &memo, "wait=0").await.is_none_or(|paid| paid["state"] == "transferring"));
        let status = scene.gateway.0.wait().unwrap();
        assert!(!status.success(), "{status}");
        let named = format!("ends in the code of the plugin of escapes, which shares its process: {told}");
        assert!(scene.log().contains(&named), "{}", scene.log());
        scene.start_again(&programs);
        let (log, how) = (scene.log(), format!("how=\"{told}\""));
        assert!(log.contains("the code of this plugin ended it") && log.contains(&how), "{log}");
        let all = scene.get("/v1/payments?limit=1").await;
        let id = all["payments"][0]["id"].as_str().unwrap().to_owned();
        scene.until_it_is(&id, "completed settled").await;
        let events = scene.get(&format!("/v1/payments/{id}/events")).await.to_string();
        assert!(events.contains("unknown"), "{events}");
        assert_eq!(provider.taken(&format!("/shared-{end}")), 1, "{end}");
    }
    assert!(scene.at("sportello.db.crash").exists());
    let ended = std::process::Command::new("kill").arg(scene.gateway.0.id().to_string()).status().unwrap();
    assert!(ended.success() && scene.gateway.0.wait().unwrap().success());
    assert!(!scene.at("sportello.db.crash").exists());
}

/// So it is where that ends before it has begun: when a plugin is asked what its settings are.
#[test]
fn whoever_ends_a_start_is_named() {
    let programs = built();
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "[gateway]\nlisten = \"127.0.0.1:0\"\nstore = \"sqlite:store.db\"\nplugins = [{programs:?}]\n\
         key = {{ file = \"key\" }}\n[rails.first]\nplugin = \"villain\"\nisolation = \"in-process\"\n"
    );
    std::fs::write(folder.path().join("gateway.toml"), config).unwrap();
    let mut run = std::process::Command::new(programs.join("sportello"));
    let ended = run.current_dir(&folder).env("VILLAIN_ABORTS", "1").arg("run").output().unwrap();
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(!ended.status.success(), "{ended:?}");
    assert!(said.contains("ends in the code of the plugin of villain, which shares its process: SIGABRT"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_process_reaches_for_is_kept_from_it_while_others_pay() {
    let provider = Provider::start().await;
    let scene = Scene::new(&built(), "process", &rail("escapes", "USD", &escapes(&provider)));
    let (store, gateway) = (scene.at("sportello.db"), scene.gateway.0.id());
    scene.is_back("escapes").await;
    let before = scene.instance("escapes").await["process"].clone();
    // What is refused, and whether the operator is told: threads and processes are refused without a word.
    for (what, is_told) in [
        (format!("file {}", store.display()).as_str(), true),
        (format!("write {}", store.display()).as_str(), true),
        (format!("file /proc/{gateway}/mem").as_str(), true),
        (format!("kill {gateway}").as_str(), true),
        (format!("tcp {}", provider.address.trim_start_matches("http://")).as_str(), true),
        ("file /etc/passwd", true),
        ("file /proc/self/environ", true),
        ("udp", true),
        ("fork", false),
        ("thread", false),
        // It would outlive its gateway.
        ("outlive", true),
    ] {
        let so_far = scene.instance("escapes").await["stats"]["denied"].as_u64().unwrap();
        let id = scene.check("USD", what, "transferring pending", "").await;
        // Each is counted; the log tells of it once a second at most.
        scene.until_instance("escapes", |one| !is_told || one["stats"]["denied"].as_u64().unwrap() > so_far).await;
        let events = scene.get(&format!("/v1/payments/{id}/events")).await.to_string();
        assert!(events.contains("refused ") && !events.contains("done "), "{what}: {events}");
    }
    assert!(scene.log().contains("its process may not ask the system for"), "{}", scene.log());
    // What it says in answer to nobody is nobody's, and the operator hears of it.
    scene.check("USD", "answers-nobody", "transferring pending", "it answers what nobody waits for").await;
    assert_eq!(scene.instance("escapes").await["process"], before);
    scene.end().await;
}
