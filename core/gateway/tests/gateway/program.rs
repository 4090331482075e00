//! The program itself: what it prints, how it ends, and that it comes back.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use serde_json::{Value, json};

const CONFIG: &str = r#"
[gateway]
listen = "127.0.0.1:0"
store = "sqlite:store.db"
key = { file = "key" }

[[keys]]
name = "all"
secret = "key-that-may-do-all"
scopes = ["payments:read", "payments:write"]
"#;

fn sportello(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sportello"));
    command.current_dir(folder).env_remove("SPORTELLO_CONFIG");
    command
}

pub(crate) fn run(folder: &Path, arguments: &[&str]) -> Output {
    sportello(folder).args(arguments).output().unwrap()
}

pub(crate) fn folder_with(config: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("gateway.toml"), config).unwrap();
    folder
}

/// A gateway that runs, and where.
pub(crate) fn running(folder: &Path) -> (Child, String) {
    let mut child =
        sportello(folder).args(["run", "--json"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"));
    (child, told["listening"].as_str().unwrap().to_owned())
}

pub(crate) fn tell(child: &Child, signal: &str) {
    assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
}

#[test]
fn it_stops_when_told_and_comes_back_after_a_kill() {
    let folder = folder_with(CONFIG);
    for (signal, expected) in [("-TERM", Some(0)), ("-KILL", None), ("-INT", Some(0))] {
        let (mut child, base) = running(folder.path());
        assert!(base.starts_with("http://127.0.0.1:") && !base.ends_with(":0"), "{base}");
        // The store is one gateway's alone.
        let second = run(folder.path(), &["run"]);
        assert_eq!(second.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&second.stderr).contains("another gateway is running on this store"));
        tell(&child, signal);
        assert_eq!(child.wait().unwrap().code(), expected, "{signal}");
    }
    // It was closed, and not only left: the next start finds an empty log.
    assert_eq!(std::fs::metadata(folder.path().join("store.db-wal")).map_or(0, |log| log.len()), 0);
    // Whoever else is on this machine reads none of it.
    for file in ["store.db", "store.db.lock", "key"] {
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(folder.path().join(file)).unwrap());
        assert_eq!(mode & 0o077, 0, "{file}: {mode:o}");
    }
}

#[test]
fn what_is_wrong_with_the_store_is_said_with_its_file() {
    let folder = folder_with(CONFIG);
    let check = |expected: &str| {
        let output = run(folder.path(), &["run"]);
        assert_eq!(output.status.code(), Some(1));
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(&format!("store.db: {expected}")), "{said}");
    };
    let store = folder.path().join("store.db");
    std::fs::write(&store, "no database, although it is long enough to be one; ".repeat(100)).unwrap();
    check("file is not a database");
    std::fs::remove_file(&store).unwrap();
    std::fs::create_dir(&store).unwrap();
    check("unable to open");
}

