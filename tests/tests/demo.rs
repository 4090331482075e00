//! The stories of the demo, end to end: posts, SMS and chats, webhooks and links, codes, a bank, notes; with every program
//! for real.
#![allow(clippy::unwrap_used, reason = "a test may fail loudly: that is what it is for")]

mod programs;

use std::process::Command;

use programs::{built, root};

/// The program, with all that a demo needs beside it.
fn sportello() -> Command {
    let mut sportello = Command::new(built().join("sportello"));
    sportello.current_dir(root());
    sportello
}

#[test]
fn a_demo_that_cannot_start_says_why() {
    let folder = std::env::temp_dir().join(format!("sportello-demo-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("gateway.toml");
    let config = std::fs::read_to_string(root().join("gateway.toml")).unwrap();
    std::fs::write(&file, config.replace("deadline = ", "deadlin = ")).unwrap();
    let demo = sportello().args(["demo", "--once", "--config"]).arg(&file).output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let logged = String::from_utf8_lossy(&demo.stderr);
    assert_eq!(demo.status.code(), Some(1), "{logged}");
    assert!(logged.contains("did you mean \"deadline\"?"), "{logged}");
}

#[test]
fn the_stories_end_as_they_should() {
    let demo = sportello().args(["demo", "--once", "--json"]).output().unwrap();
    let said = String::from_utf8_lossy(&demo.stdout);
    let logged = String::from_utf8_lossy(&demo.stderr);
    assert!(demo.status.success(), "{said}\n{logged}");
    let stories: Vec<serde_json::Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(stories.len(), 15, "{said}");
    for story in &stories {
        assert!(story["wrong"].is_null(), "{story}");
    }
    for secret in [
        "sandbox-consumer-secret",
        "sandbox-token-secret",
        "sandbox-bank-token",
        "sandbox-3ds-key",
        "5555555555554444",
        "4895370012003478",
        "sandbox-app-secret",
        "sandbox-page-token",
        "smsc-pw",
        "IT60X0542811101000000123456",
        "+393331234567",
    ] {
        assert!(!logged.contains(secret), "{secret} stands in the log");
    }
}
