//! Where people's browsers come to, and who sees what they give there.

use super::{check, mistakes};

#[test]
fn where_people_reach_us() {
    let gateway = |line: &str, expected: &[&str]| check(&format!("[gateway]\n{line}"), expected);
    for url in ["https://pay.example", "https://pay.example:8443/", "http://127.0.0.1:8080"] {
        gateway(&format!("public_url = {url:?}"), &[]);
    }
    for url in [
        "pay.example",
        "ftp://pay.example",
        "https://",
        "https://pay.example/x",
        "https://a@pay.example",
        "https://x/?a",
    ] {
        gateway(
            &format!("public_url = {url:?}"),
            &[&format!("gateway.toml:2: gateway.public_url: {url:?} is no address")],
        );
    }
    gateway("client_ip_header = \"X-Forwarded-For\"", &[]);
    gateway("client_ip_header = \"x y\"", &["gateway.toml:2: gateway.client_ip_header: \"x y\" is no header's name"]);
    check(
        "[policy]\nenrolment = true\nenrolment_lifetime = \"1h\"",
        &["gateway.toml:2: policy.enrolment: there is no address"],
    );
    let anna = "[[profiles]]\nname = \"Anna\"\nhandles = [\"tel:+391\"]";
    check(anna, &["gateway.toml:1: profiles[0].account: this key is missing"]);
    check(&format!("[gateway]\npublic_url = \"https://x\"\n[policy]\nenrolment = true\n{anna}"), &[]);
}

#[test]
fn the_vault_and_the_house() {
    let vault = |line: &str, expected: &[&str]| check(&format!("[vault]\n{line}"), expected);
    vault("key = { file = \"var/v.key\" }\nold_keys = [{ command = [\"kms\", \"decrypt\"] }]", &[]);
    for wrong in ["\"literal\"", "{ file = \"\" }", "{ command = [] }", "{ command = \"kms\" }", "{}", "7"] {
        vault(&format!("key = {wrong}"), &["gateway.toml:2: vault.key: this must be a key to the vault; write { file"]);
    }
    vault(
        "key = { env = \"SHORT_KEY\" }",
        &["gateway.toml:2: vault.key: the variable does not hold 64 hexadecimal digits"],
    );
    vault("key = { env = \"NOT_SET\" }", &["gateway.toml:2: vault.key: the environment variable NOT_SET is not set"]);
    vault(
        "old_keys = [1]\nkeys = 1",
        &["gateway.toml:2: vault.old_keys[0]: this must be", "gateway.toml:3: vault.keys: unknown"],
    );
    check("[house]\nname = \"Us\"\naccount = \"iban:DE89370400440532013000\"\ncountry = \"DE\"", &[]);
    check(
        "[house]\nname = \"Us\"\naccount = \"iban:DE88370400440532013000\"",
        &["gateway.toml:3: house.account: this is no IBAN"],
    );
    let card = |account: &str| mistakes(&format!("[house]\nname = \"Us\"\naccount = \"card:{account}\""));
    assert!(card(&"0a".repeat(16)).is_empty());
    let told = card("4111111111111111").join("");
    assert!(
        told.starts_with("gateway.toml:3: house.account: a card is named by its id") && !told.contains("4111"),
        "{told}"
    );
    check("[house]", &["gateway.toml:1: house.name: this key is missing", "gateway.toml:1: house.account: this key"]);
}

#[test]
fn who_may_see_card_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "0".repeat(64)).unwrap();
    let rail = |production: bool, lines: &str, vault: &str, expected: &[&str]| {
        let text = format!(
            "[gateway]\nproduction = {production}\nkey = {{ file = {key:?} }}\nplugins = [\"p\"]\n[rails.a]\nplugin = \
             \"x\"\n{lines}\n{vault}"
        );
        check(&text, expected);
    };
    let named = format!("[vault]\nkey = {{ file = {key:?} }}");
    rail(false, "grants = [\"pan\"]", "", &[]);
    let shared = "grants = [\"pan\"]\nisolation = \"in-process\"";
    rail(true, shared, &named, &["gateway.toml:7: rails.a.grants: in production card numbers are not"]);
    // Where it has a process of its own unless that is said otherwise.
    #[cfg(target_os = "linux")]
    rail(true, "grants = [\"pan\"]", &named, &[]);
    rail(true, "grants = [\"pan\"]\nisolation = \"process\"", &named, &[]);
    let missing = "[vault]\nkey = { file = \"no/such/key\" }";
    rail(
        true,
        "isolation = \"process\"",
        missing,
        &["gateway.toml:9: vault.key: the file no/such/key is not there; make one"],
    );
    rail(
        true,
        "grants = [\"pan\"]\nisolation = \"process\"",
        "",
        &["gateway.toml:1: vault: card numbers are granted, and the key to the vault is not named"],
    );
}

#[test]
fn where_a_plugin_runs() {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key");
    std::fs::write(&key, "0".repeat(64)).unwrap();
    let of = |gateway: &str, rail: &str| {
        format!(
            "[gateway]\nplugins = [\"p\"]\nkey = {{ file = {key:?} }}\n{gateway}\n[rails.a]\nplugin = \"x\"\n{rail}"
        )
    };
    let production = "production = true";
    check(&of("", ""), &[]);
    check(&of("", "isolation = \"none\""), &["gateway.toml:7: rails.a.isolation: "]);
    let unsaid = "rails.a.isolation: in production a plugin does not share this program's memory, unless that is said";
    #[cfg(target_os = "linux")]
    check(&of(production, ""), &[]);
    let all = format!("{production}\nisolation = \"in-process\"");
    check(&of(&all, ""), &[&format!("gateway.toml:6: {unsaid}")]);
    check(&of(production, "isolation = \"in-process\""), &[&format!("gateway.toml:7: {unsaid}")]);
    check(&of(&format!("{all}\nin_process = [\"a\"]"), ""), &[]);
    check(&of(&format!("{production}\nisolation = \"process\""), ""), &[]);
    check(
        &of("in_process = [\"a\"]", "isolation = \"process\""),
        &["gateway.toml:4: gateway.in_process[0]: no instance called \"a\" shares this program's memory"],
    );
    check(
        &of(&format!("{all}\nin_process = [\"a\"]\n[vault]\nkey = {{ file = {key:?} }}"), "grants = [\"pan\"]"),
        &["gateway.toml:11: rails.a.grants: in production card numbers are not given"],
    );
    check(
        &of("isolation = \"in-process\"", "limits = { memory_mb = 64 }"),
        &["gateway.toml:7: rails.a.limits.memory_mb: this bounds a process of its own"],
    );
    check(
        &of("isolation = \"process\"", "limits = { memory_mb = 1, open_files = 64 }"),
        &["gateway.toml:7: rails.a.limits.memory_mb: this must be a whole number from 16 to 65536"],
    );
}
