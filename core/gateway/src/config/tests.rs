mod counter;
mod trust;

use std::path::Path;

use super::*;

/// What is wrong with `text`, a line for each mistake.
fn mistakes(text: &str) -> Vec<String> {
    let variable = |name: &str| match name {
        "SHOP_KEY" => Some("0123456789abcdef0123456789abcdef".to_owned()),
        "SHORT_KEY" => Some("short".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    };
    let reading = Config::read(Path::new("gateway.toml"), text, &variable);
    reading.problems.iter().map(ToString::to_string).collect()
}

fn check(text: &str, expected: &[&str]) {
    let found = mistakes(text);
    let as_expected = found.len() == expected.len()
        && found.iter().zip(expected).all(|(found, expected)| found.starts_with(expected));
    assert!(as_expected, "{text}\nfound    {found:#?}\nexpected {expected:#?}");
}

const RIGHT: &str = r#"
[gateway]
listen = "127.0.0.1:0"
store = "sqlite:var/test.db"
plugins = ["plugins"]
drain = "5s"
log = { format = "json", level = "warn" }
key = { file = "var/key" }

[policy]
exempt = ["5.00 EUR", "500 JPY"]
code_lifetime = "10m"
code_tries = 3
attempts_max = 4

[[keys]]
name = "shop"
secret = { env = "SHOP_KEY" }
scopes = ["payments:read", "payments:write"]

[[profiles]]
name = "Anna Rossi"
handles = ["tel:+393331234567", "chat:@anna"]
account = "iban:FR1420041010050500013M02606"
country = "FR"
language = "it"
visibility = "public"

[channels.chat]
plugin = "chatter"
grants = ["https://chat.example"]
limits = { in_flight = 8, per_second = 100 }
default_currency = "EUR"
[channels.chat.settings]
whatever = [1, 2.5, true, { deep = "x" }]

[rails.bank]
plugin = "bank"
deadline = "30s"

[[routes]]
name = "euro"
currencies = ["EUR"]
transfer = ["bank"]
"#;

#[test]
fn a_right_file_is_read_whole() {
    check(RIGHT, &[]);
    let config = Config::read(Path::new("conf/gateway.toml"), RIGHT, &|_| Some("k".repeat(32))).config;
    assert_eq!(config.gateway.store, Path::new("conf/var/test.db"));
    assert_eq!(config.gateway.plugins, [Path::new("conf/plugins")]);
    assert_eq!(config.gateway.log.level, LogLevel::Warn);
    assert_eq!(config.policy.exempt.len(), 2);
    assert_eq!(config.profiles[0].visibility, sportello_model::command::Visibility::Public);
    let chat = &config.instances[0];
    assert_eq!((chat.kind, chat.in_flight), (Kind::Channel, 8));
    assert_eq!(chat.settings["whatever"], serde_json::json!([1, 2.5, true, {"deep": "x"}]));
    assert_eq!(config.routes[0].path, RoutePath::Transfer(vec!["bank".into()]));
    for (path, begins) in [
        ("channels.chat.settings.whatever", "whatever"),
        ("channels.chat.settings.missing", "[channels.chat.settings]"),
        ("profiles[0].language", "language"),
        ("profiles[0].missing", "[[profiles]]"),
    ] {
        let line = RIGHT.lines().position(|line| line.starts_with(begins));
        assert_eq!(Some(config.lines.of(path)), line.map(|at| at + 1), "{path}");
    }
}

#[test]
fn an_empty_file_is_a_gateway_with_nothing_to_do() {
    check("", &[]);
}

#[test]
fn five_mistakes_are_five_errors_in_one_run() {
    let text = r#"[gateway]
listen = "localhost"
plugins = ["plugins"]
[[profiles]]
name = "Anna Rossi"
handles = ["anna"]
account = "iban:FR1420041010050500013M02606"
[channels.chat]
plugin = "chatter"
deadlin = "10s"
[rails.bank]
plugin = "bank"
deadline = "10 s"
[[routes]]
name = "euro"
transfer = ["bnk"]
"#;
    assert_eq!(
        mistakes(text),
        [
            "gateway.toml:2: gateway.listen: \"localhost\" is no address to listen on; write an IP address and a port, as \"127.0.0.1:8080\" or \"[::1]:8080\"",
            "gateway.toml:6: profiles[0].handles[0]: \"anna\" is no handle: a handle is written as scheme:name; write it as \"tel:+393331234567\" or \"scheme:@name\"",
            "gateway.toml:10: channels.chat.deadlin: unknown key; did you mean \"deadline\"?",
            "gateway.toml:13: rails.bank.deadline: \"10 s\" is no duration; write it as \"20s\", \"500ms\", \"10m\", \"2h\" or \"1d\"",
            "gateway.toml:16: routes[0].transfer[0]: there is no rail \"bnk\"; did you mean \"bank\"?",
        ]
    );
}

#[test]
fn the_gateway() {
    let gateway = |line: &str, expected: &[&str]| check(&format!("[gateway]\n{line}"), expected);
    gateway("listen = 8080", &["gateway.toml:2: gateway.listen: this must be a text"]);
    gateway("listen = \"\"", &["gateway.toml:2: gateway.listen: this is empty"]);
    gateway("store = \"postgres://db/x\"", &["gateway.toml:2: gateway.store: this build has SQLite alone"]);
    gateway("store = \"var/x.db\"", &["gateway.toml:2: gateway.store: \"var/x.db\" is no store"]);
    gateway("plugins = \"plugins\"", &["gateway.toml:2: gateway.plugins: this must be a list; write it in brackets"]);
    gateway("plugins = [1]", &["gateway.toml:2: gateway.plugins[0]: this must be a text"]);
    gateway("production = \"yes\"", &["gateway.toml:2: gateway.production: this must be true or false"]);
    for drain in ["\"\"", "\"0s\"", "\"-1s\"", "\"1.5s\"", "\"9999d\"", "\"99999999999999999999s\"", "\"٣s\"", "20"] {
        gateway(&format!("drain = {drain}"), &["gateway.toml:2: gateway.drain: "]);
    }
    gateway("log = \"json\"", &["gateway.toml:2: gateway.log: this must be a table"]);
    gateway(
        "log = { format = \"xml\", levl = \"info\" }",
        &[
            "gateway.toml:2: gateway.log.format: \"xml\" is not known here; write one of \"text\", \"json\"",
            "gateway.toml:2: gateway.log.levl: unknown key; did you mean \"level\"?",
        ],
    );
    gateway(
        "key = { env = \"X\" }",
        &[
            "gateway.toml:2: gateway.key.file: this key is missing; write it, as in: file = \"var/sportello.key\"",
            "gateway.toml:2: gateway.key.env: unknown key; the keys here are file",
        ],
    );
    check("gateway = 1", &["gateway.toml:1: gateway: this must be a table; write [gateway]"]);
    check("[gatway]\nlisten = \"x\"", &["gateway.toml:1: gatway: unknown key; did you mean \"gateway\"?"]);
}

#[test]
fn the_policy() {
    let policy = |line: &str, expected: &[&str]| check(&format!("[policy]\n{line}"), expected);
    for exempt in ["5 €", "5,00 EUR", "-5 EUR", "5.001 EUR", "5 eur", "5", "5 XAU"] {
        policy(&format!("exempt = [{exempt:?}]"), &["gateway.toml:2: policy.exempt[0]: "]);
    }
    policy("exempt = [\"5 EUR\", \"6 EUR\"]", &["gateway.toml:2: policy.exempt: there are two limits for EUR"]);
    for tries in ["0", "-1", "11", "3.0", "\"3\"", "99999999999999999999"] {
        let line = format!("code_tries = {tries}");
        let found = mistakes(&format!("[policy]\n{line}"));
        assert!(!found.is_empty(), "{line}");
    }
    policy("repeat_window = \"90m\"\nverified_for = \"90d\"\nchallenges_max = 5", &[]);
    policy("repeat_window = \"never\"", &["gateway.toml:2: policy.repeat_window: \"never\" is no duration"]);
    policy("verified_for = 180", &["gateway.toml:2: policy.verified_for: this must be a duration"]);
    policy("challenges_max = 0", &["gateway.toml:2: policy.challenges_max: this must be a whole number from 1 to"]);
    policy("attempts_max = 0", &["gateway.toml:2: policy.attempts_max: this must be a whole number from 1 to 20"]);
}

#[test]
fn the_keys() {
    let key = |lines: &str, expected: &[&str]| check(&format!("[[keys]]\n{lines}"), expected);
    key(
        "",
        &[
            "gateway.toml:1: keys[0].name: this key is missing",
            "gateway.toml:1: keys[0].secret: this key is missing",
            "gateway.toml:1: keys[0].scopes: this key is missing",
        ],
    );
    let named = |secret: &str, expected: &[&str]| {
        key(&format!("name = \"a\"\nscopes = []\nsecret = {secret}"), expected);
    };
    named("\"literal\"", &[]);
    named("{ env = \"NOT_SET\" }", &["gateway.toml:4: keys[0].secret: the environment variable NOT_SET is not set"]);
    named("{ env = \"EMPTY\" }", &["gateway.toml:4: keys[0].secret: the environment variable EMPTY is empty"]);
    named("{ file = \"no/such/file\" }", &["gateway.toml:4: keys[0].secret: the file no/such/file cannot be read"]);
    named("{ envv = \"X\" }", &["gateway.toml:4: keys[0].secret: this must be a secret; write { env"]);
    named("12", &["gateway.toml:4: keys[0].secret: this must be a secret"]);
    named("\"two words\"", &["gateway.toml:4: keys[0].secret: a key has no spaces"]);
    key(
        "name = \"a\"\nsecret = \"x\"\nscopes = [\"payments:raed\"]",
        &["gateway.toml:4: keys[0].scopes[0]: \"payments:raed\" is not known here; write one of"],
    );
    let two = "[[keys]]\nname = \"a\"\nsecret = \"x\"\nscopes = []\n";
    check(
        &format!("{two}{two}"),
        &[
            "gateway.toml:6: keys[1].name: another key is called \"a\" too",
            "gateway.toml:7: keys[1].secret: another key has the same secret",
        ],
    );
}

#[test]
fn production_asks_for_more() {
    let folder = tempfile::tempdir().unwrap();
    let key_file = folder.path().join("key");
    std::fs::write(&key_file, "0".repeat(64)).unwrap();
    let with_key = format!("production = true\nkey = {{ file = {key_file:?} }}");
    let check = |text: &str, expected: &[&str]| check(&text.replace("production = true", &with_key), expected);
    super::tests::check(
        "[gateway]\nproduction = true",
        &["gateway.toml:1: gateway.key: the file var/sportello.key is not there; make one"],
    );
    let production = |lines: &str, expected: &[&str]| {
        let head = "[gateway]\nproduction = true\n[[keys]]\nname = \"a\"\nscopes = []\n";
        check(&format!("{head}{lines}"), expected);
    };
    production("secret = { env = \"SHOP_KEY\" }", &[]);
    production(
        "secret = \"literally-0123456789abcdef0123456789abcdef\"",
        &["gateway.toml:7: keys[0].secret: a secret must not stand in the file in production"],
    );
    check(
        "[gateway]\nproduction = true\nplugins = [\"p\"]\n[rails.a]\nplugin = \"x\"\ngrants = [\"http://127.0.0.1:*\"]\nisolation = \"process\"",
        &["gateway.toml:7: rails.a.grants[0]: \"http://127.0.0.1:*\" is not encrypted"],
    );
    let streams = |grant: &str, expected: &[&str]| {
        let rail = "[gateway]\nproduction = true\nplugins = [\"p\"]\n[rails.a]\nplugin = \"x\"\n";
        check(&format!("{rail}grants = [\"{grant}\"]\nisolation = \"process\""), expected);
    };
    streams("tls://smsc.example:3550", &[]);
    streams("tcp://10.1.2.3:2775", &[]);
    streams("tcp://[fd00::1]:2775", &[]);
    let elsewhere = ["0.0.0.0:1", "localhost:1", "10.example:1", "[::ffff:10.0.0.1]:1", "[fe80::1]:1", "100.64.0.1:1"];
    for elsewhere in elsewhere.into_iter().chain(["010.1.2.3:1", "10.1:1", "0x0a000001:1"]) {
        let expected = format!("gateway.toml:7: rails.a.grants[0]: \"tcp://{elsewhere}\" is not encrypted");
        streams(&format!("tcp://{elsewhere}"), &[&expected]);
    }
    streams("tcp://127.0.0.1:*", &[]);
    streams("tcp://[::1]:2775", &[]);
    streams("tcp://8.8.8.8:2775", &["gateway.toml:7: rails.a.grants[0]: \"tcp://8.8.8.8:2775\" is not encrypted"]);
    streams("tcp://*:2775", &["gateway.toml:7: rails.a.grants[0]: \"tcp://*:2775\" is not encrypted"]);
    streams("tls://smsc.example", &["gateway.toml:7: rails.a.grants[0]: `tls://smsc.example` is no origin"]);
    check(
        "[gateway]\nplugins = [\"p\"]\n[rails.a]\nplugin = \"x\"\n[rails.a.tls]\ncertificate = \"c.pem\"\nkeys = 1",
        &["gateway.toml:5: rails.a.tls: a certificate and its key come together", "gateway.toml:7: rails.a.tls.keys"],
    );
    production(
        "secret = { env = \"SHORT_KEY\" }",
        &["gateway.toml:7: keys[0].secret: a key has at least 32 characters in production"],
    );
}

#[cfg(unix)]
#[test]
fn a_secret_that_everybody_may_read_is_none_in_production() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, format!("{}\r\n", "k".repeat(40))).unwrap();
    let text = format!(
        "[gateway]\nproduction = true\nkey = {{ file = {secret:?} }}\n[[keys]]\nname = \"a\"\nscopes = []\nsecret = {{ file = {secret:?} }}"
    );
    let check = |mode: u32, expected: &[&str]| {
        std::fs::set_permissions(&secret, PermissionsExt::from_mode(mode)).unwrap();
        check(&text, expected);
    };
    check(0o644, &["gateway.toml:7: keys[0].secret: everybody may read the file"]);
    check(0o600, &[]);
    let reading = Config::read(Path::new("x.toml"), &text, &|_| None);
    assert_eq!(reading.config.keys[0].secret.reveal(), "k".repeat(40));
}

