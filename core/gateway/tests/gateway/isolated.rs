//! The program with a plugin in a process of its own: a library that was built with the first contract.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

fn config(production: &str) -> String {
    let plugins = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("host/tests/contract-1.0");
    format!(
        r#"
[gateway]
listen = "127.0.0.1:0"
store = "sqlite:store.db"
key = {{ file = "key" }}
plugins = [{plugins:?}]
{production}

[[keys]]
name = "all"
secret = "key-that-may-do-all-0123456789abcdef"
scopes = ["payments:read", "payments:write", "payments:confirmed"]

[[profiles]]
name = "Paolo Bianchi"
handles = ["chat:1002"]
account = "iban:IT60X0542811101000000123456"

[rails.bank]
plugin = "hello-rail"
isolation = "process"

[[routes]]
name = "all"
transfer = ["bank"]
"#
    )
}

fn sportello(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sportello"));
    command.current_dir(folder).env_remove("SPORTELLO_CONFIG").args(arguments);
    command
}

/// A gateway that runs, and its address.
fn start(folder: &Path) -> (Child, String) {
    let mut gateway =
        sportello(folder, &["run", "--json"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(gateway.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let told: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"));
    let address = told["listening"].as_str().unwrap().trim_start_matches("http://").to_owned();
    (gateway, address)
}

fn pay(folder: &Path) -> Output {
    let payment = [
        "pay",
        "--from",
        "chat:1002",
        "--to",
        "iban:FR1420041010050500013M02606",
        "1",
        "--confirmed",
        "--wait",
        "--json",
    ];
    sportello(folder, &payment).output().unwrap()
}

/// What proc(5) says of a process under `key`.
fn status(pid: u32, key: &str) -> String {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("{status}")).split_whitespace().next().unwrap().to_owned()
}

/// The process of the one plugin that there is. Beside it there may be one that has no plugin yet, and no name.
fn child_of(gateway: u32) -> u32 {
    let children = std::fs::read_dir(format!("/proc/{gateway}/task")).unwrap().flatten().flat_map(|task| {
        let children = std::fs::read_to_string(task.path().join("children")).unwrap_or_default();
        children.split_whitespace().map(|pid| pid.parse::<u32>().unwrap()).collect::<Vec<_>>()
    });
    let children: Vec<u32> = children.filter(|pid| name_of(*pid).contains("hello-rail")).collect();
    assert_eq!(children.len(), 1, "{children:?}");
    children[0]
}

/// What stands in the list of processes.
fn name_of(pid: u32) -> String {
    let name = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8(name).unwrap().trim_end_matches('\0').replace('\0', " ")
}

fn wait_until_gone(pid: u32) {
    let began = Instant::now();
    while Path::new(&format!("/proc/{pid}")).exists() {
        assert!(began.elapsed() < Duration::from_secs(10), "{pid} is still there");
        std::thread::yield_now();
    }
}

#[test]
fn a_plugin_pays_from_a_process_of_its_own_which_ends_with_the_gateway() {
    let folder = tempfile::tempdir().unwrap();
    for signal in ["-KILL", "-TERM"] {
        std::fs::write(folder.path().join("gateway.toml"), config("")).unwrap();
        let (mut gateway, address) = start(folder.path());
        // For the commands, which ask where the file says.
        let listening = config("").replace("127.0.0.1:0", &address);
        std::fs::write(folder.path().join("gateway.toml"), listening).unwrap();
        let paid = pay(folder.path());
        let told = String::from_utf8_lossy(&paid.stdout).into_owned() + &String::from_utf8_lossy(&paid.stderr);
        assert!(paid.status.success() && told.contains("completed"), "{told}");
        let pid = child_of(gateway.id());
        assert_eq!(name_of(pid), format!("sportello-plugin {} hello-rail", gateway.id()));
        assert_eq!((&*status(pid, "NoNewPrivs"), &*status(pid, "Seccomp")), ("1", "2"));
        for rights in ["CapPrm", "CapEff", "CapInh", "CapAmb"] {
            assert_eq!(status(pid, rights), "0".repeat(16), "{rights}");
        }
        assert_eq!(status(pid, "Threads"), "1");
        assert!(Command::new("kill").args([signal, &gateway.id().to_string()]).status().unwrap().success());
        gateway.wait().unwrap();
        wait_until_gone(pid);
    }
}

/// What the gateway says of its one instance.
fn inspected(folder: &Path) -> Value {
    let shown = sportello(folder, &["plugin", "inspect", "bank", "--json"]).output().unwrap();
    serde_json::from_slice(&shown.stdout).unwrap_or_else(|_| panic!("{shown:?}"))
}

#[test]
fn a_process_that_was_killed_is_started_again_and_pays() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("gateway.toml"), config("")).unwrap();
    let (mut gateway, address) = start(folder.path());
    let listening = config("").replace("127.0.0.1:0", &address);
    std::fs::write(folder.path().join("gateway.toml"), listening).unwrap();
    let mut before = inspected(folder.path());
    assert_eq!((&before["isolation"], &before["restarts"]), (&"process".into(), &0.into()), "{before}");
    for restarts in 1..=2 {
        let pid = child_of(gateway.id());
        assert_eq!(before["process"], pid, "{before}");
        assert!(before["resident_bytes"].as_u64().unwrap() > 0, "{before}");
        assert!(Command::new("kill").args(["-KILL", &pid.to_string()]).status().unwrap().success());
        let began = Instant::now();
        let after = loop {
            let now = inspected(folder.path());
            if now["state"] == "open" && now["restarts"] == restarts {
                break now;
            }
            assert!(began.elapsed() < Duration::from_secs(20), "{now}");
        };
        assert_ne!(after["process"], before["process"]);
        let paid = pay(folder.path());
        let told = String::from_utf8_lossy(&paid.stdout).into_owned() + &String::from_utf8_lossy(&paid.stderr);
        assert!(paid.status.success() && told.contains("completed"), "{told}");
        before = after;
    }
    gateway.kill().unwrap();
    gateway.wait().unwrap();
}

