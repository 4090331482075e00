//! What kills or stops a process kills or stops the plugin's own alone: what it was doing is in doubt, and that ends by asking;
//! it comes back; and what it reaches for is kept from it.

use crate::provider::Provider;
use crate::scene::{Scene, built_with_villains, rail};

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
    let scene = Scene::new(&built_with_villains(), "process", &villains);
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_process_reaches_for_is_kept_from_it_while_others_pay() {
    let provider = Provider::start().await;
    let scene = Scene::new(&built_with_villains(), "process", &rail("escapes", "USD", &escapes(&provider)));
    let (store, gateway) = (scene.at("sportello.db"), scene.gateway.0.id());
    scene.is_back("escapes").await;
    let before = scene.instance("escapes").await["process"].clone();
    for what in [
        &format!("file {}", store.display()),
        &format!("write {}", store.display()),
        &format!("file /proc/{gateway}/mem"),
        &format!("kill {gateway}"),
        &format!("tcp {}", provider.address.trim_start_matches("http://")),
        "file /etc/passwd",
        "file /proc/self/environ",
        "udp",
        "fork",
        "thread",
        // It would outlive its gateway.
        "outlive",
    ] {
        let id = scene.check("USD", what, "transferring pending", "").await;
        let events = scene.get(&format!("/v1/payments/{id}/events")).await.to_string();
        assert!(events.contains("refused ") && !events.contains("done "), "{what}: {events}");
    }
    assert_eq!(scene.instance("escapes").await["process"], before);
    scene.end().await;
}
