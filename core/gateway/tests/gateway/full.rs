//! A disk that is full, played by the largest size that the program's files may have.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use reqwest::{Client, Method};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use serde_json::json;

use crate::world::{Answer, answer};

const CONFIG: &str = r#"
[gateway]
listen = "127.0.0.1:0"
store = "sqlite:store.db"
key = { file = "key" }

[[keys]]
name = "all"
secret = "key-that-may-do-all"
scopes = ["payments:read", "payments:write", "payments:confirmed"]

[[profiles]]
name = "Anna Rossi"
handles = ["chat:1001"]
account = "iban:FR1420041010050500013M02606"

[[profiles]]
name = "Paolo Bianchi"
handles = ["chat:1002"]
account = "iban:IT60X0542811101000000123456"
"#;

/// In the shell's blocks of 512 bytes: room for the tables, and little else.
const START: &str = "trap '' XFSZ; ulimit -S -f 512; exec \"$0\" run --json";

/// Ends with the test, however that ends.
struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_cannot_write_is_not_ready_until_it_can() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("gateway.toml"), CONFIG).unwrap();
    let child = Command::new("sh")
        .args(["-c", START, env!("CARGO_BIN_EXE_sportello")])
        .current_dir(folder.path())
        .env_remove("SPORTELLO_CONFIG")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut program = Program(child);
    let mut line = String::new();
    BufReader::new(program.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let told: serde_json::Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"));
    let base = told["listening"].as_str().unwrap();
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = Client::builder().no_proxy().build().unwrap();
    let ready = async || answer(http.get(format!("{base}/readyz"))).await;
    let pay = async |key: usize| -> Answer {
        let request = http.request(Method::POST, format!("{base}/v1/payments")).bearer_auth("key-that-may-do-all");
        let body = json!({"payer": "chat:1002", "payee": "chat:1001", "amount": {"minor": 1, "currency": "EUR"},
            "confirmed": true});
        answer(request.header("idempotency-key", format!("\"{key}\"")).json(&body)).await
    };
    assert_eq!(ready().await.status, 200);
    let (mut paid, mut tries) = (0, 0);
    let refused = loop {
        tries += 1;
        assert!(tries < 1000, "the disk is never full");
        let answer = pay(paid).await;
        if answer.status == 201 {
            paid += 1;
        } else if ready().await.status == 503 {
            // Until then a smaller write still had room.
            break answer;
        }
    };
    assert_eq!((refused.status, &refused.body["type"]), (503, &json!("/problems/unavailable")), "{refused:?}");
    for _ in 0..2 {
        let answer = ready().await;
        assert_eq!((answer.status, &answer.body["type"]), (503, &json!("/problems/unavailable")), "{answer:?}");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
        // What only reads goes on, and makes it no more ready.
        assert_eq!(pay(0).await.headers["idempotency-replayed"], "true");
    }

    let pid = Pid::from_child(&program.0);
    let Rlimit { maximum, .. } = getrlimit(Resource::Fsize);
    prlimit(Some(pid), Resource::Fsize, Rlimit { current: maximum, maximum }).unwrap();
    let answer = ready().await;
    assert_eq!((answer.status, &answer.body["status"]), (200, &json!("ready")), "{answer:?}");
    assert_eq!(pay(paid).await.status, 201);
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(program.0.wait().unwrap().code(), Some(0));
}