#[test]
fn values_of_secrets_are_never_told() {
    let text = "[[keys]]\nname = \"a\"\nscopes = []\nsecret = \"hunter2 hunter2\"\n[gateway]\nproduction = true";
    let reading = Config::read(Path::new("gateway.toml"), text, &|_| None);
    let told = format!("{:?} {:?}", reading.problems, reading.config.keys);
    assert!(!told.contains("hunter2"), "{told}");
}

#[test]
fn the_profiles() {
    let profile = |line: &str, expected: &[&str]| {
        let head = "[[profiles]]\nname = \"Anna\"\nhandles = [\"tel:+391\"]\n";
        let account = "account = \"iban:DE89370400440532013000\"";
        let rest = if line.starts_with("account") { "" } else { account };
        check(&format!("{head}{line}\n{rest}"), expected);
    };
    profile("account = \"iban:DE89370400440532013000\"", &[]);
    profile("account = \"iban:DE88370400440532013000\"", &["gateway.toml:4: profiles[0].account: this is no IBAN"]);
    profile(
        "account = \"chat:@anna\"",
        &["gateway.toml:4: profiles[0].account: \"chat:@anna\" is a name, and no account"],
    );
    profile("country = \"it\"", &["gateway.toml:4: profiles[0].country: \"it\" is no country code"]);
    profile("language = \"de\"", &["gateway.toml:4: profiles[0].language: \"de\" is not known here"]);
    profile("visibility = \"secret\"", &["gateway.toml:4: profiles[0].visibility: \"secret\" is not known here"]);
    profile("verified = \"2026-11-01\"", &[]);
    profile("verified = \"2026-11-31\"", &["gateway.toml:4: profiles[0].verified: \"2026-11-31\" is no day"]);
    profile("verified = true", &["gateway.toml:4: profiles[0].verified: this must be a day"]);
    profile("colour = \"red\"", &["gateway.toml:4: profiles[0].colour: unknown key; the keys here are name, handles"]);
    check(
        "[[profiles]]\nhandles = [\"a:b\u{200b}c\"]",
        &[
            "gateway.toml:1: profiles[0].name: this key is missing",
            "gateway.toml:1: profiles[0].account: this key is missing",
            "gateway.toml:2: profiles[0].handles[0]: ",
        ],
    );
    check(
        "[[profiles]]\nname = \"Anna\"\nhandles = [\"chat:@Anna\"]\naccount = \"x:1\"\n[[profiles]]\nname = \"Other\"\nhandles = [\"chat:@anna\"]\naccount = \"x:2\"",
        &["gateway.toml:7: profiles[1].handles: \"chat:@anna\" is Anna already"],
    );
    let handle = |written: &str, expected: &[&str]| {
        check(&format!("[[profiles]]\nname = \"Anna\"\naccount = \"x:1\"\nhandles = [{written}]"), expected);
    };
    handle("\"tel:+4915112345678\", \"tel:@anna\"", &[]);
    for number in ["tel:015112345678", "tel:+015112345678", "tel:+49-151", "tel:+", "tel:+1234567890123456"] {
        let expected = format!("gateway.toml:4: profiles[0].handles[0]: {number:?} is a number of one country");
        handle(&format!("{number:?}"), &[&expected]);
    }
    check(
        "[profiles]\nname = \"Anna\"",
        &["gateway.toml:1: profiles: this must be a list of tables; write [[profiles]]"],
    );
}