#[cfg(target_os = "linux")]
#[test]
fn no_memory_of_it_is_dumped() {
    let folder = folder_with(CONFIG);
    let (mut child, _) = running(folder.path());
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(line.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{line}");
    tell(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn the_key_to_the_vault_is_changed_by_a_command() {
    let keys = |of: &str, old: &str| format!("{CONFIG}\n[vault]\nkey = {{ file = \"{of}\" }}\nold_keys = [{old}]\n");
    let folder = folder_with(&keys("first", ""));
    let check = |config: &str, code: i32, expected: &str| {
        std::fs::write(folder.path().join("gateway.toml"), config).unwrap();
        let output = run(folder.path(), &["vault", "rotate"]);
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains(expected), "{said}");
    };
    check(CONFIG, 2, "there is no vault");
    // A key that is not there is made, but for an old one.
    check(&keys("first", ""), 0, "0 records were sealed under the present key; 0 are left.");
    check(&keys("second", "{ file = \"never\" }"), 2, "the key to the vault, never: it cannot be read");
    let store = sportello_engine::Store::open(&folder.path().join("store.db")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        use sportello_gateway::vault::{Vault, key};
        let source = key::KeySource::File(folder.path().join("first"));
        let ring = key::ring(&source, &[], false).await.unwrap();
        let vault = Vault::open(store.clone(), ring).await.unwrap();
        vault.put_for("cards", "dpan", u64::MAX / 4, b"4895370012003478", 0).await.unwrap();
        store.close().await;
    });
    drop(store);
    check(&keys("second", ""), 1, "name it under vault.old_keys");
    check(&keys("second", "{ file = \"first\" }"), 0, "1 records were sealed under the present key; 0 are left.");
    check(&keys("second", ""), 0, "0 records");
}

#[test]
fn nobody_need_read_the_log() {
    let folder = folder_with(CONFIG);
    let (log_reader, log) = std::io::pipe().unwrap();
    let mut child =
        sportello(folder.path()).args(["run", "--json"]).stdout(Stdio::piped()).stderr(log).spawn().unwrap();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut String::new()).unwrap();
    drop(log_reader);
    // It logs that it stops, and how it went.
    tell(&child, "-TERM");
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_payment_whose_answer_was_lost_may_have_been_made() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = CONFIG.replace("127.0.0.1:0", &listener.local_addr().unwrap().to_string());
    let folder = folder_with(&config);
    let hangs_up = std::thread::spawn(move || {
        let mut begun = [0; 4];
        std::io::Read::read_exact(&mut listener.accept().unwrap().0, &mut begun).unwrap();
    });
    let output = run(folder.path(), &["pay", "--from", "a:1", "--to", "a:2", "20"]);
    hangs_up.join().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("see what became of it before you ask again: sportello payments"), "{said}");
}

