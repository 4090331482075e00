//! The program itself is told to read its configuration again: by a signal, by a command, or because it watches.

use std::path::Path;
use std::time::{Duration, Instant};

use reqwest::Method;

use crate::program::{folder_with, run, running, tell};
use crate::versions::{start, with};
use crate::world::answer;

const CONFIG: &str = r#"
[gateway]
listen = "LISTEN"
store = "sqlite:store.db"
key = { file = "key" }
watch = WATCH

[[keys]]
name = "operator"
secret = "key-that-may-operate"
scopes = ["payments:read", "operate"]
"#;

const OTHER: &str = r#"
[[keys]]
name = "other"
secret = "key-that-is-new"
scopes = ["payments:read"]
"#;

/// How the gateway answers to the new key, and the old one.
fn asked(base: &str) -> (u16, u16) {
    let status = |key: &str| {
        let address = base.strip_prefix("http://").unwrap();
        let mut stream = std::net::TcpStream::connect(address).unwrap();
        let head = format!(
            "GET /v1/ledger HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\nconnection: close\r\n\r\n"
        );
        std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
        let mut answer = String::new();
        std::io::Read::read_to_string(&mut stream, &mut answer).unwrap();
        answer.split(' ').nth(1).unwrap().parse().unwrap()
    };
    (status("key-that-is-new"), status("key-that-may-operate"))
}

fn until(base: &str, expected: (u16, u16)) {
    let began = Instant::now();
    while asked(base) != expected {
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", asked(base));
        std::thread::yield_now();
    }
}

fn write(folder: &Path, config: &str) {
    std::fs::write(folder.join("gateway.toml"), config).unwrap();
}

fn config(listen: &str, watch: bool) -> String {
    CONFIG.replace("LISTEN", listen).replace("WATCH", &watch.to_string())
}

#[test]
fn a_signal_has_the_configuration_read_again() {
    let first = config("127.0.0.1:0", false);
    let folder = folder_with(&first);
    let (mut child, base) = running(folder.path());
    assert_eq!(asked(&base), (401, 200));
    write(folder.path(), &format!("{first}{OTHER}"));
    tell(&child, "-HUP");
    until(&base, (200, 200));
    // One that is wrong changes nothing; the right one after it does.
    write(folder.path(), &format!("{first}\n[policy]\nwrong = true\n"));
    tell(&child, "-HUP");
    write(folder.path(), &first);
    tell(&child, "-HUP");
    until(&base, (401, 200));
    tell(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_command_has_the_configuration_read_again() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let first = config(&free, false);
    let folder = folder_with(&first);
    let (mut child, base) = running(folder.path());
    let check = |config: &str, code: i32, expected: &str| {
        write(folder.path(), config);
        let output = run(folder.path(), &["reload"]);
        let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(expected), "{said}");
    };
    check(&format!("{first}{OTHER}"), 0, "no instance has changed");
    assert_eq!(asked(&base), (200, 200));
    check(&format!("{first}\n[policy]\nwrong = true\n"), 1, "policy.wrong: unknown key");
    check(&first.replace("store.db", "other.db"), 1, "gateway.store: this holds until the program ends; restart");
    assert_eq!(asked(&base), (200, 200));
    let output = run(folder.path(), &["plugin", "disable", "nobody"]);
    assert!(String::from_utf8_lossy(&output.stderr).contains("no instance is called \"nobody\""));
    tell(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_file_that_is_watched_is_read_when_it_has_changed() {
    let first = config("127.0.0.1:0", true);
    let folder = folder_with(&first);
    let (mut child, base) = running(folder.path());
    write(folder.path(), &format!("{first}{OTHER}"));
    until(&base, (200, 200));
    // No watch any more, from now on.
    write(folder.path(), &config("127.0.0.1:0", false));
    until(&base, (401, 200));
    tell(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

/// Whoever may pay may not operate.
#[tokio::test]
async fn operating_takes_a_scope_of_its_own() {
    let world = start(&with(&[(", \"operate\"", "")])).await;
    for path in ["/v1/reload", "/v1/instances/bank/disable"] {
        assert_eq!(world.post(path).await.status, 403, "{path}");
        assert_eq!(answer(world.request(Method::POST, path)).await.status, 401, "{path}");
    }
}
