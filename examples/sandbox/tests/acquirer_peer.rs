//! The acquirer judged by somebody else: a terminal on PyPI's `pyiso8583`.
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

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::process::Command;
use world::Sandbox;

const PACKAGE: &str = "pyiso8583==4.0.1";

/// A Python that has the package, made on first use; `None`, said loudly, where there is none to be had.
async fn python() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/pyiso8583");
    let python = folder.join("bin/python");
    let run = async |program: &Path, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().await;
        match output {
            Ok(output) if output.status.success() => Ok(()),
            Ok(output) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    };
    let has_it = ["-c", "import importlib.metadata as m; assert m.version('pyiso8583') == '4.0.1'"];
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
    eprintln!("SKIPPED: no terminal to judge the acquirer with, for {PACKAGE} is not to be had: {error}");
}

#[tokio::test]
async fn another_implementation_gets_along_with_it() {
    let Some(python) = python().await else { return };
    for bitmap in ["binary", "hex"] {
        let sandbox = Sandbox::start(&["--acquirer-bitmap", bitmap]).await;
        let (host, port) = sandbox.acquirer.split_once(':').unwrap();
        let peer = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/terminal.py");
        let output = Command::new(&python).arg(peer).args([host, port, bitmap]).output().await.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let said = String::from_utf8(output.stdout).unwrap();
        let answers: Vec<Value> = said.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let amount = |minor: u64| format!("{minor:012}");
        let expected = [
            json!({ "t": "0810", "11": "000001", "39": "00", "70": "001" }),
            json!({ "t": "0110", "4": amount(5000), "11": "000002", "38": "000001", "39": "00" }),
            json!({ "t": "0230", "4": amount(2000), "11": "000003", "38": "000001", "39": "00" }),
            json!({ "t": "0210", "4": amount(700), "11": "000004", "38": "000002", "39": "00" }),
            json!({ "t": "0430", "4": amount(700), "11": "000005", "39": "00" }),
            json!({ "t": "0210", "4": amount(500), "11": "000006", "38": "000003", "39": "00" }),
            json!({ "t": "0110", "4": amount(100), "11": "000007", "39": "43" }),
            json!({ "t": "0110", "4": amount(100), "11": "000008", "39": "30", "44": "25: its format" }),
            json!({ "t": "0810", "11": "000009", "39": "00", "70": "301" }),
            json!({ "t": "0810", "11": "000010", "39": "00", "70": "002" }),
        ];
        assert_eq!(answers, expected, "{bitmap}");
        let card = sandbox.card("1111").await;
        assert_eq!((&card["taken_minor"]["EUR"], &card["held_minor"]["EUR"]), (&json!(1500), &json!(3000)));
    }
}