#[test]
fn commands_tell_what_they_should_and_how_it_went() {
    let folder = folder_with(CONFIG);
    let check = |arguments: &[&str], code: i32, expected: &str| {
        let output = run(folder.path(), arguments);
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    };
    check(&["check"], 0, "gateway.toml is right");
    check(&["check", "--json"], 0, r#"{"problems":[]}"#);
    check(&["check", "--config", "nothing.toml"], 2, "the file cannot be read");
    check(&["plugin", "list"], 0, "There is no library in the folders of gateway.plugins");
    check(&["plugin", "list", "--json"], 0, r#"{"plugins":[],"unusable":[]}"#);
    check(&["parse", "pay", "--channel", "nowhere"], 2, "has no channel \"nowhere\"");
    check(&["plugin", "list", "--running"], 1, "start it with: sportello run");
    check(&["payments"], 1, "start it with: sportello run");
    check(&["payments", "--json"], 1, r#"{"error":"no gateway answers at"#);
    check(&["pay", "--from", "a:1", "--to", "a:2", "20.001"], 2, "is no amount of EUR");
    check(&["pay", "--from", "a:1", "--to", "a:2", "20", "--confirmed"], 2, "the scope payments:confirmed");
    check(&["pay", "--from", "anna", "--to", "a:2", "20"], 2, "a handle is written as scheme:name");
    check(&["show", "xyz"], 2, "32 hexadecimal digits");
    check(&["dance"], 2, "unrecognized subcommand");
    check(&["--help"], 0, "Exit codes:");
}

#[test]
fn five_mistakes_are_five_lines() {
    let mistakes = "[gateway]\nlisten = 1\ndran = \"1s\"\n[policy]\nexempt = [\"5\"]\n[[profiles]]\nname = \"Anna\"\n\
                    handles = [\"anna\"]\naccount = \"iban:XX\"\n";
    let folder = folder_with(mistakes);
    for command in ["check", "run"] {
        let output = run(folder.path(), &[command]);
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        let places: Vec<&str> = said.lines().map(|line| line.split(": ").next().unwrap()).collect();
        assert_eq!(places, ["gateway.toml:2", "gateway.toml:3", "gateway.toml:5", "gateway.toml:8", "gateway.toml:9"]);
    }
    let output = run(folder.path(), &["check", "--json"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["problems"].as_array().unwrap().len(), 5);
    assert_eq!(told["problems"][1]["key"], "gateway.dran");
    assert_eq!(told["problems"][1]["remedy"], "did you mean \"drain\"?");
}

#[test]
fn what_is_no_plugin_is_said_where_it_is_wanted() {
    let check = |config: &str, expected: &[&str]| {
        let folder = folder_with(config);
        std::fs::create_dir(folder.path().join("p")).unwrap();
        std::fs::write(folder.path().join("p/libtext_file.so"), "no library").unwrap();
        std::fs::write(folder.path().join("p/liblonely.so"), "").unwrap();
        let output = run(folder.path(), &["check"]);
        assert_eq!(output.status.code(), Some(2));
        let said = String::from_utf8(output.stderr).unwrap();
        let matches = said.lines().count() == expected.len() && said.lines().zip(expected).all(|(s, e)| s.contains(e));
        assert!(matches, "{config}\n{said}");
    };
    let rail = "[rails.a]\nplugin = \"text-file\"\n";
    check(
        &format!("[gateway]\nplugins = [\"p\"]\n{rail}"),
        &[
            "gateway.toml:4: rails.a.plugin: no plugin is called \"text-file\"; a library cannot be used: p/libtext_file.so: is refused",
        ],
    );
    // One mistake is one line, whatever comes of it.
    check(
        &format!("[gateway]\nplugins = [\"p\", \"nowhere\"]\n{rail}"),
        &["gateway.toml:2: gateway.plugins[1]: nowhere: cannot be read"],
    );
    check(
        &format!("[gateway]\nplugins = [\"p/liblonely.so\"]\n{rail}"),
        &["gateway.toml:2: gateway.plugins[0]: p/liblonely.so: is refused"],
    );
    check(&format!("[gateway]\nplugins = \"p\"\n{rail}"), &["gateway.toml:2: gateway.plugins: this must be a list"]);
    check(
        &format!("[gateway]\nplugins = [\"nowhere\"]\n{rail}{rail}"),
        &[
            "gateway.toml:2: gateway.plugins[0]: nowhere",
            "gateway.toml:5: the key a stands here a second time",
            "gateway.toml:6: the key plugin stands here a second time",
        ],
    );
}

#[test]
fn messages_are_parsed_as_on_a_configured_channel() {
    let channel = "[gateway]\nplugins = [\".\"]\n[channels.chat]\nplugin = \"chatter\"\ndefault_currency = \"EUR\"\n\
                   [channels.chat.settings]\nhandle = \"sportello\"\n";
    let folder = folder_with(channel);
    let check = |text: &str, expected: Value| {
        let output = run(folder.path(), &["parse", text, "--channel", "chat", "--json"]);
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert_eq!(serde_json::from_slice::<Value>(&output.stdout).unwrap(), expected, "{text}");
    };
    let amount = json!({"minor": 2000, "currency": "EUR"});
    check(
        "@sportello pay @anna 20 € for the pizza",
        json!({"command": "pay", "payee": "chatter:@anna", "amount": amount, "memo": "the pizza", "visibility": null}),
    );
    check(
        "@sportello pay @anna 20",
        json!({"command": "pay", "payee": "chatter:@anna", "amount": amount, "memo": null, "visibility": null}),
    );
    check("good morning", json!({"command": "unclear", "because": "no_command"}));
}

/// A name is whatever bytes somebody likes, and JSON is text.
#[cfg(target_os = "linux")]
#[test]
fn a_file_whose_name_is_no_text_is_told_of_as_json() {
    let folder = folder_with(&CONFIG.replace("[gateway]", "[gateway]\nplugins = [\"plugins\"]"));
    let name: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(b"plugins/bad\xff.so");
    let file = folder.path().join(name);
    let rail = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("host/tests/contract-1.0");
    std::fs::create_dir(folder.path().join("plugins")).unwrap();
    let library = std::fs::read_dir(rail).unwrap().map(|entry| entry.unwrap().path());
    std::fs::copy(library.into_iter().find(|path| path.extension() == Some("so".as_ref())).unwrap(), &file).unwrap();
    let told = |command: &mut Command| {
        let output = command.output().unwrap();
        let said: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
        said.to_string()
    };
    assert!(told(sportello(folder.path()).args(["--json", "plugin", "list"])).contains("bad\u{fffd}.so"));
    told(sportello(folder.path()).args(["--json", "plugin", "verify"]).arg(&file));
}