#[test]
fn the_instances() {
    let head = "[gateway]\nplugins = [\"p\"]\n";
    let instance = |lines: &str, expected: &[&str]| check(&format!("{head}[rails.a]\n{lines}"), expected);
    instance("", &["gateway.toml:3: rails.a.plugin: this key is missing; write it, as in: plugin = "]);
    instance("plugin = \"../evil\"", &["gateway.toml:4: rails.a.plugin: \"../evil\" is no name"]);
    instance(
        "plugin = \"x\"\nlimits = { in_flight = 0, per_minute = 1 }",
        &[
            "gateway.toml:5: rails.a.limits.in_flight: this must be a whole number",
            "gateway.toml:5: rails.a.limits.per_minute: unknown key",
        ],
    );
    instance("plugin = \"x\"\ndefault_currency = \"EUR\"", &["gateway.toml:5: rails.a.default_currency: unknown key"]);
    instance("plugin = \"x\"\nsettings = 3", &["gateway.toml:5: rails.a.settings: this must be a table"]);
    check(&format!("{head}[rails]\na = 1"), &["gateway.toml:4: rails.a: this must be a table"]);
    check(
        &format!("{head}[rails.\"A b\"]\nplugin = \"x\""),
        &["gateway.toml:3: rails.\"A b\": \"A b\" cannot be an instance's name"],
    );
    check(
        &format!("{head}[channels.a]\nplugin = \"x\"\n[rails.a]\nplugin = \"x\""),
        &["gateway.toml:5: rails.a: a channel is called \"a\" too"],
    );
    let no_folder = "gateway.toml:1: gateway.plugins: no folder with plugins is named";
    check("[rails.a]\nplugin = \"x\"", &[no_folder]);
    check("[rails.a]\nexec = [\"python3\", \"rail.py\"]", &[]);
    check("[rails.a]\nexec = [\"python3\", \"rail.py\"]\n[rails.b]\nplugin = \"x\"", &[no_folder]);
}

