//! Plugins in any language: the examples under the conformance kit, and a villain that does all that it should not.

mod swapped;
mod villain;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use sportello_host::{Confinement, Exec, ExecError, Loaded, Patience};
use sportello_sdk::testing::ScriptedHost;
use sportello_sdk::{HttpResponse, WebhookRequest, kit};

/// What runs a script here, and what that may read; nothing where there is none, which is a defect where all is said to be
/// there.
pub(crate) fn interpreter(name: &str) -> Option<(PathBuf, Vec<PathBuf>)> {
    let program = Path::new("/usr/bin").join(name);
    if !program.exists() {
        assert!(std::env::var_os("SPORTELLO_PEERS").is_none(), "{name} should be here");
        return None;
    }
    let resolved = program.canonicalize().unwrap();
    let library = Path::new("/usr/lib").join(resolved.file_name().unwrap());
    // Some builds of Node read this before all else.
    let reads = [library, PathBuf::from("/etc/ssl/openssl.cnf")];
    Some((program, reads.into_iter().filter(|path| path.exists()).collect()))
}

/// For a machine that has much else to do.
pub(crate) const PATIENCE: Patience = Patience { start: Duration::from_secs(120), ping: Duration::from_secs(60) };

/// Loads `script` for the interpreter of this name, if that is there.
pub(crate) async fn load(name: &str, script: &Path) -> Option<Loaded> {
    let (program, reads) = interpreter(name)?;
    let command = [program.display().to_string(), script.display().to_string()];
    let exec = Exec::read(&command, Path::new("/"), None).unwrap();
    let bounds = Confinement { memory_mb: 512, open_files: 64, ..Confinement::default() };
    Some(exec.load(&reads, bounds, PATIENCE).await.unwrap())
}

fn example(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(file)
}

/// Puts an example under the kit, and expects all to pass.
fn check_example(interpreter: &str, file: &str, options: &kit::Options) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let Some(loaded) = runtime.block_on(load(interpreter, &example(file))) else {
        return;
    };
    let manifest = serde_json::to_value(&**loaded.manifest()).unwrap();
    // What it does not say is there as `null`, which nobody wrote.
    let written = without_nulls(manifest).to_string();
    kit::check(&written, &|host| loaded.connect(host), options).assert();
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            fields.into_iter().filter(|(_, value)| !value.is_null()).map(|(k, v)| (k, without_nulls(v))).collect()
        }
        other => other,
    }
}

/// A bank that carries out each key once.
fn bank(host: ScriptedHost) -> ScriptedHost {
    let booked: Arc<Mutex<Vec<String>>> = Arc::default();
    let known = Arc::clone(&booked);
    let answer =
        |url: &str| HttpResponse::new(200, "application/json", json!({ "state": "booked", "id": url }).to_string());
    host.on_http("PUT", "https://bank.example/transfers/*", move |request| {
        booked.lock().unwrap().push(request.head.url.clone());
        Ok(answer(&request.head.url))
    })
    .on_http("GET", "https://bank.example/transfers/*", move |request| {
        let is_known = known.lock().unwrap().contains(&request.head.url);
        Ok(if is_known { answer(&request.head.url) } else { HttpResponse::new(404, "application/json", "{}") })
    })
}

#[test]
fn the_rail_in_python_passes_the_kit() {
    let mut options = kit::Options::new(json!({ "bank": "https://bank.example" }));
    options.provider = Some(bank);
    check_example("python3", "rail-in-python/rail.py", &options);
}

#[test]
fn the_channel_in_node_passes_the_kit() {
    let mut options = kit::Options::new(json!({ "name": "till", "url": "https://board.example/notes" }));
    let delivery = json!({ "id": "1", "from": "anna", "text": "pay @paolo 5 €", "private": true });
    // JSON has a way to write half of a character, and a line in UTF-8 has none.
    let half = r#"{ "id": "2", "from": "anna", "text": "pay @paolo 5 € for \ud83c" }"#;
    let head = json!({ "method": "POST", "path": "/", "query": "", "headers": [] });
    let delivered =
        |body: String| WebhookRequest { head: serde_json::from_value(head.clone()).unwrap(), body: body.into() };
    options.webhooks = vec![delivered(delivery.to_string()), delivered(half.to_owned())];
    options.provider = Some(|host| {
        host.on_http("POST", "https://board.example/notes", |_| Ok(HttpResponse::new(201, "application/json", "{}")))
    });
    check_example("node", "channel-in-node/channel.js", &options);
}

