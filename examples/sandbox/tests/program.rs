//! The program: its first line, its end.
#![allow(
    unreachable_pub,
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly, and use their shared module in part"
)]

mod world;

use std::{
    io::{BufRead, BufReader},
    process::{Command, Stdio},
};

fn sandbox(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
    command.args(["--bank", "127.0.0.1:0"]).args(arguments);
    command.args(["--messenger", "127.0.0.1:0"]);
    command.args(["--smsc", "127.0.0.1:0", "--phones", "127.0.0.1:0"]);
    command.args(["--wallets", "127.0.0.1:0"]);
    command.args(["--acquirer", "127.0.0.1:0", "--cards", "127.0.0.1:0", "--threeds", "127.0.0.1:0"]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

#[test]
fn it_prints_its_addresses_and_ends_with_its_parent() {
    let mut child = sandbox(&["--x", "127.0.0.1:0", "--until-stdin-closes"]).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let addresses: serde_json::Value = serde_json::from_str(&line).unwrap();
    for half in ["x", "bank", "messenger", "phones", "cards", "threeds", "wallets"] {
        let address = addresses[half].as_str().unwrap();
        assert!(address.starts_with("http://127.0.0.1:") && !address.ends_with(":0"), "{line}");
    }
    for port in ["smsc", "acquirer"] {
        let port = addresses[port].as_str().unwrap();
        assert!(port.starts_with("127.0.0.1:") && !port.ends_with(":0"), "{line}");
    }
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_wrong_start_says_what_is_wrong() {
    let check = |arguments: &[&str], expected: &str| {
        let output = sandbox(arguments).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && text.contains(expected), "{text}");
    };
    check(&["--x", "127.0.0.1:0", "--bank-fault", "wrong=1"], "unknown field `wrong`");
    check(&["--x", "127.0.0.1:0", "--bank-fault", "wrong"], "key=value");
    check(&["--x", "127.0.0.1:0", "--x-fault", "delay_ms=soon"], "--x-fault");
    check(&["--x", "127.0.0.1:0", "--messenger-fault", "wrong=1"], "--messenger-fault: unknown field `wrong`");
    check(&["--x", "127.0.0.1:0", "--smsc-fault", "window=wide"], "--smsc-fault");
    check(&["--x", "127.0.0.1:0", "--wallet-fault", "wrong=1"], "--wallet-fault: unknown field `wrong`");
    check(&["--x", "127.0.0.1:0", "--acquirer-fault", "wrong=1"], "--acquirer-fault: unknown field `wrong`");
    check(&["--x", "127.0.0.1:0", "--threeds-fault", "wrong=1"], "--threeds-fault: unknown field `wrong`");
    check(&["--x", "256.0.0.1:0"], "cannot listen on");
}

#[test]
fn the_tables_are_in_the_help() {
    let output = sandbox(&["--help"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    for expected in ["13.13", "AM04", "41.41", "NL91ABNA0417164300", "4000002500003155", "1A"] {
        assert!(text.contains(expected), "{expected} in {text}");
    }
}

#[tokio::test]
async fn the_page_reaches_everybody_at_one_origin() {
    let running = world::Sandbox::start(&[]).await;
    let page = running.http.get(&running.x).send().await.unwrap();
    let policy = page.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("connect-src 'self'"), "{policy}");
    let page = page.text().await.unwrap();
    for path in ["/sandbox/people", "/sandbox/bank/accounts", "/sandbox/smsc/smsc", "/sandbox/messenger/people"] {
        assert!(page.contains(path), "the page does not ask for {path}");
        let status = running.http.get(format!("{}{path}", running.x)).send().await.unwrap().status();
        assert!(status.is_success(), "{path}: {status}");
    }
}
