//! `[trust]`: who may have signed plugins.

use std::path::Path;

use sportello_host::RevokedKey;

use super::check;
use crate::config::Config;

const KEY: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
const ID: &str = "E7620F1842B4E81F";

#[test]
fn a_right_one_is_read_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    std::fs::write(folder.path().join("acme.pub"), format!("untrusted comment: -\n{KEY}\n")).unwrap();
    let text = format!(
        "[gateway]\nproduction = true\n[[trust.keys]]\nname = \"acme\"\nkey = {{ file = \"acme.pub\" }}\n\
         kinds = [\"rail\"]\nnames = [\"acme-*\"]\n[trust]\nrevoked_keys = [\"{ID}\", \"{KEY}\"]\n\
         revoked_files = [\"{}\"]\n",
        "0a".repeat(32)
    );
    let reading = Config::read(&file, &text, &|_| None);
    let of_trust: Vec<_> = reading.problems.iter().filter(|problem| problem.key.starts_with("trust")).collect();
    assert!(of_trust.is_empty(), "{of_trust:?}");
    let trust = reading.config.trust;
    assert!(trust.required);
    assert_eq!(trust.keys[0].key.to_string(), KEY);
    assert_eq!((trust.keys[0].kinds.len(), trust.keys[0].names.as_slice()), (1, &["acme-*".to_owned()][..]));
    assert!(matches!(&trust.revoked_keys[..], [RevokedKey::Id(id), RevokedKey::Key(_)] if id.to_string() == ID));
    assert_eq!(trust.revoked_files[0].0, [10; 32]);
    assert!(!Config::read(Path::new("x"), "", &|_| None).config.trust.required);
}

#[test]
fn what_is_wrong_is_told_and_never_means_more_trust() {
    let key = |line: &str, expected: &[&str]| {
        let text = format!("[trust]\nkeys = [\n{{ name = \"acme\", key = \"{KEY}\", {line} }},\n]\n");
        check(&text, expected);
        // What is wrong in a list makes it shorter, and an empty list would mean anything.
        let trust = Config::read(Path::new("x"), &text, &|_| None).config.trust;
        let is_bound = trust.keys.iter().all(|key| !key.kinds.is_empty() || !key.names.is_empty());
        assert!(is_bound || !line.contains('['), "{line}");
    };
    key("kinds = [\"rail\", \"channel\"], names = [\"a\", \"*-b\", \"*\"]", &[]);
    key("kinds = [\"rails\"]", &["gateway.toml:3: trust.keys[0].kinds[0]: \"rails\" is not known here; write one of"]);
    key("kinds = []", &["gateway.toml:3: trust.keys[0].kinds: this key may sign nothing; name something"]);
    key("names = []", &["gateway.toml:3: trust.keys[0].names: this key may sign nothing; name something"]);
    key("names = [\"Acme\"]", &["gateway.toml:3: trust.keys[0].names[0]: \"Acme\" is no plugin's name"]);
    key("names = \"acme\"", &["gateway.toml:3: trust.keys[0].names: this must be a list"]);
    key("nmes = \"acme\"", &["gateway.toml:3: trust.keys[0].nmes: unknown key; did you mean \"names\"?"]);
    let of = |value: &str, expected: &str| {
        check(
            &format!("[[trust.keys]]\nname = \"a\"\nkey = {value}"),
            &[&format!("gateway.toml:3: trust.keys[0].key: {expected}")],
        );
    };
    of("\"RWQ\"", "this is no public key of minisign: those have 56 characters and begin with RW; write what");
    of("7", "this is no key");
    of("{ env = \"X\" }", "this is no key");
    of("{ file = \"no/such.pub\" }", "the file no/such.pub cannot be read: ");
    of("{ file = \"/\" }", "the file / cannot be read: it is no regular file");
    let two = |one: &str, other: &str| {
        format!(
            "[[trust.keys]]\nname = \"{one}\"\nkey = \"{KEY}\"\n[[trust.keys]]\nname = \"{other}\"\nkey = \"{KEY}\""
        )
    };
    check(&two("a", "b"), &["gateway.toml:6: trust.keys[1].key: this key stands above already, as \"a\""]);
    check(
        &two("a", "a"),
        &["gateway.toml:5: trust.keys[1].name: another key is called \"a\" too", "gateway.toml:6: trust.keys[1].key"],
    );
    check("[trust]\nkey = 1", &["gateway.toml:2: trust.key: unknown key; did you mean \"keys\"?"]);
    let revoked =
        |line: &str, expected: &str| check(&format!("[trust]\n{line}"), &[&format!("gateway.toml:2: {expected}")]);
    revoked("revoked_keys = [\"acme\"]", "trust.revoked_keys[0]: this is no public key of minisign");
    revoked("revoked_files = [\"0a\"]", "trust.revoked_files[0]: \"0a\" is no SHA-256; write 64 hexadecimal digits");
}
