//! Rails that are programs, from `gateway.toml` to a payment.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::{Path as Segment, State};
use axum::http::HeaderMap;
use serde_json::{Value, json};

use crate::world::{CONFIG, prepare, start_with};

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/rail-in-python/rail.py")
}

/// The rail in Python, as the operator writes it; nothing where there is no Python.
fn rail(bank: &str) -> Option<String> {
    let settings = format!("bank = {bank:?}\ntoken = \"token-of-the-bank\"");
    configured(&example(), "http://127.0.0.1:*", &settings)
}

fn configured(script: &Path, grant: &str, settings: &str) -> Option<String> {
    let python = Path::new("/usr/bin/python3");
    if !python.exists() {
        assert!(std::env::var_os("SPORTELLO_PEERS").is_none(), "python3 should be here");
        return None;
    }
    let resolved = python.canonicalize().unwrap();
    let library = Path::new("/usr/lib").join(resolved.file_name().unwrap());
    let exec = format!(
        "exec = [{python:?}, \"-I\", {script:?}]\nreads = [{library:?}]\ngrants = [{grant:?}]\n\
         limits = {{ memory_mb = 512 }}"
    );
    Some(CONFIG.replace("plugin = \"test-rail\"", &exec).replace("limit_minor = 100000", settings))
}

type Booked = Arc<Mutex<BTreeMap<String, Value>>>;

/// A bank that carries each key out once, and refuses large sums.
async fn bank(booked: Booked) -> String {
    let put =
        async |Segment(key): Segment<String>, State(booked): State<Booked>, headers: HeaderMap, body: Json<Value>| {
            assert_eq!(headers.get("authorization").unwrap(), "Bearer token-of-the-bank");
            let Json(transfer) = body;
            if transfer["amount_minor"].as_u64().unwrap() > 100_000 {
                return Json(json!({ "state": "refused", "reason": "too much" }));
            }
            assert!(booked.lock().unwrap().insert(key.clone(), transfer).is_none(), "carried out twice");
            Json(json!({ "state": "booked", "id": key }))
        };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = axum::Router::new().route("/transfers/{key}", axum::routing::put(put)).with_state(booked);
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_is_carried_out_by_a_rail_in_python() {
    let booked = Booked::default();
    let Some(config) = rail(&bank(Arc::clone(&booked)).await) else { return };
    let world = start_with(&config).await;
    let paid = world.pay("k1", json!({})).await;
    assert_eq!((paid.status, &paid.body["state"]), (201, &json!("completed")), "{paid:?}");
    let carried_out: Vec<Value> = booked.lock().unwrap().values().cloned().collect();
    assert_eq!(
        carried_out,
        [json!({ "from": "iban:IT60X0542811101000000123456", "memo": "the pizza",
        "to": "iban:FR1420041010050500013M02606", "amount_minor": 2000, "currency": "EUR" })]
    );
    let declined = world.pay("k2", json!({"amount": {"minor": 100_001, "currency": "EUR"}})).await;
    assert_eq!((declined.status, &declined.body["state"]), (201, &json!("declined")), "{declined:?}");
    let ledger = world.get("/v1/ledger").await;
    assert_eq!(ledger.body["balanced"], true, "{ledger:?}");
    world.gateway.drain().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_program_is_said_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("rail.py"), "import sys\nsys.exit('no such bank')\n").unwrap();
    std::fs::write(folder.path().join("settings.json"), "{}").unwrap();
    let check = async |written: &str, expected: &[&str]| {
        let config = CONFIG.replace("plugin = \"test-rail\"", written);
        let told = prepare(folder.path(), &config).await.err().unwrap_or_default();
        for expected in expected {
            assert!(told.iter().any(|line| line.contains(expected)), "{written}: {told:?}");
        }
        assert_eq!(told.len(), expected.len(), "{written}: {told:?}");
    };
    check("exec = []", &["rails.bank.exec: it names no program"]).await;
    check("exec = \"rail.py\"", &["rails.bank.exec: this must be a list"]).await;
    check("exec = [\"no-such\", \"rail.py\"]", &["there is no program \"no-such\""]).await;
    let two = "exec = [\"/usr/bin/env\", \"rail.py\", \"settings.json\"]";
    check(two, &["settings.json are both files, and one file is what is verified"]).await;
    check("plugin = \"test-rail\"\nreads = [\"/usr\"]", &["rails.bank.reads: a library reads no files"]).await;
    check(
        "plugin = \"test-rail\"\nexec = [\"x\", \"rail.py\"]",
        &["a plugin is a library or a program", "there is no program"],
    )
    .await;
    check(
        "version = \"1.0.0\"\nexec = [\"x\", \"rail.py\"]",
        &["is the version that its file is", "there is no program"],
    )
    .await;
    check(
        "isolation = \"in-process\"\nexec = [\"x\", \"rail.py\"]",
        &["always has a process of its own", "there is no program"],
    )
    .await;
}