#[test]
fn the_routes() {
    let route = |lines: &str, expected: &[&str]| {
        let head = "[gateway]\nplugins = [\"p\"]\n[rails.a]\nplugin = \"x\"\n[[routes]]\nname = \"r\"\n";
        check(&format!("{head}{lines}"), expected);
    };
    route("transfer = [\"a\"]", &[]);
    let house = "[house]\nname = \"H\"\naccount = \"iban:FR1420041010050500013M02606\"";
    route(&format!("collect = [\"a\"]\npayout = [\"a\"]\n{house}"), &[]);
    route(
        "collect = [\"a\"]\npayout = [\"a\"]",
        &["gateway.toml:7: routes[0].collect: what is collected is held by nobody, and no payment would take this \
           route; write [house]"],
    );
    route("", &["gateway.toml:5: routes[0]: this route leads nowhere; write either transfer = […], or collect"]);
    route(
        "transfer = [\"a\"]\ncollect = [\"a\"]\npayout = [\"a\"]",
        &["gateway.toml:8: routes[0].collect: a route goes one way"],
    );
    route("collect = [\"a\"]", &["gateway.toml:7: routes[0].collect: payout is missing beside it"]);
    route("transfer = []", &["gateway.toml:7: routes[0].transfer: no rail is named here"]);
    route(
        "transfer = [\"zzz\"]",
        &["gateway.toml:7: routes[0].transfer[0]: there is no rail \"zzz\"; add [rails.zzz], or name one of: a"],
    );
    route(
        "currencies = [\"EURO\"]\ntransfer = [\"a\"]",
        &["gateway.toml:7: routes[0].currencies[0]: `EURO` is not a currency of ISO 4217"],
    );
}

#[test]
fn what_is_no_toml_is_said_with_its_line_and_the_rest_is_still_read() {
    let found = mistakes("[gateway]\nlisten = \ndrain = \"x\"\n");
    assert!(
        found[0].starts_with("gateway.toml:2: ")
            && found.iter().any(|line| line.starts_with("gateway.toml:3: gateway.drain: ")),
        "{found:#?}"
    );
    let found = mistakes("[gateway]\ndrain = \"1s\"\ndrain = \"2s\"\n");
    assert!(found[0].starts_with("gateway.toml:3: "), "{found:#?}");
}

#[test]
fn the_deployment_that_runs_out_of_the_box_is_right() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../gateway.toml");
    let reading = Config::open(&file).unwrap();
    assert_eq!(reading.problems, []);
    assert!(!reading.config.instances.is_empty() && !reading.config.routes.is_empty());
}
