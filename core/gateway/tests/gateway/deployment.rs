//! What is wrong with plugins and their settings is said together with what is wrong with the file.

use crate::world::{CONFIG, prepare, start_with};
use serde_json::json;
use sportello_gateway::{Gateway, StartError};

#[tokio::test]
async fn mistakes_of_the_file_and_of_the_settings_come_together() {
    let check = async |from: &str, to: &str, expected: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        assert!(CONFIG.contains(from), "{from}");
        let found = prepare(folder.path(), &CONFIG.replacen(from, to, 1)).await.err().unwrap_or_default();
        let matches = found.len() == expected.len() && found.iter().zip(expected).all(|(f, e)| f.contains(e));
        assert!(matches, "{to}\nfound    {found:#?}\nexpected {expected:#?}");
    };
    check("name = \"all\"", "name = \"all\"", &[]).await;
    check(
        "name = \"sportello\"",
        "nme = \"sportello\"",
        &[
            "channels.chat.settings: \"name\" is a required property",
            "channels.chat.settings.nme: unknown key; did you mean \"name\"?",
        ],
    )
    .await;
    check(
        "webhook_secret = \"webhook-secret-of-the-test\"",
        "",
        &["channels.chat.settings.webhook_secret: the plugin needs this secret; write it as in: webhook_secret = { env"],
    )
    .await;
    check(
        "webhook_secret = \"webhook-secret-of-the-test\"",
        "webhook_secret = { env = \"NOT_THERE\" }",
        &["channels.chat.settings.webhook_secret: the environment variable NOT_THERE is not set"],
    )
    .await;
    check("limit_minor = 100000", "limit_minor = \"much\"", &["rails.bank.settings.limit_minor: "]).await;
    check(
        "plugin = \"test-rail\"",
        "plugin = \"test-channel\"",
        &["rails.bank.plugin: the plugin \"test-channel\" is a channel; write it under [channels.bank]"],
    )
    .await;
    check("plugin = \"test-rail\"", "plugin = \"nothing\"", &["rails.bank.plugin: no plugin is called \"nothing\""])
        .await;
    check(
        "drain = \"10s\"",
        "drain = \"soon\"\nlisten2 = 1\n[rails.other]\nplugin = \"test-rail\"\nsettings = { limit_minor = -1, limt = 2 }\n[x]",
        &[
            "gateway.drain: \"soon\" is no duration",
            "gateway.listen2: unknown key; did you mean \"listen\"?",
            "rails.other.settings.limt: unknown key; ",
            "rails.other.settings.limit_minor: ",
            "x: unknown key",
        ],
    )
    .await;
}

#[tokio::test]
async fn what_stands_in_two_places_agrees() {
    let check = async |grants: &str, name: &str, handle: &str, expected: &[&str]| {
        let folder = tempfile::tempdir().unwrap();
        let config = CONFIG.replacen("\"chat:1002\"", &format!("\"chat:1002\", {handle:?}"), 1);
        let room = format!(
            "[channels.room]\nplugin = \"scoped-channel\"\ngrants = [{grants}]\n[channels.room.settings]\n\
             name = {name:?}\nwebhook_secret = \"a-secret-of-its-own\"\n"
        );
        let found = prepare(folder.path(), &format!("{config}\n{room}")).await.err().unwrap_or_default();
        let matches = found.len() == expected.len() && found.iter().zip(expected).all(|(f, e)| f.contains(e));
        assert!(matches, "{grants} {name} {handle}\nfound    {found:#?}\nexpected {expected:#?}");
    };
    check("", "main", "room:main/77", &[]).await;
    check("", "main", "room:@anna", &[]).await;
    check("", "main", "elsewhere:77", &[]).await;
    for stranger in ["room:77", "room:main", "room:main/", "room:mainly/77", "room:other/77"] {
        let expected =
            "belongs to no channel here; write the channel's account before the person's id, as \"room:main/ID\"";
        check("", "main", stranger, &[&format!("profiles[1].handles[1]: {stranger:?} {expected}")]).await;
    }
    let address = "tcp://10.1.2.3:2775";
    check("\"tcp://10.1.2.3:2775\"", address, "chat:7", &[]).await;
    check("\"tcp://*:*\"", address, "chat:7", &[]).await;
    for grants in ["", "\"tcp://10.1.2.4:2775\"", "\"tls://10.1.2.3:2775\""] {
        let expected = "channels.room.settings.name: \"tcp://10.1.2.3:2775\" is not among the grants of channels.room; \
                        write grants = [\"tcp://10.1.2.3:2775\"] under [channels.room]";
        check(grants, address, "chat:7", &[expected]).await;
    }
    check("", "tcp://10.1.2.3", "chat:7", &["leads nowhere: a stream's address ends in its port; write it as"]).await;
    check("", "tcp://10.1.2.3:25", "chat:7", &["tcp://10.1.2.3:25 is not among the `endpoints`"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_whose_plugins_cannot_work_with_their_settings_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let config = CONFIG.replace("limit_minor = 100000", "refuse_to_open = true");
    let deployment = prepare(folder.path(), &config).await.unwrap();
    let Err(StartError::Settings(why)) = Gateway::start(deployment).await else {
        panic!("it started");
    };
    assert!(why.len() == 1 && why[0].contains("bank") && why[0].contains("this rail never opens"), "{why:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_panics_in_open_hurts_itself_alone() {
    let config = CONFIG.replace("limit_minor = 100000", "panic_in_open = true");
    let config = format!("{config}\n[rails.other]\nplugin = \"test-rail\"\n");
    let world = start_with(&config.replace("transfer = [\"bank\"]", "transfer = [\"bank\", \"other\"]")).await;
    let ready = world.get("/readyz").await;
    assert_eq!((ready.status, &ready.body), (200, &json!({"status": "degraded", "closed": ["bank"]})));
    let instances = world.get("/v1/instances").await;
    assert_eq!(instances.body["instances"][0]["state"], "closed", "{instances:?}");
    assert!(instances.body["instances"][0]["because"].as_str().unwrap().contains("this rail panics"), "{instances:?}");
    // No byte left, that is certain: so the next rail of the route pays.
    let paid = world.pay("k", json!({})).await;
    assert_eq!(
        (&paid.body["state"], &paid.body["attempts"][1]["rail"]),
        (&json!("completed"), &json!("other")),
        "{paid:?}"
    );
    world.gateway.drain().await;
}