#[tokio::test]
async fn what_cannot_be_started_says_why_and_what_helps() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("plugin.py", "import sys\nprint('no such bank', file=sys.stderr)\nsys.exit(7)\n");
    write("run.sh", "#!/bin/sh\n");
    let read = |command: &[&str]| {
        let command: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        Exec::read(&command, folder.path(), Some("/usr/bin".as_ref()))
    };
    let check = |command: &[&str], expected: &str| {
        let error = read(command).unwrap_err().to_string();
        assert!(error.contains(expected), "{command:?}: {error}");
    };
    check(&[], "no argument names a file, which is the plugin");
    check(&["no-such-program", "plugin.py"], "there is no program \"no-such-program\"");
    check(&["./run.sh"], "run.sh is a script: name its interpreter before it");
    check(&["./nothing"], "there is no program \"./nothing\"");
    let Some((_, reads)) = interpreter("python3") else { return };
    check(&["python3", "nothing.py"], "no argument names a file, which is the plugin");
    let bounds = Confinement { memory_mb: 512, open_files: 64, ..Confinement::default() };
    let load = async |reads: &[PathBuf]| {
        read(&["python3", "plugin.py"]).unwrap().load(reads, bounds, PATIENCE).await.unwrap_err()
    };
    let error = load(&reads).await.to_string();
    assert!(error.contains("exit status: 7; the last that it said: no such bank"), "{error}");
    let missing = load(&["/nothing".into()]).await;
    assert!(matches!(missing, ExecError::Reads { at: 0, .. }), "{missing}");
    // Without its library it cannot even begin, and is told where that may be.
    if cfg!(target_os = "linux") && reads.len() == 2 {
        match load(&reads[1..]).await {
            ExecError::Start { reads: Some(suggested), .. } => assert_eq!(suggested, reads[0]),
            other => panic!("{other}"),
        }
    }
}

/// A program names what loads it: were that run to ask it something, it would run outside of the walls.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_loader_of_a_programs_own_never_runs() {
    use std::os::unix::fs::PermissionsExt;

    // A short name: it has to fit where the other one stood.
    let folder = tempfile::Builder::new().tempdir_in("/tmp").unwrap();
    let at = |name: &str| folder.path().join(name);
    let loader = at("l");
    std::fs::write(&loader, format!("#!/bin/sh\necho ran > {}\n", at("ran").display())).unwrap();
    std::fs::set_permissions(&loader, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut program = std::fs::read("/usr/bin/env").unwrap();
    let begins = program.windows(6).position(|bytes| bytes == b"/lib64" || bytes == b"/lib/l");
    let Some(begin) = begins else { return };
    let len = program[begin..].iter().position(|byte| *byte == 0).unwrap();
    let mut named = loader.display().to_string().into_bytes();
    assert!(named.len() <= len, "{loader:?}");
    named.resize(len, 0);
    program[begin..begin + len].copy_from_slice(&named);
    std::fs::write(at("plugin"), program).unwrap();
    let bounds = Confinement { memory_mb: 64, open_files: 32, ..Confinement::default() };
    let exec = Exec::read(&["./plugin".to_owned()], folder.path(), None).unwrap();
    let error = exec.load(&[], bounds, PATIENCE).await.unwrap_err();
    assert!(matches!(error, ExecError::Start { .. }), "{error}");
    assert!(!at("ran").exists(), "{error}");
}

/// Plays the conversation on the contract's page: what a reader learns from is what is said.
#[test]
fn the_conversation_on_the_contracts_page_is_what_is_said() {
    use std::io::{BufRead, BufReader, Write};
    use std::process::{Command, Stdio};

    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/PLUGINS.md")).unwrap();
    let conversation = page.split("```jsonrpc\n").nth(1).unwrap().split("\n```").next().unwrap();
    let Some((python, _)) = interpreter("python3") else { return };
    let mut command = Command::new(python);
    command.arg(example("rail-in-python/rail.py")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut plugin = command.spawn().unwrap();
    let mut stdin = plugin.stdin.take().unwrap();
    let mut said = BufReader::new(plugin.stdout.take().unwrap()).lines();
    let mut lines = 0;
    for line in conversation.lines() {
        if let Some(asked) = line.strip_prefix("→ ") {
            stdin.write_all(format!("{asked}\n").as_bytes()).unwrap();
        } else {
            let expected: Value = serde_json::from_str(line.strip_prefix("← ").unwrap()).unwrap();
            let said: Value = serde_json::from_str(&said.next().unwrap().unwrap()).unwrap();
            assert_eq!(said, expected);
            lines += 1;
        }
    }
    drop(stdin);
    assert!(plugin.wait().unwrap().success() && lines > 5);
}