/// Who vouches for a program is asked before it runs, and whether they may vouch for such a one when it has said what it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_program_runs_if_who_signed_it_may_sign_such_a_one() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let settings = "bank = \"https://bank.example\"\ntoken = { file = \"key\" }";
    let Some(config) = configured(&at("rail.py"), "https://bank.example", settings) else { return };
    std::fs::write(at("key"), "07".repeat(32)).unwrap();
    std::fs::set_permissions(at("key"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sportello"));
        command.current_dir(folder.path()).env_remove("SPORTELLO_CONFIG").env_remove("SPORTELLO_KEY_PASSWORD");
        let output = command.stdin(Stdio::null()).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    };
    for name in ["anna", "marco"] {
        run(&["plugin", "keygen", name, "--no-password"]);
    }
    let anna = "[[trust.keys]]\nname = \"anna\"\nkey = { file = \"anna.pub\" }\n";
    let (channels, others) = (format!("{anna}kinds = [\"channel\"]\n"), format!("{anna}names = [\"acme-*\"]\n"));
    let whole = std::fs::read_to_string(example()).unwrap();
    let command = ["/usr/bin/python3".to_owned(), example().display().to_string()];
    let sha256 = sportello_host::Exec::read(&command, folder.path(), None).unwrap().fingerprint();
    let public = std::fs::read_to_string(at("anna.pub")).unwrap();
    let id = public.split_whitespace().nth(5).unwrap();
    let revoked_file = format!("{anna}[trust]\nrevoked_files = [\"{sha256}\"]\n");
    let revoked_key = format!("{anna}[trust]\nrevoked_keys = [\"{id}\"]\n");
    // Were it started, this would be said instead.
    let broken = "import sys\nsys.exit('it has run')\n";
    let check = async |script: &str, signed: Option<&str>, trust: &str, production: bool, expected: Option<&str>| {
        let _ = std::fs::remove_file(at("rail.py.minisig"));
        std::fs::write(at("rail.py"), script).unwrap();
        if let Some(key) = signed {
            let (key, after) = key.split_once(", ").unwrap_or((key, ""));
            run(&["plugin", "sign", "rail.py", "--key", &format!("{key}.key")]);
            if after == "and another byte" {
                std::fs::write(at("rail.py"), format!("{script}\n")).unwrap();
            }
        }
        let rule = format!("drain = \"10s\"\nproduction = {production}");
        let config = config.replace("drain = \"10s\"", &rule) + trust;
        let told = prepare(folder.path(), &config).await.err().unwrap_or_default();
        let of_exec: Vec<&String> = told.iter().filter(|line| line.contains("rails.bank.exec")).collect();
        match expected {
            Some(why) => assert!(of_exec.len() == 1 && of_exec[0].contains(why), "{why}: {told:?}"),
            // All else that production asks for is not here.
            None => assert!(of_exec.is_empty() && (production || told.is_empty()), "{told:?}"),
        }
    };
    let unsigned = "it is not signed, and in production every plugin is";
    check(broken, None, anna, true, Some(unsigned)).await;
    check(broken, None, anna, false, Some("does not start")).await;
    check(broken, Some("marco"), anna, true, Some("which [trust] does not know")).await;
    check(broken, Some("marco"), anna, false, Some("which [trust] does not know")).await;
    for production in [true, false] {
        check(broken, Some("anna, and another byte"), anna, production, Some("it is not what the key")).await;
        check(broken, Some("anna"), &revoked_key, production, Some("took back")).await;
        check(&whole, Some("anna"), &revoked_file, production, Some("it is revoked: ")).await;
        check(&whole, Some("anna"), &channels, production, Some("not trusted with a rail")).await;
        check(&whole, Some("anna"), &others, production, Some("not with \"rail-in-python\"")).await;
        check(&whole, Some("anna"), anna, production, None).await;
    }
    check(&whole, None, anna, false, None).await;
}
