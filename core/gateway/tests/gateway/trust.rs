//! Who signed a plugin, as the program tells it: what loads, what does not, and why; with keys and signatures of its own,
//! and of minisign's.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

const PASSWORD: &str = "correct horse battery staple";

/// A folder with two libraries that were built once, keys of anna and of marco, and a gateway that uses the rail.
pub(crate) struct Deployment {
    folder: TempDir,
}

fn stored(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../host/tests/contract-1.0").join(name)
}

const RAIL: &str = "plugins/libhello_rail.so";

impl Deployment {
    pub(crate) fn new() -> Self {
        let this = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::create_dir(this.at("plugins")).unwrap();
        std::fs::copy(stored("libhello_rail.so"), this.at(RAIL)).unwrap();
        std::fs::write(this.at("key"), "07".repeat(32)).unwrap();
        std::fs::set_permissions(this.at("key"), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        for name in ["anna", "marco"] {
            this.says(&["plugin", "keygen", name, "--no-password"], 0, "is made");
        }
        this
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sportello"));
        command.current_dir(self.folder.path()).env_remove("SPORTELLO_CONFIG").env_remove("SPORTELLO_KEY_PASSWORD");
        command.stdin(Stdio::null()).args(arguments).output().unwrap()
    }

    /// What it says, which has `expected` in it.
    pub(crate) fn says(&self, arguments: &[&str], code: i32, expected: &str) -> String {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
        said.into_owned()
    }

    pub(crate) fn configure(&self, production: bool, trust: &str) {
        let config = format!(
            "[gateway]\nlisten = \"127.0.0.1:0\"\nstore = \"sqlite:store.db\"\nplugins = [\"plugins\"]\n\
             production = {production}\nisolation = \"in-process\"\nin_process = [\"till\"]\nkey = {{ file = \"key\" }}\n\
             [rails.till]\nplugin = \"hello-rail\"\n{trust}"
        );
        std::fs::write(self.at("gateway.toml"), config).unwrap();
    }

    /// A gateway that runs, and is asked where the file says from now on.
    pub(crate) fn started(&self) -> Child {
        let mut child = Command::new(env!("CARGO_BIN_EXE_sportello"))
            .current_dir(self.folder.path())
            .env_remove("SPORTELLO_CONFIG")
            .args(["run", "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        std::io::BufRead::read_line(&mut std::io::BufReader::new(child.stdout.take().unwrap()), &mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line:?}"));
        let address = told["listening"].as_str().unwrap().trim_start_matches("http://");
        let config = std::fs::read_to_string(self.at("gateway.toml")).unwrap().replace("127.0.0.1:0", address);
        std::fs::write(self.at("gateway.toml"), config).unwrap();
        child
    }

    fn sign(&self, key: &str) {
        self.sign_file(RAIL, key);
    }

    pub(crate) fn sign_file(&self, file: &str, key: &str) {
        self.says(&["plugin", "sign", file, "--key", key], 0, "signed by the key");
    }

    fn sha256(&self) -> String {
        let listed = self.json(&["plugin", "list", "--json"]);
        listed["plugins"][0]["sha256"].as_str().unwrap().to_owned()
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(arguments);
        let said = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }

    fn key_id(&self, name: &str) -> String {
        let public = std::fs::read_to_string(self.at(&format!("{name}.pub"))).unwrap();
        public.split_whitespace().nth(5).unwrap().to_owned()
    }
}

pub(crate) const ANNA: &str = "[[trust.keys]]\nname = \"anna\"\nkey = { file = \"anna.pub\" }\n";

#[test]
fn what_loads_and_what_does_not_and_why() {
    let it = Deployment::new();
    let signature = it.at(&format!("{RAIL}.minisig"));
    let [anna, marco] = ["anna", "marco"].map(|name| it.key_id(name));
    it.configure(false, "");
    let revoked_file = format!("{ANNA}[trust]\nrevoked_files = [\"{}\"]\n", it.sha256());
    let revoked_key = format!("{ANNA}[trust]\nrevoked_keys = [\"{anna}\"]\n");
    let channels = format!("{ANNA}kinds = [\"channel\"]\n");
    let others = format!("{ANNA}names = [\"acme-*\"]\n");
    let revoked_marco = format!("[trust]\nrevoked_keys = [\"{marco}\"]\n");
    let (unsigned, unknown) =
        ("it is not signed, and in production every plugin is", format!("{marco}, which [trust] does not know"));
    let tampered = format!("it is not what the key {anna} signed");
    let withdrawn = format!("{anna}, which `revoked_keys` of [trust] took back");
    let nobody = "trust: in production plugins are signed, and no key is trusted";
    // What is done with the signature, who is trusted, and what is said in production and else; nothing where it loads.
    let table: [(&str, &str, Option<&str>, Option<&str>); 17] = [
        ("none", "", Some(nobody), None),
        ("none", ANNA, Some(unsigned), None),
        ("anna's", ANNA, None, None),
        ("anna's", "", Some(nobody), None),
        ("marco's", ANNA, Some(&unknown), Some(&unknown)),
        ("marco's", "", Some(nobody), None),
        ("marco's", &revoked_marco, Some(nobody), Some("took back")),
        ("anna's, and another byte", ANNA, Some(&tampered), Some(&tampered)),
        ("anna's, with another comment", ANNA, Some(&tampered), Some(&tampered)),
        ("anna's, for another file", ANNA, Some(&tampered), Some(&tampered)),
        ("garbage", ANNA, Some("is none of minisign's"), Some("is none of minisign's")),
        (
            "a folder",
            ANNA,
            Some("cannot be read: it is no regular file"),
            Some("cannot be read: it is no regular file"),
        ),
        ("anna's", &revoked_key, Some(&withdrawn), Some(&withdrawn)),
        ("anna's", &revoked_file, Some("it is revoked: "), Some("it is revoked: ")),
        ("none", &revoked_file, Some("it is revoked: "), Some("it is revoked: ")),
        ("anna's", &channels, Some("\"anna\", which is not trusted with a rail"), Some("not trusted with a rail")),
        ("anna's", &others, Some("trusted with acme-* and not with \"hello-rail\""), Some("not with \"hello-rail\"")),
    ];
    for (done, trust, in_production, outside) in table {
        let _ = std::fs::remove_file(&signature);
        let _ = std::fs::remove_dir(&signature);
        std::fs::copy(stored("libhello_rail.so"), it.at(RAIL)).unwrap();
        match done {
            "none" => {}
            "garbage" => std::fs::write(&signature, "no signature").unwrap(),
            "a folder" => std::fs::create_dir(&signature).unwrap(),
            "marco's" => it.sign("marco.key"),
            _ => it.sign("anna.key"),
        }
        let read = || std::fs::read_to_string(&signature).unwrap();
        match done {
            "anna's, and another byte" => {
                std::fs::OpenOptions::new().append(true).open(it.at(RAIL)).unwrap().write_all(b"\n").unwrap();
            }
            "anna's, with another comment" => {
                std::fs::write(&signature, read().replace("version:1", "version:2")).unwrap();
            }
            "anna's, for another file" => {
                let signed = read();
                std::fs::copy(stored("libhello_channel.so"), it.at("other.so")).unwrap();
                it.says(&["plugin", "sign", "other.so", "--key", "anna.key"], 0, "signed");
                assert_ne!(std::fs::read_to_string(it.at("other.so.minisig")).unwrap(), signed);
                std::fs::rename(it.at("other.so.minisig"), &signature).unwrap();
            }
            _ => {}
        }
        for (production, expected) in [(true, in_production), (false, outside)] {
            it.configure(production, trust);
            match expected {
                None => drop(it.says(&["check"], 0, "is right")),
                Some(why) => {
                    for command in ["check", "run"] {
                        let said = it.says(&[command], 2, why);
                        assert_eq!(said.lines().count(), 1, "{done}, {trust}: one mistake is one line: {said}");
                        assert!(said.contains(RAIL) || why == nobody, "it tells which: {said}");
                    }
                    if why != nobody && done != "a folder" {
                        it.says(&["plugin", "list"], 0, &format!("cannot be used: {RAIL}: "));
                        let listed = it.json(&["plugin", "list", "--json"]);
                        let told = listed["plugins"][0]["distrusted"].as_str().unwrap();
                        assert!(told.contains(why), "{told}");
                    }
                }
            }
        }
    }
}

/// Anybody can write a card: so it is believed as the plugin is that it speaks of.
#[test]
fn a_scorecard_is_believed_as_its_plugin_is() {
    let it = Deployment::new();
    let card = format!("{RAIL}.scorecard.json");
    let marco = it.key_id("marco");
    let sign = |file: &str, key: &str| drop(it.says(&["plugin", "sign", file, "--key", key], 0, "signed by the key"));
    let check = |production: bool, expected: Option<&str>| {
        it.configure(production, ANNA);
        let config = std::fs::read_to_string(it.at("gateway.toml")).unwrap();
        let config = config.replacen("[gateway]", "[gateway]\nscorecards = \"required\"", 1);
        std::fs::write(it.at("gateway.toml"), config).unwrap();
        match expected {
            None => drop(it.says(&["check"], 0, "is right")),
            Some(why) => assert!(it.says(&["check"], 2, why).contains("is not proven")),
        }
    };
    sign(RAIL, "anna.key");
    for production in [true, false] {
        check(production, Some("there is no"));
    }
    it.says(&["plugin", "test", RAIL, "--calls", "10", "--save"], 0, "It passes.");
    for production in [true, false] {
        check(production, Some("was made with 10 calls, which are too few"));
    }
    // As many as are wanted take a minute.
    let made = std::fs::read_to_string(it.at(&card)).unwrap();
    assert!(made.contains("\"calls\": 10,"), "{made}");
    std::fs::write(it.at(&card), made.replace("\"calls\": 10,", "\"calls\": 100000,")).unwrap();
    check(false, None);
    check(true, Some("it is not signed"));
    sign(&card, "marco.key");
    check(true, Some(&marco));
    sign(&card, "anna.key");
    check(true, None);
    // Of another build it says nothing, whoever signed it.
    std::fs::OpenOptions::new().append(true).open(it.at(RAIL)).unwrap().write_all(b"\n").unwrap();
    sign(RAIL, "anna.key");
    check(true, Some("is of another build"));
}

#[test]
fn a_gateway_runs_in_production_with_signed_plugins_and_says_who_signed_them() {
    let it = Deployment::new();
    it.sign("anna.key");
    let reader = "[[keys]]\nname = \"reader\"\nsecret = { file = \"api\" }\nscopes = [\"payments:read\"]\n";
    std::fs::copy(it.at("key"), it.at("api")).unwrap();
    it.configure(true, &format!("{ANNA}{reader}"));
    let listed = it.json(&["plugin", "list", "--json"]);
    assert_eq!(
        (&listed["plugins"][0]["signer"], &listed["plugins"][0]["instances"][0]),
        (&"anna".into(), &"till".into())
    );
    let comment = listed["plugins"][0]["trusted_comment"].as_str().unwrap();
    let expected = format!("\tfile:libhello_rail.so\tplugin:hello-rail\tversion:1.0.0\tsha256:{}\thashed", it.sha256());
    assert!(comment.starts_with("timestamp:") && comment.ends_with(&expected), "{comment}");
    let mut child = it.started();
    let running = it.json(&["plugin", "list", "--running", "--json"]);
    assert!(Command::new("kill").arg(child.id().to_string()).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(
        (&running["instances"][0]["signer"], &running["instances"][0]["sha256"]),
        (&"anna".into(), &it.sha256().into())
    );
}

#[test]
fn keys_and_signatures_by_command() {
    let it = Deployment::new();
    let [anna, marco] = ["anna", "marco"].map(|name| it.key_id(name));
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(it.at("anna.key")).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    it.says(
        &["plugin", "keygen", "anna", "--no-password"],
        2,
        "anna.key: it is there already, and is not written over",
    );
    // In a session of its own there is no terminal, wherever the tests run.
    let mut alone = Command::new("setsid");
    alone.args(["--wait", env!("CARGO_BIN_EXE_sportello"), "plugin", "keygen", "elena"]).current_dir(it.folder.path());
    let output = alone.env_remove("SPORTELLO_KEY_PASSWORD").stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("put it into SPORTELLO_KEY_PASSWORD"), "{said}");
    assert!(!it.at("elena.key").exists() && !it.at("elena.pub").exists());

    let verify = |more: &[&str], code: i32, expected: &str| {
        it.says(&[&["plugin", "verify", RAIL], more].concat(), code, expected)
    };
    verify(&[], 2, "the file cannot be read");
    it.configure(false, "");
    verify(&[], 2, "gateway.toml trusts no key");
    it.configure(false, &format!("{ANNA}[profiles]\n"));
    verify(&[], 1, "it is not signed");
    it.sign("anna.key");
    verify(&[], 0, &format!("{RAIL}: signed by anna (the key {anna})."));
    verify(&[], 0, "plugin   hello-rail 1.0.0, a rail");
    verify(&["--key", "anna.pub"], 0, &format!("signed by {anna}"));
    verify(&["--key", "marco.pub"], 1, &format!("it is signed by the key {anna}, which [trust] does not know"));
    verify(&["--key", "nobody.pub"], 2, "nobody.pub: this is no public key, and no file with one");
    verify(&["--key", "anna.key"], 2, "this is a secret key");
    let public = std::fs::read_to_string(it.at("anna.pub")).unwrap();
    verify(&["--key", public.lines().nth(1).unwrap()], 0, "signed by");
    it.configure(false, "[trust]\nkeys = 1\n");
    verify(&[], 2, "gateway.toml:12: trust.keys: this must be a list of tables");
    it.configure(false, ANNA);
    let told = it.json(&["plugin", "verify", RAIL, "--json"]);
    assert_eq!(
        (&told["verified"], &told["signer"], &told["key_id"]),
        (&true.into(), &"anna".into(), &anna.as_str().into())
    );
    it.sign("marco.key");
    let told = it.json(&["plugin", "verify", RAIL, "--json"]);
    assert_eq!((&told["verified"], &told["code"]), (&false.into(), &"unknown_key".into()));
    assert!(told["error"].as_str().unwrap().contains(&marco), "{told}");

    // What is no library is signed as well, and what could never load is not.
    std::fs::write(it.at("rail.py"), "print('a rail in another language')\n").unwrap();
    it.says(&["plugin", "sign", "rail.py", "--key", "anna.key", "--json"], 0, "\"signature\":\"rail.py.minisig\"");
    it.says(&["plugin", "verify", "rail.py"], 0, "rail.py: signed by anna");
    let mut broken = std::fs::read(stored("libhello_rail.so")).unwrap();
    let at = broken.windows(14).position(|window| window == b"\"contract\": \"1").unwrap();
    broken[at + 13] = b'9';
    std::fs::write(it.at("broken.so"), broken).unwrap();
    it.says(&["plugin", "sign", "broken.so", "--key", "anna.key"], 1, "was built for contract 9.0");
    it.says(&["plugin", "sign", "nowhere.so", "--key", "anna.key"], 1, "nowhere.so: cannot be read");
    it.says(&["plugin", "sign", RAIL, "--key", "nowhere.key"], 2, "the key nowhere.key: ");
    it.says(&["plugin", "sign", RAIL, "--key", "anna.pub"], 2, "the key anna.pub: it is no secret key of minisign");
    std::fs::set_permissions(it.at("anna.key"), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    it.says(&["plugin", "sign", RAIL, "--key", "anna.key"], 2, "everybody may read it; chmod 600 anna.key");
}

/// Types to a program at a terminal, and says what that showed: each answer comes after its question.
fn at_a_terminal(it: &Deployment, command: &str, answers: &[(&str, &str)]) -> (bool, String) {
    let program = format!("{} {command}", env!("CARGO_BIN_EXE_sportello"));
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--command", &program, "/dev/null"])
        .current_dir(it.folder.path())
        .env_remove("SPORTELLO_KEY_PASSWORD")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut typed, mut screen) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
    let mut shown = Vec::new();
    let mut byte = [0];
    for (question, answer) in answers {
        while !shown.ends_with(question.as_bytes()) {
            assert_eq!(screen.read(&mut byte).unwrap(), 1, "{}", String::from_utf8_lossy(&shown));
            shown.push(byte[0]);
        }
        writeln!(typed, "{answer}").unwrap();
    }
    screen.read_to_end(&mut shown).unwrap();
    (child.wait().unwrap().success(), String::from_utf8(shown).unwrap())
}

#[test]
fn a_password_is_asked_for_and_not_shown() {
    let it = Deployment::new();
    let check = |command: &str, answers: &[(&str, &str)], succeeds: bool, expected: &str| {
        let (succeeded, shown) = at_a_terminal(&it, command, answers);
        assert!(succeeded == succeeds && shown.contains(expected), "{command}: {shown}");
        assert!(!shown.contains("horse"), "{command}: {shown}");
    };
    let keygen = "plugin keygen elena";
    check(keygen, &[("Password: ", "a horse"), ("The same again: ", "two horses")], false, "the two passwords differ");
    check(keygen, &[("Password: ", ""), ("The same again: ", "")], false, "the password is empty");
    assert!(!it.at("elena.key").exists());
    check(keygen, &[("Password: ", "a horse"), ("The same again: ", "a horse")], true, "is made");
    let sign = format!("plugin sign {RAIL} --key elena.key");
    check(&sign, &[("Password: ", "two horses")], false, "the key elena.key: the password does not fit");
    check(&sign, &[("Password: ", "a horse")], true, "signed by the key");
    it.says(&["plugin", "verify", RAIL, "--key", "elena.pub"], 0, "signed by");
}

/// minisign, where it is installed; what it is told is a password, twice.
fn minisign(it: &Deployment, arguments: &[&str]) -> Option<Output> {
    let child = Command::new("minisign")
        .args(arguments)
        .current_dir(it.folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    match child {
        Ok(mut child) => {
            // One that asks for nothing has gone by now.
            let _ = write!(child.stdin.take().unwrap(), "{PASSWORD}\n{PASSWORD}\n");
            Some(child.wait_with_output().unwrap())
        }
        Err(error) => {
            skipped(&error);
            None
        }
    }
}

#[allow(clippy::print_stderr, reason = "a test that skips says so")]
fn skipped(error: &std::io::Error) {
    assert!(std::env::var_os("SPORTELLO_PEERS").is_none(), "minisign should be here: {error}");
    eprintln!("SKIPPED: nobody to judge our signatures, for minisign is not to be had: {error}");
}

#[test]
fn minisign_judges_what_we_sign_and_we_judge_what_it_signs() {
    let it = Deployment::new();
    it.configure(true, ANNA);
    let with_password = |arguments: &[&str], code: i32| {
        let output = Command::new(env!("CARGO_BIN_EXE_sportello"))
            .current_dir(it.folder.path())
            .env("SPORTELLO_KEY_PASSWORD", PASSWORD)
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {output:?}");
    };
    let check = |arguments: &[&str], succeeds: bool| {
        let output = minisign(&it, arguments)?;
        assert_eq!(output.status.success(), succeeds, "{arguments:?}: {output:?}");
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let judged = || -> Option<()> {
        // Ours, by minisign; and its comment is the one that we wrote.
        it.sign("anna.key");
        let said = check(&["-V", "-m", RAIL, "-p", "anna.pub"], true)?;
        assert!(said.contains("plugin:hello-rail\tversion:1.0.0"), "{said}");
        check(&["-V", "-m", RAIL, "-p", "marco.pub"], false)?;
        check(&["-V", "-H", "-m", RAIL, "-p", "anna.pub"], true)?;
        // Our keys, with and without a password, in its hands.
        check(&["-S", "-m", RAIL, "-s", "anna.key"], true)?;
        it.says(&["check"], 0, "is right");
        with_password(&["plugin", "keygen", "elena"], 0);
        check(&["-S", "-m", RAIL, "-s", "elena.key", "-t", "said by elena"], true)?;
        it.says(&["plugin", "verify", RAIL, "--key", "elena.pub"], 0, "comment  said by elena");
        check(&["-R", "-s", "elena.key", "-p", "again.pub"], true)?;
        let public = |name: &str| std::fs::read_to_string(it.at(name)).unwrap().lines().nth(1).unwrap().to_owned();
        assert_eq!(public("again.pub"), public("elena.pub"));
        // Its keys, with and without a password, in ours; and its signatures as they were made before 0.9.
        check(&["-G", "-p", "paolo.pub", "-s", "paolo.key"], true)?;
        check(&["-G", "-W", "-p", "open.pub", "-s", "open.key"], true)?;
        for name in ["paolo", "open"] {
            let [secret, public] = ["key", "pub"].map(|ending| format!("{name}.{ending}"));
            with_password(&["plugin", "sign", RAIL, "--key", &secret], 0);
            check(&["-V", "-m", RAIL, "-p", &public], true)?;
            it.says(&["plugin", "verify", RAIL, "--key", &public], 0, "signed by");
            for form in ["-S", "-Sl"] {
                check(&[form, "-m", RAIL, "-s", &secret], true)?;
                it.says(&["plugin", "verify", RAIL, "--key", &public], 0, "signed by");
                it.says(&["plugin", "verify", RAIL, "--key", "anna.pub"], 1, "does not know");
            }
        }
        Some(())
    };
    // Where there is nobody to judge, that has been said.
    let _ = judged();
}