/// A folder whose `gateway.toml` is fit for production, or is of no production, but for who signed the library.
fn deployment(is_production: bool) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("key"), "0".repeat(64)).unwrap();
    let config = match is_production {
        true => config("production = true")
            .replace("secret = \"key-that-may-do-all-0123456789abcdef\"", "secret = { env = \"KEY\" }"),
        false => config(""),
    };
    std::fs::write(folder.path().join("gateway.toml"), config).unwrap();
    folder
}

/// What the deployment is told that is not about signatures.
fn told(output: &Output) -> Vec<String> {
    let said = String::from_utf8_lossy(&output.stderr);
    said.lines().filter(|line| !line.is_empty() && !line.contains(": trust: ")).map(str::to_owned).collect()
}

fn check(folder: &Path) -> Command {
    let mut check = sportello(folder, &["check"]);
    check.env("KEY", "0123456789abcdef0123456789abcdef");
    check
}

const WOULD_REFUSE: &str = "Production would refuse this";

#[test]
fn what_production_asks_is_there() {
    let checked = check(deployment(false).path()).output().unwrap();
    let lacks = String::from_utf8_lossy(&checked.stdout).contains(WOULD_REFUSE);
    let refused = told(&check(deployment(true).path()).output().unwrap());
    // Where this machine's kernel lacks something, it is said in the one, and refused in the other.
    let is_about_that = |line: &String| line.contains("rails.bank.isolation: this kernel has no");
    assert_eq!((refused.iter().any(is_about_that), refused.is_empty()), (lacks, !lacks), "{refused:?}");
}

/// What a program says on a kernel that has no Landlock.
#[cfg(target_os = "linux")]
fn without_landlock(mut command: Command) -> Output {
    use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, apply_filter};

    // landlock_create_ruleset(2), which has this number on every architecture; ENOSYS.
    let (create_ruleset, no_such_call) = (444, SeccompAction::Errno(38));
    let rules = [(create_ruleset, Vec::new())].into_iter().collect();
    let arch = std::env::consts::ARCH.try_into().unwrap();
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, no_such_call, arch).unwrap();
    let filter: BpfProgram = filter.try_into().unwrap();
    // A filter is its thread's for ever, and that of the programs which this starts.
    let thread = std::thread::spawn(move || {
        apply_filter(&filter).unwrap();
        command.output().unwrap()
    });
    thread.join().unwrap()
}

#[cfg(target_os = "linux")]
#[test]
fn a_kernel_without_landlock_is_told_and_is_none_for_production() {
    let tried = deployment(false);
    let checked = without_landlock(check(tried.path()));
    let said = String::from_utf8_lossy(&checked.stdout);
    assert!(checked.status.success() && said.contains(WOULD_REFUSE) && said.contains("no Landlock"), "{checked:?}");

    let production = deployment(true);
    let is_about_landlock = |line: &String| line.contains("rails.bank.isolation: this kernel has no Landlock");
    for command in ["check", "run"] {
        let mut asked = sportello(production.path(), &[command]);
        asked.env("KEY", "0123456789abcdef0123456789abcdef");
        let refused = without_landlock(asked);
        assert!(!refused.status.success() && told(&refused).iter().any(is_about_landlock), "{refused:?}");
    }
    assert!(!production.path().join("store.db").exists());
}
