//! The SMSC judged by somebody else: the ESME of PyPI's `smpplib`.
#![allow(
    unreachable_pub,
    dead_code,
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "tests may fail loudly, and use their shared modules in part"
)]

mod world;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{ChildStdout, Command},
    time::timeout,
};
use world::{PATIENCE, Sandbox};

const PACKAGE: &str = "smpplib==2.2.4";

/// A Python that has the package, made on first use; `None`, said loudly, where there is none to be had.
async fn python() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/smpplib");
    let python = folder.join("bin/python");
    let run = async |program: &Path, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().await;
        match output {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    };
    let has_it = ["-c", "import importlib.metadata as m; assert m.version('smpplib') == '2.2.4'"];
    if run(&python, &has_it).await.is_ok() {
        return Some(python);
    }
    let made = async {
        run(Path::new("python3"), &["-m", "venv", folder.to_str().unwrap()]).await?;
        run(&python, &["-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE]).await?;
        run(&python, &has_it).await
    };
    match made.await {
        Ok(()) => Some(python),
        Err(error) => {
            skipped(&error);
            None
        }
    }
}

#[allow(clippy::print_stderr, reason = "a test that skips says so")]
fn skipped(error: &str) {
    // Whoever has the package installed beforehand wants to know when it is not found.
    assert!(std::env::var_os("SPORTELLO_PEERS").is_none(), "{PACKAGE} should be here: {error}");
    eprintln!("SKIPPED: no SMPP client to judge the SMSC with, for {PACKAGE} is not to be had: {error}");
}

async fn said(lines: &mut Lines<BufReader<ChildStdout>>) -> Value {
    let line = timeout(PATIENCE, lines.next_line()).await.unwrap_or_else(|_| panic!("the peer says nothing"));
    serde_json::from_str(&line.unwrap().unwrap_or_else(|| panic!("the peer ended"))).unwrap()
}

#[tokio::test]
async fn another_implementation_gets_along_with_it() {
    let Some(python) = python().await else { return };
    let sandbox = Sandbox::start(&[]).await;
    let (host, port) = sandbox.smsc.split_once(':').unwrap();
    let long = format!("pay {} €", "and so on ".repeat(40));
    let wrote = [
        (json!({ "text": "pay @anna 20 € [now]" }), 1),
        (json!({ "text": long }), 3),
        (json!({ "text": "ça 😀" }), 1),
        (json!({ "text": "ça coûte", "encoding": "latin1" }), 1),
        (json!({ "text": "été ж".repeat(30), "parts": "sar" }), 3),
        (json!({ "text": "x".repeat(2000), "encoding": "payload" }), 1),
    ];
    let wanted: usize = wrote.iter().map(|(_, parts)| parts).sum();
    let mut peer = Command::new(python)
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/esme.py"))
        .args([host, port, &wanted.to_string()])
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(peer.stdout.take().unwrap()).lines();
    assert_eq!(said(&mut lines).await, json!({ "refused": 0x0e }));
    assert_eq!(said(&mut lines).await, json!({ "bound": true }));
    for (sms, parts) in &wrote {
        let mut sms = sms.clone();
        sms["as"] = json!("anna");
        assert_eq!(sandbox.on_smsc("sms", sms).await["ids"].as_array().unwrap().len(), *parts);
    }
    let told = said(&mut lines).await;
    assert!(peer.wait().await.unwrap().success());

    // What it sent is what the phone shows, and every part of it has its receipt.
    let phone = sandbox.see(format!("{}/sandbox/phones/paolo", sandbox.phones)).await;
    let texts = phone["texts"].as_array().unwrap();
    let shown: Vec<&Value> = texts.iter().map(|text| &text["text"]).collect();
    assert_eq!(shown, told["texts"].as_array().unwrap().iter().collect::<Vec<_>>());
    assert_eq!(texts.iter().map(|text| text["parts"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 1, 3, 3]);
    assert!(texts.iter().all(|text| text["from"] == "Sportello"));
    let set = |values: &mut dyn Iterator<Item = &Value>| values.map(|v| v.to_string()).collect::<BTreeSet<_>>();
    let ids = set(&mut told["ids"].as_array().unwrap().iter());
    let receipts = told["receipts"].as_array().unwrap();
    assert_eq!(ids, set(&mut receipts.iter().map(|receipt| &receipt["id"])));
    assert_eq!(ids, set(&mut texts.iter().flat_map(|text| text["ids"].as_array().unwrap())));
    for receipt in receipts {
        let text = receipt["text"].as_str().unwrap();
        assert!(receipt["state"] == 2 && text.contains(" stat:DELIVRD "), "{receipt}");
        assert!(text.starts_with(&format!("id:{} ", receipt["id"].as_str().unwrap())), "{receipt}");
    }

    // What people wrote is what it read.
    let mut came = told["came"].as_array().unwrap().iter();
    for (sms, parts) in &wrote {
        let of_it: Vec<&Value> = came.by_ref().take(*parts).collect();
        let text: String = of_it.iter().map(|part| part["text"].as_str().unwrap()).collect();
        assert_eq!(sms["text"], text);
        for (number, part) in (1..).zip(&of_it) {
            assert_eq!(part["place"], if *parts == 1 { Value::Null } else { json!([parts, number]) });
            assert_eq!((&part["from"], &part["to"]), (&json!("33612345678"), &json!("40404")));
        }
    }
}
