//! What a plugin's schema marks, and the file has to agree with: values that belong to one instance alone, and secrets that
//! are needed where their table is.

use serde_json::json;
use sportello_gateway::plugins::Plugins;
use sportello_host::Loaded;
use sportello_sdk::{Failure, Host, JsonSchema, Order, Outcome, Rail, async_trait, dispatch, serde, settings};

use crate::world::prepare_with;

settings! {
    /// A till's.
    struct TillSettings {
        /// Whose ids they are.
        #[serde(default = "house")]
        bank: String,
        /// Its ids.
        #[serde(default)]
        #[schemars(
            inner(length(min = 1, max = 4), regex(pattern = "^[!-~]*$")),
            extend("uniqueItems" = true, "x-sportello-exclusive" = { "what": "till id", "within": ["bank"] })
        )]
        tills: Vec<String>,
        /// Whom it asks, if anybody.
        #[serde(default)]
        asks: Option<Asks>,
    }
}

/// Whom a till asks.
#[derive(serde::Deserialize, JsonSchema)]
#[serde(crate = "sportello_sdk::serde", deny_unknown_fields)]
#[schemars(crate = "sportello_sdk::schemars", extend("x-sportello-secrets" = ["asking_key"]))]
struct Asks {
    /// How often.
    #[schemars(range(min = 1))]
    #[expect(dead_code, reason = "nobody is asked here")]
    times: u32,
}

settings! {
    /// Those of another plugin, which calls things by other names.
    struct DrawerSettings {
        /// Whose ids they are.
        owner: String,
        /// Its one id.
        #[schemars(extend("x-sportello-exclusive" = { "what": "till id", "within": ["owner"] }))]
        id: String,
    }
}

fn house() -> String {
    "house".to_owned()
}

struct Till;

#[async_trait]
impl Rail for Till {
    type Settings = TillSettings;
    async fn open(settings: TillSettings, _: &Host) -> Result<Self, Failure> {
        let TillSettings { bank, tills, asks } = settings;
        drop((bank, tills, asks));
        Ok(Self)
    }
    async fn submit(&self, _: Order, _: &Host) -> Result<Outcome, Failure> {
        Ok(Outcome::unknown("nobody asks it"))
    }
}

struct Drawer;

#[async_trait]
impl Rail for Drawer {
    type Settings = DrawerSettings;
    async fn open(settings: DrawerSettings, _: &Host) -> Result<Self, Failure> {
        let DrawerSettings { owner, id } = settings;
        drop((owner, id));
        Ok(Self)
    }
    async fn submit(&self, _: Order, _: &Host) -> Result<Outcome, Failure> {
        Ok(Outcome::unknown("nobody asks it"))
    }
}

fn plugins() -> Plugins {
    let manifest = |name: &str, secrets: &[&str]| {
        let orders = json!({ "collect": { "doubt": "statement" } });
        let manifest = json!({ "name": name, "kind": "rail", "version": "1.0.0", "contract": "1.0", "secrets": secrets,
            "rail": { "accounts": ["iban"], "orders": orders } });
        serde_json::from_value(manifest).unwrap()
    };
    Plugins::BuiltIn(vec![
        Loaded::built_in(manifest("till", &["asking_key"]), dispatch::rail::<Till>),
        Loaded::built_in(manifest("drawer", &[]), dispatch::rail::<Drawer>),
    ])
}

const HEAD: &str = "[gateway]\nisolation = \"in-process\"\nstore = \"sqlite:x.db\"\nplugins = [\"x\"]\n";

/// What is told of instances, each a table of its own.
async fn check(instances: &str, expected: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    let config = format!("{HEAD}{instances}");
    let found = prepare_with(folder.path(), &config, plugins()).await.err().unwrap_or_default();
    let matches = found.len() == expected.len() && found.iter().zip(expected).all(|(f, e)| f.starts_with(e));
    assert!(matches, "{config}\nfound    {found:#?}\nexpected {expected:#?}");
}

#[tokio::test]
async fn what_belongs_to_one_instance_stands_at_no_other() {
    let till = |name: &str, settings: &str| {
        format!("[rails.{name}]\nplugin = \"till\"\n[rails.{name}.settings]\n{settings}\n")
    };
    let drawer = |name: &str, owner: &str, id: &str| {
        format!("[rails.{name}]\nplugin = \"drawer\"\nsettings = {{ owner = \"{owner}\", id = \"{id}\" }}\n")
    };
    check(&(till("one", "tills = [\"A\", \"B\"]") + &till("two", "tills = [\"C\"]")), &[]).await;
    // Each with its own line, all at once; what is not written is what the schema says.
    let first = till("one", "tills = [\"A\", \"B\", \"C\"]");
    let second = till("two", "bank = \"house\"\ntills = [\n  \"D\",\n  \"B\",\n  \"A\",\n]");
    check(
        &(first.clone() + &second),
        &[
            "gateway.toml:15: rails.two.settings.tills[1]: the till id \"B\" (bank = \"house\") is given to rails.one already, \
             on line 8; give each instance its own: no two may have one till id",
            "gateway.toml:16: rails.two.settings.tills[2]: the till id \"A\"",
        ],
    )
    .await;
    // Elsewhere it is another's.
    check(&(first.clone() + &till("two", "bank = \"other\"\ntills = [\"A\"]")), &[]).await;
    // Of another plugin, which calls it by another name.
    check(
        &(first.clone() + &drawer("other", "house", "C")),
        &["gateway.toml:11: rails.other.settings.id: the till id \"C\" \
        (owner = \"house\") is given to rails.one already, on line 8"],
    )
    .await;
    check(&(first + &drawer("other", "another", "C")), &[]).await;
    // Within one instance it is the schema's to say.
    check(&till("one", "tills = [\"A\", \"A\"]"), &["gateway.toml:8: rails.one.settings.tills: "]).await;
    check(
        &till("one", "tills = [\"A\", \"TOO LONG\", \"ÄÖ\"]"),
        &[
            "gateway.toml:8: rails.one.settings.tills[1]: \"TOO LONG\" is longer than 4 characters",
            "gateway.toml:8: rails.one.settings.tills[1]: \"TOO LONG\" does not match",
            "gateway.toml:8: rails.one.settings.tills[2]: \"ÄÖ\" does not match",
        ],
    )
    .await;
}

#[tokio::test]
async fn a_secret_is_needed_where_its_table_is_and_mistakes_in_it_are_told_by_their_keys() {
    let till = |settings: &str| format!("[rails.one]\nplugin = \"till\"\n[rails.one.settings]\n{settings}\n");
    check(&till(""), &[]).await;
    check(&till("asking_key = \"k\"\nasks = { times = 1 }"), &[]).await;
    check(&till("asking_key = \"k\""), &[]).await;
    check(
        &till("asks = { times = 1 }"),
        &["gateway.toml:7: rails.one.settings.asking_key: the plugin needs this secret"],
    )
    .await;
    check(
        &till("asking_key = \"k\"\n[rails.one.settings.asks]\ntimes = 0"),
        &["gateway.toml:10: rails.one.settings.asks.times: 0 is less than the minimum of 1"],
    )
    .await;
    check(
        &till("asking_key = \"k\"\n[rails.one.settings.asks]\ntimes = 1\nonce = true"),
        &["gateway.toml:9: rails.one.settings.asks: Additional properties are not allowed ('once' was unexpected)"],
    )
    .await;
}
